import Synchronization

/// 1, 2, 3 …, from any task.
final class Numbers: Sendable {
    private let last = Atomic<Int64>(0)

    func next() -> Int64 { last.wrappingAdd(1, ordering: .relaxed).newValue }
}
