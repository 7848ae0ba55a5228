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

        package init(
            userID: UserID,
            modelNumber: Int,
            inputs: [String: JSONValue],
            media: [String: [MediaReference]] = [:]
        ) {
            self.userID = userID
            self.modelNumber = modelNumber
            self.inputs = inputs
            self.media = media
        }
    }
}

/// A price that holds until `expires_at`.
package struct Quote: Codable, Sendable, Equatable {
    package var quoteID: QuoteID
    package var modelNumber: Int
    package var priceKopecks: Int64
    /// The row of the price table that applies, e.g. `720p/5s`.
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

    package init(
        quoteID: QuoteID,
        modelNumber: Int,
        priceKopecks: Int64,
        variant: String,
        isBound: Bool? = nil,
        expiresAt: Timestamp,
        deltas: [String: [String: Int64]] = [:],
        measured: ModelMeasure? = nil,
        alternatives: [ModelAlternative]? = nil
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
