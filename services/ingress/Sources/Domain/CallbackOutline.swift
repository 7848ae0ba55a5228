internal import HTTP

/// What ingress needs to know of a KIE callback, found in one pass over its bytes. Families of models spell it differently.
struct CallbackOutline: Equatable {
    /// From `data.taskId`, `data.task_id`, `taskId` or `task_id`, in this order.
    var taskID: String?
    /// How far the task is: `data.state`, or the kind of callback where a family sends several for a task.
    var state: String?
    /// Whether the body is JSON. What was found before the fault is kept.
    var isValid: Bool

    private static let taskNames: [StaticString] = ["taskId", "task_id"]
    private static let stateNames: [StaticString] = ["state", "callbackType"]

    init(_ body: [UInt8]) {
        var tasks: [Int: String] = [:]
        var states: [Int: String] = [:]
        isValid = JSONOutline.walk(body) { path, value, bytes in
            guard value.kind == .string, path.depth == 1 || path.depth == 2 && path.has("data", at: 0, in: bytes) else {
                return
            }
            let rank = path.depth == 2 ? 0 : 2
            for (index, name) in Self.taskNames.enumerated() where path.has(name, at: path.depth - 1, in: bytes) {
                tasks[rank + index] = tasks[rank + index] ?? bytes.text(value.range)
            }
            for (index, name) in Self.stateNames.enumerated() where path.has(name, at: path.depth - 1, in: bytes) {
                states[rank + index] = states[rank + index] ?? bytes.text(value.range)
            }
        }
        taskID = (0..<4).lazy.compactMap { tasks[$0] }.first { !$0.isEmpty }
        state = (0..<4).lazy.compactMap { states[$0] }.first
    }
}
