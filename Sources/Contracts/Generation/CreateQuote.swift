package import Time

/// A file that a user gives to a model.
package struct MediaReference: Codable, Sendable, Equatable, Hashable {
    /// Telegram's file id; generation reads the bytes through delivery.
    package var telegramFileID: String?
    /// An asset that generation already has, e.g. an earlier result.
    package var assetID: AssetID?
    package var kind: MediaKind
    package var mimeType: String?
    package var sizeBytes: Int64?
    package var width: Int?
    package var height: Int?
    package var durationSeconds: Double?

    package init(
        telegramFileID: String? = nil,
        assetID: AssetID? = nil,
        kind: MediaKind,
        mimeType: String? = nil,
        sizeBytes: Int64? = nil,
        width: Int? = nil,
        height: Int? = nil,
        durationSeconds: Double? = nil
    ) {
        self.telegramFileID = telegramFileID
        self.assetID = assetID
        self.kind = kind
        self.mimeType = mimeType
        self.sizeBytes = sizeBytes
        self.width = width
        self.height = height
        self.durationSeconds = durationSeconds
    }
}

/// Checks the inputs and freezes the exact price of a run for ten minutes.
///
/// Problems: `model_not_found`, `model_unavailable` with `reason` and `alternatives: [ModelAlternative]`, `invalid_inputs`
/// with `fields: [{name, reason, limit?}]`, where `reason` is one of `InputProblem.Reason`.
package enum CreateQuote: Operation {
    package typealias Output = Quote
    package static let service = ServiceName.generation
    package static let method = OperationMethod.post
    package static let path = "/v1/quotes"
    package static let callers: Set<ServiceName> = [.conversation]
    package static let successStatus = 201
    package static let problems: Set<ProblemCode> = [.modelNotFound, .modelUnavailable, .invalidInputs]

    package struct Input: Codable, Sendable, Equatable {
        package var userID: UserID
        package var modelNumber: Int
        /// Values of text, choice, number and boolean inputs by name; what is absent takes its default.
        package var inputs: [String: JSONValue]
        /// Files by input name.
        package var media: [String: [MediaReference]]
        /// How many runs the one confirm makes: 1 to 10; 1 if absent.
        package var copies: Int?
        /// What is made of the result, stage by stage; at most 4.
        package var then: [NextStage]?
        /// A trial of this run: what it cost is credited. Without effect if it can't be credited (any more).
        package var trialJobID: JobID?

        package init(
            userID: UserID,
            modelNumber: Int,
            inputs: [String: JSONValue],
            media: [String: [MediaReference]] = [:],
            copies: Int? = nil,
            then: [NextStage]? = nil,
            trialJobID: JobID? = nil
        ) {
            self.userID = userID
            self.modelNumber = modelNumber
            self.inputs = inputs
            self.media = media
            self.copies = copies
            self.then = then
            self.trialJobID = trialJobID
        }
    }
}

/// A later stage of a chain: a run whose file is the first result of the stage before it.
package struct NextStage: Codable, Sendable, Equatable {
    package var modelNumber: Int
    /// As in the quote's request; the file of the stage before is added to the first input that takes it.
    package var inputs: [String: JSONValue]
    package var media: [String: [MediaReference]]?

    package init(modelNumber: Int, inputs: [String: JSONValue] = [:], media: [String: [MediaReference]]? = nil) {
        self.modelNumber = modelNumber
        self.inputs = inputs
        self.media = media
    }
}

/// A cheaper run of the same model that shows what the dear one would be like.
package struct QuotedTrial: Codable, Sendable, Equatable {
    /// The values that make it a trial, to be set among the run's inputs.
    package var inputs: [String: JSONValue]
    package var priceKopecks: Int64

    package init(inputs: [String: JSONValue], priceKopecks: Int64) {
        self.inputs = inputs
        self.priceKopecks = priceKopecks
    }
}

/// What one stage of one copy costs.
package struct QuotedStage: Codable, Sendable, Equatable {
    package var modelNumber: Int
    package var modelTitle: String
    package var priceKopecks: Int64
    package var variant: String
    package var isBound: Bool?

    package init(modelNumber: Int, modelTitle: String, priceKopecks: Int64, variant: String, isBound: Bool? = nil) {
        self.modelNumber = modelNumber
        self.modelTitle = modelTitle
        self.priceKopecks = priceKopecks
        self.variant = variant
        self.isBound = isBound
    }
}

/// A price that holds until `expires_at`.
package struct Quote: Codable, Sendable, Equatable {
    package var quoteID: QuoteID
    package var modelNumber: Int
    /// For all copies and stages.
    package var priceKopecks: Int64
    /// The row of the price table that applies, e.g. `720p/5s`; of several stages the first one's.
    package var variant: String
    /// Whether the price is the most that the run can cost; less is taken if the provider takes less.
    package var isBound: Bool?
    package var expiresAt: Timestamp
    /// By choice input and option text: how many kopecks more (or less) that option would cost.
    package var deltas: [String: [String: Int64]]
    /// From our own runs with these settings, or of the model; nil while there are too few of them.
    package var measured: ModelMeasure?
    /// Models for the same task, where this one has been failing lately; the best first.
    package var alternatives: [ModelAlternative]?
    /// How many runs the price is for; absent for one.
    package var copies: Int?
    /// The stages of one copy with their prices; absent for a run by itself.
    package var stages: [QuotedStage]?
    /// Where there is a much cheaper variant of the run; its price is credited to the full run afterwards.
    package var trial: QuotedTrial?
    /// What the trial has cost already: the price is the full run's less this.
    package var creditKopecks: Int64?

    package init(
        quoteID: QuoteID,
        modelNumber: Int,
        priceKopecks: Int64,
        variant: String,
        isBound: Bool? = nil,
        expiresAt: Timestamp,
        deltas: [String: [String: Int64]] = [:],
        measured: ModelMeasure? = nil,
        alternatives: [ModelAlternative]? = nil,
        copies: Int? = nil,
        stages: [QuotedStage]? = nil,
        trial: QuotedTrial? = nil,
        creditKopecks: Int64? = nil
    ) {
        self.quoteID = quoteID
        self.modelNumber = modelNumber
        self.priceKopecks = priceKopecks
        self.variant = variant
        self.isBound = isBound
        self.expiresAt = expiresAt
        self.deltas = deltas
        self.measured = measured
        self.alternatives = alternatives
        self.copies = copies
        self.stages = stages
        self.trial = trial
        self.creditKopecks = creditKopecks
    }
}

/// One member of `fields` in an `invalid_inputs` problem.
package struct InputProblem: Codable, Sendable, Equatable {
    package enum Reason: String, Codable, Sendable, CaseIterable {
        case missing
        case tooLong = "too_long"
        case tooShort = "too_short"
        case notAnOption = "not_an_option"
        case outOfRange = "out_of_range"
        case wrongType = "wrong_type"
        case tooMany = "too_many"
        case tooFew = "too_few"
        case tooLarge = "too_large"
        case wrongMedia = "wrong_media"
        case unknownInput = "unknown_input"
        /// Right by itself, but the provider refuses it together with the input `with`.
        case notTogether = "not_together"
        /// A clip that plays longer or shorter than `limit` seconds.
        case tooLongClip = "too_long_clip"
        case tooShortClip = "too_short_clip"
    }

    package var name: String
    package var reason: Reason
    /// The bound that was passed, in the input's own unit.
    package var limit: Double?
    /// The other input of a combination that is not possible.
    package var with: String?

    package init(name: String, reason: Reason, limit: Double? = nil, with: String? = nil) {
        self.name = name
        self.reason = reason
        self.limit = limit
        self.with = with
    }
}
