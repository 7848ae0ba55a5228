extension TelegramWire {
    struct Message: Decodable {
        var messageID: Int64
        var chat: Chat
        var from: User?
        var hasSenderChat: Bool
        var date: Int64
        var text: String?
        var caption: String?
        var entities: [Entity]
        var mediaGroupID: String?
        var photo: [File]
        var files: [(kind: String, file: File)]
        var repliedTo: Replied?
        /// Names of all members, for what we do not decode.
        var members: Set<String>

        /// Members that carry one file each, in the order in which they decide: an animation repeats itself as a
        /// document, a live photo as a photo.
        static let fileMembers = ["animation", "live_photo", "video", "video_note", "voice", "audio", "document"]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            messageID = try container.decode(Int64.self, forKey: "message_id")
            chat = try container.decode(Chat.self, forKey: "chat")
            from = container.lenient("from")
            hasSenderChat = container.contains("sender_chat")
            date = container.lenient("date") ?? 0
            text = container.lenient("text").map(Self.storable)
            caption = container.lenient("caption").map(Self.storable)
            entities = container.lenient("entities") ?? container.lenient("caption_entities") ?? []
            mediaGroupID = container.lenient("media_group_id")
            photo = container.lenient("photo") ?? []
            files = Self.fileMembers.compactMap { member in
                let file: File? = container.lenient(Name(member))
                return file.map { (member, $0) }
            }
            repliedTo = container.lenient("reply_to_message")
            members = Set(container.allKeys.map(\.stringValue))
        }

        /// U+0000 has no place in PostgreSQL's texts.
        private static func storable(_ text: String) -> String { text.replacing("\0", with: "") }
    }

    struct Entity: Decodable {
        var type: String
        /// In UTF-16 code units.
        var offset: Int
        var length: Int
    }

    struct File: Decodable {
        var fileID: String
        var mimeType: String?
        var fileSize: Int64?
        var width: Int?
        var height: Int?
        var duration: Double?
        /// Of a live photo: its still.
        var stills: [File]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            fileID = try container.decode(String.self, forKey: "file_id")
            mimeType = container.lenient("mime_type")
            fileSize = container.lenient("file_size")
            width = container.lenient("width")
            height = container.lenient("height")
            duration = container.lenient("duration")
            stills = container.lenient("photo") ?? []
        }
    }

    /// The answered message; Telegram nests one level only.
    struct Replied: Decodable {
        var from: User?
        var photo: [File]
        var files: [(kind: String, file: File)]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            from = container.lenient("from")
            photo = container.lenient("photo") ?? []
            files = Message.fileMembers.compactMap { member in
                let file: File? = container.lenient(Name(member))
                return file.map { (member, $0) }
            }
        }
    }
}
