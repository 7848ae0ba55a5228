internal import Concurrency
internal import Contracts

/// What can be made to go wrong. The names stand in the control API.
enum FaultKind: String, CaseIterable, Sendable {
    /// createTask: nothing is made and no answer comes.
    case kieCreateHang = "kie.create.hang"
    /// createTask: the task is made but no answer comes.
    case kieCreateLostAnswer = "kie.create.lost_answer"
    /// createTask: "call frequency is too high" (code 429).
    case kieCreateLimit = "kie.create.429"
    /// createTask: no credits (code 402).
    case kieCreateCredits = "kie.create.402"
    /// createTask: an unclear server error (code 500).
    case kieCreateServer = "kie.create.500"
    /// createTask: maintenance (code 455).
    case kieCreateMaintenance = "kie.create.455"
    /// createTask: HTTP 502 with an HTML page; nothing is made.
    case kieCreateGateway = "kie.create.502"
    /// The task fails because of its content.
    case kieTaskRefuse = "kie.task.refuse"
    /// The task fails, another try may succeed.
    case kieTaskTemporary = "kie.task.temporary"
    /// The task takes `delay` seconds (30 unless given).
    case kieTaskSlow = "kie.task.slow"
    /// The task never ends.
    case kieTaskStuck = "kie.task.stuck"
    /// No callback comes.
    case kieCallbackLost = "kie.callback.lost"
    /// The callback comes twice.
    case kieCallbackDouble = "kie.callback.double"
    /// The callback comes before createTask answers.
    case kieCallbackEarly = "kie.callback.early"
    /// The callback comes ten times at once.
    case kieCallbackStorm = "kie.callback.storm"
    /// The callback comes `delay` seconds late (10 unless given).
    case kieCallbackLate = "kie.callback.late"
    /// recordInfo: code 500.
    case kieRecordServer = "kie.record.500"
    /// recordInfo: "recordInfo is null".
    case kieRecordNull = "kie.record.null"
    /// recordInfo: a body that is not JSON, with broken quotes in `param`.
    case kieRecordMalformed = "kie.record.malformed"
    /// A result file answers 500.
    case kieFileServer = "kie.file.500"
    /// A result file answers 404.
    case kieFileGone = "kie.file.404"
    /// An upload answers code 500.
    case kieUploadServer = "kie.upload.500"

    /// A method answers 429 with `value` seconds (3 unless given). `match` names the method.
    case telegramLimit = "telegram.429"
    /// A method answers 500; nothing is done.
    case telegramServer = "telegram.500"
    /// A method answers an HTML page with 502; nothing is done.
    case telegramGateway = "telegram.502"
    /// A method is executed but its answer never comes.
    case telegramLostAnswer = "telegram.lost_answer"
    /// A method is not executed and no answer comes.
    case telegramHang = "telegram.hang"
    /// A webhook request is sent although its first copy was acknowledged.
    case webhookDouble = "webhook.double"
    /// A webhook request comes `delay` seconds late (5 unless given).
    case webhookLate = "webhook.late"
    /// The answer to a webhook request counts as lost: it is sent again later.
    case webhookLostAnswer = "webhook.lost_answer"

    /// Creating a payment answers 500; nothing is made.
    case yookassaCreateServer = "yookassa.create.500"
    /// Creating a payment answers 500 although it was made.
    case yookassaCreateUnknown = "yookassa.create.unknown"
    /// Creating a payment never answers although it was made.
    case yookassaCreateLostAnswer = "yookassa.create.lost_answer"
    /// Any call answers 429.
    case yookassaLimit = "yookassa.429"
    /// Reading a payment answers 500.
    case yookassaReadServer = "yookassa.read.500"
    /// A refund answers 500 although it was made.
    case yookassaRefundUnknown = "yookassa.refund.unknown"
    /// No notification comes.
    case yookassaNoticeLost = "yookassa.notice.lost"
    /// The notification comes twice.
    case yookassaNoticeDouble = "yookassa.notice.double"
    /// The notification comes `delay` seconds late (10 unless given).
    case yookassaNoticeLate = "yookassa.notice.late"
}

/// A fault that waits for its occasion.
struct Fault: Sendable, Equatable {
    var kind: FaultKind
    /// How many occasions are left.
    var remaining: Int
    /// A part of the method, model, prompt or id that must occur; nil matches all.
    var match: String?
    /// Seconds, for the faults that delay.
    var delay: Double?
    /// A number, for the faults that carry one.
    var value: Int?

    var json: JSONValue {
        .members([
            "kind": .string(kind.rawValue), "remaining": remaining.json, "match": match?.json,
            "delay": delay.map { .number($0) }, "value": value?.json,
        ])
    }
}

/// The faults that were ordered and have not happened yet.
final class FaultBook: Sendable {
    /// More orders are refused.
    static let limit = 1_000

    private let faults = Locked<[Fault]>([])

    /// - Returns: false if there are `limit` orders already.
    func order(_ fault: Fault) -> Bool {
        faults.withLock { faults in
            guard faults.count < Self.limit else { return false }
            faults.append(fault)
            return true
        }
    }

    /// Uses up one occasion of the first fault of this kind that matches.
    ///
    /// - Parameter subject: What `match` is looked for in.
    func take(_ kind: FaultKind, subject: String = "") -> Fault? {
        faults.withLock { faults in
            let place = faults.firstIndex { fault in
                fault.kind == kind && (fault.match.map { subject.contains($0) } ?? true)
            }
            guard let place else { return nil }
            faults[place].remaining -= 1
            let fault = faults[place]
            if fault.remaining <= 0 { faults.remove(at: place) }
            return fault
        }
    }

    /// All that wait.
    var waiting: [Fault] { faults.withLock { $0 } }

    func clear() {
        faults.withLock { $0 = [] }
    }
}
