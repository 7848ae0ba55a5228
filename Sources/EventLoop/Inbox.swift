/// Work from other threads on its way to the loop.
struct Inbox: @unchecked Sendable {
    // @unchecked: locked by its owner; jobs may be run on any thread.

    enum Outcome {
        case queued
        case wakeNeeded
        case refused
    }

    private var items: ContiguousArray<Work> = []
    /// Whether the loop is in `epoll_wait` and nobody has woken it yet.
    private var isWaiting = false
    private var isClosed = false

    mutating func append(_ work: Work) -> Outcome {
        if isClosed { return .refused }
        items.append(work)
        guard isWaiting else { return .queued }
        isWaiting = false
        return .wakeNeeded
    }

    mutating func takeAll() -> ContiguousArray<Work> {
        isWaiting = false
        if items.isEmpty { return [] }
        defer { items = [] }
        return items
    }

    /// False if there is work, so that the loop must not wait.
    mutating func prepareToWait() -> Bool {
        isWaiting = items.isEmpty
        return isWaiting
    }

    mutating func closeIfEmpty() -> (ContiguousArray<Work>, closed: Bool) {
        isClosed = items.isEmpty
        return (takeAll(), isClosed)
    }
}
