/// Something a loop has to run.
enum Work {
    case job(UnownedJob)
    case closure(() -> Void)
    /// Run already; keeps the slot until the queue is compacted.
    case done
}

/// First in, first out, in one growing array. Loop thread only.
struct WorkQueue {
    private var items: ContiguousArray<Work> = []
    private var head = 0

    var isEmpty: Bool { head == items.count }

    mutating func append(_ work: Work) {
        items.append(work)
    }

    mutating func append(contentsOf work: ContiguousArray<Work>) {
        items.append(contentsOf: work)
    }

    mutating func popFirst() -> Work? {
        guard head < items.count else { return nil }
        let work = items[head]
        items[head] = .done
        head += 1
        if head == items.count {
            items.removeAll(keepingCapacity: items.capacity <= 4_096)
            head = 0
        } else if head >= 1_024, head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
        return work
    }
}
