internal import Contracts
internal import Time

/// What a task's record says about the request that made it.
struct TaskEcho: Sendable {
    private let body: [UInt8]
    private let model: String?
    /// Unix milliseconds.
    private let createTime: Int64?

    init(_ body: [UInt8]) {
        let data = TolerantJSON.parse(body)?["data"]
        self.body = body
        self.model = data?["model"]?.string
        self.createTime = data?["createTime"]?.integer
    }

    /// Whether the task can be the one of an attempt.
    ///
    /// The echo of the callback address with our token is proof. Where the echo is missing, the model must be the same
    /// and the task as old as the attempt; a record that echoes another address is refused.
    func fits(token: String, model wanted: String, submittedAt: Timestamp) -> Bool {
        let text = String(decoding: body, as: UTF8.self)
        if text.contains(token) { return true }
        guard !text.contains("/webhooks/kie/"), model == wanted, let createTime else { return false }
        let age = Timestamp(microseconds: createTime * 1_000) - submittedAt
        return age > .seconds(-30) && age < .seconds(120)
    }
}
