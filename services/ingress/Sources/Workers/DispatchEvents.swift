internal import Concurrency
internal import Contracts
internal import EventLoop
internal import HTTPClient
internal import Lifecycle
internal import ServiceKit
internal import Synchronization
internal import Telemetry
internal import Time

/// Calls one consumer with its events. Each consumer has a worker of its own, so that a slow one delays nobody else.
final class DispatchEvents: Worker {
    let name: String
    private let consumer: Consumer
    /// Kept, since `Operation.id` builds the name from its type's.
    private let operation: (path: String, name: String)
    private let dispatch: Dispatch
    private let client: InternalClient
    private let loop: EventLoop
    private let clock: WallClock
    private let metrics: IngressMetrics
    private let handled: BoundCounter
    private let seconds: BoundHistogram
    private let log: Log
    private let instance: String
    /// When the bell will be rung next because a pause ends.
    private let alarm = Locked<Timestamp?>(nil)

    /// How long a consumer has for a call of up to 64 events.
    static let timeout = Duration.seconds(10)

    init(
        consumer: Consumer,
        dispatch: Dispatch,
        client: InternalClient,
        loop: EventLoop,
        clock: WallClock,
        metrics: IngressMetrics,
        log: Log,
        instance: String
    ) {
        self.name = "events.dispatch.\(consumer.rawValue)"
        self.consumer = consumer
        self.operation = Self.operation(of: consumer)
        self.dispatch = dispatch
        self.client = client
        self.loop = loop
        self.clock = clock
        self.metrics = metrics
        self.handled = metrics.dispatched.bound(consumer.rawValue, "ok")
        self.seconds = metrics.dispatchSeconds.bound(consumer.rawValue)
        self.log = log
        self.instance = instance
    }

    func run() async throws {
        let bell = dispatch.bells[consumer]
        let isStopping = Atomic(false)
        // A stop lets the calls in flight end, so that nothing is dispatched twice: their tasks are not cancelled.
        await withTaskCancellationHandler {
            await shieldedFromCancellation { [loop] in
                // Fails never: what runs on the loop throws nothing.
                try? await loop.run { await self.serve(bell) { isStopping.load(ordering: .relaxed) } }
            }
        } onCancel: {
            isStopping.store(true, ordering: .relaxed)
            bell.ring()
        }
    }

    private func serve(_ bell: Wakeup, until isStopping: @Sendable () -> Bool) async {
        await withDiscardingTaskGroup { group in
            while !isStopping() {
                let next = dispatch.wake()
                while let batch = dispatch.nextBatch(for: consumer) {
                    group.addTask { await self.call(batch, bell) }
                }
                if let next { setAlarm(bell, at: next) }
                await bell.wait()
            }
        }
    }

    /// Rings at `time` unless an earlier alarm is set, which sets the next one itself: a timer for each look would pile up
    /// while a lane waits for its minute.
    private func setAlarm(_ bell: Wakeup, at time: Timestamp) {
        let isEarlier = alarm.withLock { alarm in
            if let set = alarm, set <= time { return false }
            alarm = time
            return true
        }
        guard isEarlier else { return }
        let pause = max(time - clock.now, .milliseconds(1))
        loop.perform { [self] in
            loop.schedule(after: pause) { [self] in
                alarm.withLock { if $0 == time { $0 = nil } }
                bell.ring()
            }
        }
    }

    private func call(_ batch: Dispatcher.Batch, _ bell: Wakeup) async {
        let completions: [Dispatcher.Completion]
        do {
            let verdicts = try await send(batch)
            completions = dispatch.finish(batch, verdicts.verdicts)
        } catch {
            let failure = Self.failure(error)
            metrics.dispatchCalls.increment(consumer.rawValue, failure == .unreachable ? "unreachable" : "broken")
            log.warning(
                "a consumer did not take events",
                [.peer: .string(consumer.rawValue), .error: .describing(error)]
            )
            completions = dispatch.fail(batch, failure)
        }
        record(completions, of: batch)
        bell.ring()
    }

    private func send(_ batch: Dispatcher.Batch) async throws(CallError) -> EventVerdicts {
        // The items carry their own identity; the key names this very call.
        let key = "\(instance):\(batch.events[0].id):\(batch.events[0].attempt):\(batch.events.count)"
        let trace = batch.events[0].traceparent.flatMap { TraceContext(traceparent: $0) }
        let command = StoredCommand(
            method: .post,
            path: operation.path,
            body: EventBatch(events: batch.events).bytes,
            key: key
        )
        let result: Result<StoredAnswer, CallError> = await TraceContext.$current.withValue(trace) {
            do throws(CallError) {
                return .success(try await client.send(command, operation: operation.name, timeout: Self.timeout))
            } catch {
                return .failure(error)
            }
        }
        let answer = try result.get()
        if let problem = answer.problem { throw .problem(problem) }
        do {
            return try EventVerdicts(bytes: answer.body)
        } catch {
            throw .unreachable(
                HTTPClientError(.malformedResponse, mayHaveBeenSent: true, "\(consumer.rawValue) answered otherwise")
            )
        }
    }

    private static func operation(of consumer: Consumer) -> (path: String, name: String) {
        switch consumer {
        case .conversation: (HandleUpdates.path, HandleUpdates.id)
        case .generation: (HandleCallbacks.path, HandleCallbacks.id)
        case .payments: (HandlePaymentEvents.path, HandlePaymentEvents.id)
        }
    }

    /// Not reached, or says "not now": nobody's fault. Anything else may be the doing of one event of the batch.
    static func failure(_ error: CallError) -> Dispatcher.CallFailure {
        switch error {
        case .unreachable(let error) where !error.mayHaveBeenSent: .unreachable
        case .unreachable(let error): .broken("\(error.code)")
        case .problem(let problem):
            switch problem.code {
            case .unavailable, .overloaded, .unauthenticated, .callerNotAllowed: .unreachable
            default: .broken(problem.code.rawValue)
            }
        }
    }

    private func record(_ completions: [Dispatcher.Completion], of batch: Dispatcher.Batch) {
        let now = clock.now
        var done: UInt64 = 0
        // Completions keep the order of their events, some of which may have none.
        var events = batch.events.makeIterator()
        for completion in completions {
            switch completion {
            case .done(let id, _, _):
                done += 1
                while let event = events.next() {
                    guard event.id == id else { continue }
                    seconds.observe((now - event.receivedAt).inSeconds)
                    break
                }
            case .parked: metrics.dispatched.increment(consumer.rawValue, "retry")
            case .dead(let id, _, let attempts, let error):
                metrics.dispatched.increment(consumer.rawValue, "dead")
                log.error(
                    "an event became a dead letter",
                    [.eventID: .int(id), .attempt: .int(attempts), .reason: .string(error)]
                )
            }
        }
        if done > 0 { handled.add(done) }
    }
}
