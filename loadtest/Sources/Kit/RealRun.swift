package import LocalSystem

/// Runs against the real providers: they cost money and write to a real person, so that nothing but this wish and all
/// its keys begins one.
package enum RealRun {
    /// What a real run needs beside the wish.
    package static let keys = ["ADMIN_ID", "ATELIER_KIE_KEYS", "ATELIER_TELEGRAM_BOT_TOKEN"]

    package static func isAsked(_ environment: [String: String]) -> Bool { environment["RUN_E2E"] == "1" }

    /// Refuses a real run whose keys are not all there.
    ///
    /// - Throws: `OperatorError` with the first that is missing or empty, or an `ADMIN_ID` that is no Telegram id.
    package static func check(_ environment: [String: String]) throws(OperatorError) {
        let remedy = "RUN_E2E=1 ADMIN_ID=… ATELIER_KIE_KEYS=… ATELIER_TELEGRAM_BOT_TOKEN=…"
        for name in keys where environment[name]?.isEmpty != false {
            throw OperatorError("A real run needs \(name).", remedy)
        }
        guard let admin = environment["ADMIN_ID"].flatMap({ Int64($0) }), admin > 0 else {
            throw OperatorError("ADMIN_ID is no Telegram id.", remedy)
        }
    }
}
