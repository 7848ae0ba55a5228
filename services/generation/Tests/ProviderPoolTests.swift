import Configuration
import Testing
import Time

@testable import GenerationService

struct ProviderPoolTests {
    private func at(_ seconds: Double) -> Timestamp { Timestamp(microseconds: Int64(seconds * 1_000_000)) }

    private func pool(_ keys: [KeyBook], _ accounts: [SlotBook] = []) -> ProviderPool {
        ProviderPool(keys: keys, accounts: Dictionary(uniqueKeysWithValues: accounts.map { ($0.account, $0) }))
    }

    @Test func `keys of one account share its pace`() {
        let full = SlotBook(account: "main", stamps: (0..<20).map { _ in at(1) })
        let pool = pool([KeyBook(key: "a", account: "main"), KeyBook(key: "b", account: "main")], [full])
        #expect(pool.free(now: at(2)) == 0)
        #expect(pool.best(now: at(2))?.slot == at(1) + SlotBook.window)
    }

    @Test func `a resting account is passed over, and used again afterwards`() {
        let keys = [KeyBook(key: "a", account: "x", weight: 9), KeyBook(key: "b", account: "y")]
        let pool = pool(keys, [SlotBook(account: "x", pausedUntil: at(30))])
        #expect(pool.best(now: at(2))?.key == "b" && pool.free(now: at(2)) == SlotBook.limit)
        #expect(pool.best(now: at(31))?.key == "a" && pool.free(now: at(31)) == 2 * SlotBook.limit)
    }

    @Test func `a refused key is passed over, its account's other key is not`() {
        let keys = [KeyBook(key: "a", account: "x", pausedUntil: at(300)), KeyBook(key: "b", account: "x")]
        #expect(pool(keys).best(now: at(2))?.key == "b")
        #expect(pool([keys[0]]).best(now: at(2)) == .init(key: "a", account: "x", slot: at(300)))
        #expect(pool([keys[0]]).free(now: at(2)) == 0)
    }

    @Test func `a key that has spent its cap waits for the next day`() {
        var key = KeyBook(key: "a", account: "x", dailyCapMicrodollars: 1_000, spentMicrodollars: 999)
        #expect(pool([key]).best(now: at(90_000))?.slot == at(90_000))
        key.spentMicrodollars = 1_000
        #expect(pool([key]).best(now: at(90_000))?.slot == at(2 * 86_400))
    }

    @Test func `work is spread over accounts by weight`() {
        var pool = pool([KeyBook(key: "a", account: "x", weight: 3), KeyBook(key: "b", account: "y")])
        var uses = ["a": 0, "b": 0]
        for number in 0..<24 {
            let now = at(Double(number) / 100)
            guard let choice = pool.best(now: now) else { break }
            uses[choice.key, default: 0] += 1
            pool.accounts[choice.account] = (pool.accounts[choice.account] ?? SlotBook(account: choice.account))
                .taking(now)
        }
        #expect(uses == ["a": 18, "b": 6])
    }

    @Test func `equal keys of an account take turns`() {
        let keys = [
            KeyBook(key: "a", account: "x", usedAt: at(5)), KeyBook(key: "b", account: "x", usedAt: at(4)),
        ]
        #expect(pool(keys).best(now: at(6))?.key == "b")
    }

    @Test(arguments: [
        (ErrorClass.rateLimit, ProviderRest.Scope.account, 2), (.insufficientCredits, .account, 30),
        (.keyLimit, .key, 300), (.unauthorized, .key, 300),
    ])
    func `who is to blame rests`(failure: ErrorClass, scope: ProviderRest.Scope, seconds: Int) {
        let rest = ProviderRest(after: failure)
        #expect(rest?.scope == scope && rest?.first == .seconds(seconds))
    }

    @Test(arguments: [ErrorClass.refused, .temporary, .invalidInput, .notFound, .unreachable, .unknown, .fetchFailed])
    func `nobody rests because of a task`(failure: ErrorClass) {
        #expect(ProviderRest(after: failure) == nil)
    }
}

struct ProviderKeysTests {
    @Test func `a key alone is an account of its own`() throws {
        let key = try #require(ProviderKeys(["sk-1"])?.members.first)
        #expect(key.account == key.name && key.weight == 1 && key.dailyCapMicrodollars == nil)
        #expect(key.name.count == 12 && key.key.text == "sk-1")
    }

    @Test func `account, weight and cap are read`() throws {
        let keys = try #require(ProviderKeys(["main/sk-1*3@20", "main/sk-2@0.5"])?.members)
        #expect(keys.map(\.account) == ["main", "main"] && keys.map(\.weight) == [3, 1])
        #expect(keys.map(\.dailyCapMicrodollars) == [20_000_000, 500_000])
    }

    @Test(arguments: ["", "/sk", "a/b/c", "a/", "sk*0", "sk*101", "sk*x", "sk@", "sk@-1", "sk@0", "*2", "sk@1@2"])
    func `what has not the form is refused`(text: String) {
        #expect(ProviderKeys([text]) == nil)
    }

    @Test func `the same key twice is refused`() {
        #expect(ProviderKeys(["a/sk", "b/sk"]) == nil)
    }
}
