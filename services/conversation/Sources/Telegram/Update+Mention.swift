/// Our name in what people write to a group.
extension UpdateReader {
    func isAddressed(_ wire: TelegramWire.Message) -> Bool {
        if let from = wire.repliedTo?.from, from.isBot == true,
            !botUsername.isEmpty, from.username?.lowercased() == botUsername
        {
            return true
        }
        guard let text = wire.text ?? wire.caption else { return false }
        return !mentions(in: Array(text.utf16), wire).isEmpty
    }

    /// The words without our name, which calls us and is no part of the wish; as they are where nothing else is said.
    func words(_ text: String, of wire: TelegramWire.Message) -> String {
        guard chat(wire.chat).kind == .group else { return text }
        let units = Array(text.utf16)
        var pieces: [Substring] = []
        var start = 0
        for mention in mentions(in: units, wire) where mention.lowerBound >= start {
            pieces.append(Self.piece(units[start..<mention.lowerBound], isFirst: pieces.isEmpty))
            start = mention.upperBound
        }
        guard start > 0 else { return text }
        pieces.append(Self.piece(units[start...], isFirst: false))
        let rest = pieces.filter { !$0.isEmpty }.joined(separator: " ")
        return rest.isEmpty ? text : rest
    }

    /// Text between mentions; a comma after the name goes with it.
    private static func piece(_ units: ArraySlice<UInt16>, isFirst: Bool) -> Substring {
        var piece = String(decoding: units, as: UTF16.self)[...]
        if !isFirst { piece = piece.drop { $0.isWhitespace || $0 == "," || $0 == ":" } }
        while piece.last?.isWhitespace == true { piece.removeLast() }
        return piece
    }

    /// Where we are named, in UTF-16 code units, first to last.
    private func mentions(in units: [UInt16], _ wire: TelegramWire.Message) -> [Range<Int>] {
        guard !botUsername.isEmpty else { return [] }
        let found = wire.entities.compactMap { entity -> Range<Int>? in
            guard entity.type == "mention", entity.offset >= 0, entity.length > 1,
                entity.offset <= units.count, entity.length <= units.count - entity.offset
            else { return nil }
            let range = entity.offset..<entity.offset + entity.length
            return String(decoding: units[range], as: UTF16.self).lowercased() == "@\(botUsername)" ? range : nil
        }
        return found.sorted { $0.lowerBound < $1.lowerBound }
    }
}
