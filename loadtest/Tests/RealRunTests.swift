import LoadtestKit
import LocalSystem
import Testing

struct RealRunTests {
    private let whole = ["RUN_E2E": "1", "ADMIN_ID": "7", "ATELIER_KIE_KEYS": "k", "ATELIER_TELEGRAM_BOT_TOKEN": "t"]

    @Test func `only the exact wish asks for a real run`() {
        #expect(RealRun.isAsked(whole))
        for text in ["", "0", "true", "yes", "1 "] { #expect(!RealRun.isAsked(["RUN_E2E": text])) }
        #expect(!RealRun.isAsked([:]))
    }

    @Test func `all keys together are let through`() throws {
        try RealRun.check(whole)
    }

    @Test(arguments: RealRun.keys, ["", nil])
    func `a key that is missing or empty is named`(name: String, value: String?) {
        var environment = whole
        environment[name] = value
        #expect {
            try RealRun.check(environment)
        } throws: { error in
            (error as? OperatorError)?.problem == "A real run needs \(name)."
        }
    }

    @Test(arguments: ["me", "0", "-5", "@name"])
    func `an administrator who is nobody is refused`(id: String) {
        var environment = whole
        environment["ADMIN_ID"] = id
        #expect(throws: OperatorError.self) { try RealRun.check(environment) }
    }
}
