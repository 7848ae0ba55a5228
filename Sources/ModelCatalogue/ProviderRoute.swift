package import Contracts

/// One of the provider's families of calls. They differ in paths, in the shape of the request and of the record.
package enum ProviderFamily: String, CaseIterable, Sendable {
    /// The common task call that most models have.
    case market
    case veo
    case gpt4oImage = "gpt4o_image"
    case fluxKontext = "flux_kontext"
    case runway, aleph, suno
    case sunoLyrics = "suno_lyrics"

    /// The path that tells about a task, with its id as `taskId`.
    package var recordPath: String {
        switch self {
        case .market: "/api/v1/jobs/recordInfo"
        case .veo: "/api/v1/veo/record-info"
        case .gpt4oImage: "/api/v1/gpt4o-image/record-info"
        case .fluxKontext: "/api/v1/flux/kontext/record-info"
        case .runway: "/api/v1/runway/record-detail"
        case .aleph: "/api/v1/aleph/record-info"
        case .suno: "/api/v1/generate/record-info"
        case .sunoLyrics: "/api/v1/lyrics/record-info"
        }
    }

    /// Whether the inputs stand in a member `input`; otherwise they are members of the request itself.
    package var nestsInput: Bool { self == .market }

    /// Whether the request names the model; the other calls are for one model, or take the tier as an input.
    package var namesModel: Bool { self == .market || self == .veo || self == .fluxKontext }
}

/// How a model is reached at the provider.
package struct ProviderRoute: Sendable, Equatable {
    package var family: ProviderFamily
    /// The provider's name for the model; for a dedicated family the one that its price list has.
    package var model: String
    /// The path of the create call.
    package var create: String

    package init(family: ProviderFamily, model: String, create: String) {
        self.family = family
        self.model = model
        self.create = create
    }

    /// The body of the create call.
    ///
    /// - Parameter input: With everything filled in; defaults of the provider are not relied on.
    package func body(_ input: [String: JSONValue], callbackURL: String) -> [String: JSONValue] {
        var body: [String: JSONValue] = family.nestsInput ? ["input": .object(input)] : input
        if family.namesModel, body["model"] == nil { body["model"] = .string(model) }
        body["callBackUrl"] = .string(callbackURL)
        return body
    }
}
