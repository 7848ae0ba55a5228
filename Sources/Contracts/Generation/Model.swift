/// A model of the catalogue as conversation shows it: what it does, what it wants, what it costs.
package struct Model: Codable, Sendable, Equatable {
    /// Stable and small, for buttons; never reused.
    package var number: Int
    /// KIE's id, e.g. `z-image`; for logs and statements, not for users.
    package var slug: String
    /// The Russian title, for readers that know no other.
    package var title: String
    package var titles: LocalizedText?
    package var tasks: [ModelTask]
    package var output: MediaKind
    package var summary: LocalizedText
    /// Free for the user (inside the daily allowance).
    package var isFree: Bool
    /// The cheapest price, in kopecks; 0 for free models.
    package var fromKopecks: Int64
    /// What one price unit is: `image`, `second`, `1000_characters`, `request`.
    package var priceUnit: String
    /// How long it usually takes.
    package var typicalSeconds: Int
    /// What is promised; a run that takes longer is late.
    package var promisedSeconds: Int?
    /// From our own runs; nil while there are too few of them.
    package var measured: ModelMeasure?
    /// In the order in which they are asked.
    package var inputs: [ModelInput]
    /// Numbers of models that take the output as an input.
    package var followUps: [Int]?
    /// Words that show what the model can do.
    package var sample: String?

    package init(
        number: Int,
        slug: String,
        title: String,
        titles: LocalizedText? = nil,
        tasks: [ModelTask],
        output: MediaKind,
        summary: LocalizedText,
        isFree: Bool,
        fromKopecks: Int64,
        priceUnit: String,
        typicalSeconds: Int,
        promisedSeconds: Int? = nil,
        measured: ModelMeasure? = nil,
        inputs: [ModelInput],
        followUps: [Int]? = nil,
        sample: String? = nil
    ) {
        self.number = number
        self.slug = slug
        self.title = title
        self.titles = titles
        self.tasks = tasks
        self.output = output
        self.summary = summary
        self.isFree = isFree
        self.fromKopecks = fromKopecks
        self.priceUnit = priceUnit
        self.typicalSeconds = typicalSeconds
        self.promisedSeconds = promisedSeconds
        self.measured = measured
        self.inputs = inputs
        self.followUps = followUps
        self.sample = sample
    }
}

/// Text in the languages that users read.
package struct LocalizedText: Codable, Sendable, Equatable {
    package var ru: String
    package var en: String

    package init(ru: String, en: String) {
        self.ru = ru
        self.en = en
    }
}

/// What a user wants to get; the first level of the menu.
package enum ModelTask: String, Codable, Sendable, CaseIterable {
    case textToImage = "text_to_image"
    case imageToImage = "image_to_image"
    case textToVideo = "text_to_video"
    case imageToVideo = "image_to_video"
    case videoToVideo = "video_to_video"
    case avatar
    case music
    case speech
    case sound
    case upscale
    case cleanUp = "clean_up"
    case utility
    case referenceToVideo = "reference_to_video"
    case transcription
    /// A task that a newer generation knows; shown under "other".
    case other

    package init(from decoder: any Decoder) throws {
        self = Self(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .other
    }
}

/// The kinds of media that inputs take and models make.
package enum MediaKind: String, Codable, Sendable, CaseIterable {
    case image, video, audio, text
}

/// One input of a model.
package struct ModelInput: Codable, Sendable, Equatable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// Free text, e.g. the prompt.
        case text
        /// One of `options`.
        case choice
        case integer, number, boolean
        /// One file of `media`.
        case file
        /// Several files of `media`.
        case files
    }

    /// The provider's field name; the key in a quote's `inputs`.
    package var name: String
    package var kind: Kind
    package var label: LocalizedText
    package var isRequired: Bool
    /// Folded away behind "more" unless the user opens it.
    package var isAdvanced: Bool
    /// Sent when the user does not choose.
    package var defaultValue: JSONValue?
    /// For `choice`.
    package var options: [JSONValue]
    /// For `choice`, where the values mean nothing to people: a label for each option, in the same order.
    package var optionLabels: [LocalizedText]?
    package var minimum: Double?
    package var maximum: Double?
    /// For `text`, in Unicode scalars.
    package var minimumLength: Int?
    package var maximumLength: Int?
    /// For `files`.
    package var minimumItems: Int?
    package var maximumItems: Int?
    /// For `file` and `files`.
    package var media: MediaKind?
    /// File name endings that are taken, e.g. `jpg`; absent for any.
    package var accepts: [String]?
    /// Numbers of the models whose results are taken and nothing else, because the provider wants its own task instead
    /// of a file; absent for any file.
    package var madeBy: [Int]?
    package var maximumFileMegabytes: Int?
    /// Length of a clip.
    package var minimumSeconds: Int?
    package var maximumSeconds: Int?

    package init(
        name: String,
        kind: Kind,
        label: LocalizedText,
        isRequired: Bool,
        isAdvanced: Bool = false,
        defaultValue: JSONValue? = nil,
        options: [JSONValue] = [],
        optionLabels: [LocalizedText]? = nil,
        minimum: Double? = nil,
        maximum: Double? = nil,
        minimumLength: Int? = nil,
        maximumLength: Int? = nil,
        minimumItems: Int? = nil,
        maximumItems: Int? = nil,
        media: MediaKind? = nil,
        accepts: [String]? = nil,
        madeBy: [Int]? = nil,
        maximumFileMegabytes: Int? = nil,
        minimumSeconds: Int? = nil,
        maximumSeconds: Int? = nil
    ) {
        self.name = name
        self.kind = kind
        self.label = label
        self.isRequired = isRequired
        self.isAdvanced = isAdvanced
        self.defaultValue = defaultValue
        self.options = options
        self.optionLabels = optionLabels
        self.minimum = minimum
        self.maximum = maximum
        self.minimumLength = minimumLength
        self.maximumLength = maximumLength
        self.minimumItems = minimumItems
        self.maximumItems = maximumItems
        self.media = media
        self.accepts = accepts
        self.madeBy = madeBy
        self.maximumFileMegabytes = maximumFileMegabytes
        self.minimumSeconds = minimumSeconds
        self.maximumSeconds = maximumSeconds
    }
}
