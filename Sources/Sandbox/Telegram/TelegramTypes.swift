internal import Contracts

/// A person or bot of the Telegram stand-in.
struct TelegramUser: Codable, Equatable, Sendable {
    var id: Int64
    var isBot = false
    var firstName: String
    var lastName: String?
    var username: String?
    var languageCode: String?
    var isPremium = false

    /// The `User` object.
    var json: JSONValue {
        .members([
            "id": id.json, "is_bot": .bool(isBot), "first_name": .string(firstName), "last_name": lastName?.json,
            "username": username?.json, "language_code": languageCode?.json, "is_premium": isPremium ? true : nil,
        ])
    }
}

/// A conversation with the bot.
struct TelegramChat: Codable, Equatable, Sendable {
    enum Kind: String, Codable, Sendable {
        case `private`, group, supergroup
    }

    var id: Int64
    var kind: Kind
    var title: String?
    /// Whether the user has ever written; before that a bot cannot begin.
    var hasStarted = false
    /// Whether the user blocked the bot, or the group removed it.
    var isBlocked = false
    /// Whether the user's settings forbid voice messages.
    var forbidsVoice = false
    /// `typing`, `upload_photo`, … and until when (Unix milliseconds) it is shown.
    var action: String?
    var actionUntil: Int64 = 0
    /// The keyboard under the input field.
    var replyKeyboard: JSONValue?
}

/// Kinds of media, as `file_id` prefixes and API members know them.
enum MediaKind: String, Codable, CaseIterable, Sendable {
    case photo, video, animation, audio, voice, document

    /// First characters of a `file_id`.
    var prefix: String {
        switch self {
        case .photo: "AgACAgIAAxkB"
        case .video: "BAACAgIAAxkB"
        case .animation: "CgACAgIAAxkB"
        case .audio: "CQACAgIAAxkB"
        case .voice: "AwACAgIAAxkB"
        case .document: "BQACAgIAAxkB"
        }
    }

    /// Folder in a `file_path`.
    var folder: String {
        switch self {
        case .photo: "photos"
        case .video: "videos"
        case .animation: "animations"
        case .audio: "music"
        case .voice: "voice"
        case .document: "documents"
        }
    }

    /// The name in error texts.
    var title: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }
}

/// A file known to the Telegram stand-in.
struct TelegramFile: Codable, Equatable, Sendable {
    var id: String
    var uniqueID: String
    var kind: MediaKind
    var sha256: String
    var bytes: Int
    var mimeType: String
    var fileName: String?
    var width: Int?
    var height: Int?
    var duration: Int?
    var title: String?
    var performer: String?
    /// For `getFile`, without the host.
    var path: String

    /// The member of a `Message` that holds the file, beside its name.
    ///
    /// - Parameter thumbnail: For photos: the small size that stands before the full one.
    func json(thumbnail: TelegramFile?) -> JSONValue {
        let common: [String: JSONValue?] = [
            "file_id": .string(id), "file_unique_id": .string(uniqueID), "file_size": bytes.json,
        ]
        let detail: [String: JSONValue?]
        switch kind {
        case .photo:
            let full = JSONValue.members(common).merging(["width": width?.json, "height": height?.json])
            return .array((thumbnail.map { [$0.json(thumbnail: nil).array?.last ?? .null] } ?? []) + [full])
        case .video, .animation:
            detail = [
                "width": (width ?? 480).json, "height": (height ?? 270).json, "duration": (duration ?? 4).json,
                "mime_type": .string(mimeType), "file_name": fileName?.json,
            ]
        case .audio:
            detail = [
                "duration": (duration ?? 6).json, "mime_type": .string(mimeType), "file_name": fileName?.json,
                "title": title?.json, "performer": performer?.json,
            ]
        case .voice: detail = ["duration": (duration ?? 6).json, "mime_type": .string(mimeType)]
        case .document: detail = ["mime_type": .string(mimeType), "file_name": fileName?.json]
        }
        return JSONValue.members(common).merging(detail)
    }
}

/// One message of a chat.
struct TelegramMessage: Codable, Equatable, Sendable {
    /// What a message said before it was edited.
    struct Edit: Codable, Equatable, Sendable {
        /// Unix milliseconds of the end of this form.
        var until: Int64
        var text: String
        var media: String?
        var keyboard: JSONValue?
    }

    /// Earlier forms that are kept.
    static let maximumEdits = 100

    var id: Int64
    var chat: Int64
    var from: Int64
    /// Unix seconds.
    var date: Int64
    var editDate: Int64?
    /// Text, or caption if there is media.
    var body = FormattedText()
    /// `file_id`.
    var media: String?
    var mediaGroup: String?
    var keyboard: JSONValue?
    var replyTo: Int64?
    var showsCaptionAbove = false
    var hasSpoiler = false
    var invoice: TelegramInvoice?
    /// `successful_payment` or `refunded_payment`, by name.
    var payment: [String: JSONValue]?
    var isDeleted = false
    var edits: [Edit] = []
    /// Grows with every change of anything; the page asks for what is newer.
    var revision: Int64 = 0
}

/// What an invoice asks for.
struct TelegramInvoice: Codable, Equatable, Sendable {
    var title: String
    var description: String
    var payload: String
    var currency: String
    var amount: Int64
    var startParameter: String?
    /// Name in a link; nil for an invoice in a message.
    var slug: String?
    /// Charge id of the payment, once it was paid in its message.
    var paidBy: String?

    /// The `Invoice` object.
    var json: JSONValue {
        .members([
            "title": .string(title), "description": .string(description),
            "start_parameter": .string(startParameter ?? ""), "currency": .string(currency),
            "total_amount": amount.json,
        ])
    }
}

/// Where updates go.
struct TelegramWebhook: Codable, Equatable, Sendable {
    var url = ""
    var secret = ""
    var maximumConnections = 40
    /// nil for the default set.
    var allowed: [String]?
    var lastErrorAt: Int64?
    var lastError: String?

    /// Update kinds that are only sent when asked for.
    static let optIn: Set<String> = ["chat_member", "message_reaction", "message_reaction_count"]

    /// Whether updates of this kind are wanted.
    func wants(_ kind: String) -> Bool {
        if let allowed, !allowed.isEmpty { return allowed.contains(kind) }
        return !Self.optIn.contains(kind)
    }
}

/// Movement of Stars.
struct StarTransaction: Codable, Equatable, Sendable {
    var charge: String
    var user: Int64
    var amount: Int64
    var payload: String
    /// Unix seconds.
    var date: Int64
    var isRefund: Bool
    /// Grows; gives the order.
    var number: Int64
}
