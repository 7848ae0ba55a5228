internal import Contracts
internal import ModelCatalogue

/// One run of one model, with everything that was measured.
struct ModelRun: Sendable {
    var slug: String
    var number: Int
    var jobID: JobID
    var chatID: ChatID
    /// Unix milliseconds when the run was asked for.
    var beganAt: Int64
    /// Milliseconds until the provider had the task; nil if it never had.
    var taskMilliseconds: Int64?
    /// Milliseconds until the job had ended.
    var totalMilliseconds: Int64?
    var quotedKopecks: Int64 = 0
    var chargedKopecks: Int64?
    /// What went wrong; nil for a success.
    var trouble: String?
    /// SHA-256 of the results.
    var results: [String] = []
    var callback4xx = 0
    /// Callbacks that no job was found for.
    var jobNotFound = 0
    /// Members of the request that the model does not know.
    var ignored: [String] = []
    var isDelivered = false

    /// Whether nothing at all is wrong with it.
    var isClean: Bool {
        trouble == nil && isDelivered && callback4xx == 0 && jobNotFound == 0 && ignored.isEmpty && !results.isEmpty
            && (chargedKopecks ?? .max) <= quotedKopecks
    }
}

/// What the runs of one model say together.
struct ModelVerdict: Sendable {
    enum Word: String, Sendable {
        case stable = "STABLE"
        case unstable = "UNSTABLE"
        case failed = "FAILED"
    }

    var entry: ModelEntry
    var runs: [ModelRun]

    var word: Word {
        runs.allSatisfy(\.isClean) && !runs.isEmpty ? .stable : runs.contains { $0.isClean } ? .unstable : .failed
    }

    static let heading = [
        "model", "verdict", "runs", "time to task", "total time", "callback 4xx", "job not found", "delivery", "",
    ]

    var row: [String] {
        let trouble =
            runs.compactMap(\.trouble).first
            ?? runs.first { !$0.ignored.isEmpty }
            .map { "unknown members: \($0.ignored.joined(separator: ", "))" }
        return [
            entry.slug, word.rawValue, String(runs.count), Self.mean(runs.compactMap(\.taskMilliseconds)),
            Self.mean(runs.compactMap(\.totalMilliseconds)), String(runs.map(\.callback4xx).reduce(0, +)),
            String(runs.map(\.jobNotFound).reduce(0, +)), "\(runs.count(where: \.isDelivered))/\(runs.count)",
            trouble ?? "",
        ]
    }

    private static func mean(_ milliseconds: [Int64]) -> String {
        guard !milliseconds.isEmpty else { return "—" }
        let tenths = milliseconds.reduce(0, +) / Int64(milliseconds.count) / 100
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
