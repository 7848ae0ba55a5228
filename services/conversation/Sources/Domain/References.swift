internal import Contracts

/// The job and the order that a turn needs to see.
struct References: Sendable, Equatable {
    var jobShort: UInt64?
    var jobID: JobID?
    /// The user's newest job, for support.
    var newestJob = false
    /// The group of the job, by the id that its row has.
    var groupID: JobID?
    var orderShort: UInt64?
    var orderID: OrderID?
}

extension Happening {
    /// Which job and order the turn needs to see.
    var references: References {
        var references = References()
        switch self {
        case .fact(let fact):
            references.jobID = fact.job?.jobID
            references.groupID = fact.group.map { JobID($0.groupID.uuid) }
            references.orderID = fact.order?.orderID
        case .answer(let answer):
            switch answer.purpose {
            case .createJob(let job), .cancelJob(let job): references.jobID = job
            case .createGroup(let group), .cancelGroup(let group): references.jobID = JobID(group.uuid)
            case .createOrder(let order), .checkOrder(let order): references.orderID = order
            }
        case .update(let update):
            switch update.content {
            case .press(let press): references.add(press.data.flatMap(CallbackData.init)?.action)
            case .message(let message):
                if case .command(let command) = message.body, ["support", "paysupport"].contains(command.name) {
                    references.newestJob = true
                }
            case .editedMessage, .membership, .quiet: break
            }
        }
        return references
    }
}

extension References {
    fileprivate mutating func add(_ action: ButtonAction?) {
        switch action {
        case .checkOrder(let order), .leaveOrder(let order): orderShort = order
        case .support: newestJob = true
        default: jobShort = action?.job
        }
    }
}
