/// Swift source with comments and the contents of strings left out, so that rules see code only.
enum CodeLines {
    /// As many lines as the text has, most of them unchanged.
    static func of(_ text: String) -> [Substring] {
        var code: [UInt8] = []
        let bytes = Array(text.utf8)
        code.reserveCapacity(bytes.count)
        let (quote, slash, backslash, feed) = (
            UInt8(ascii: "\""), UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "\n")
        )
        var inString = false
        var inBlock = false
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let next = index + 1 < bytes.count ? bytes[index + 1] : 0
            if byte == feed {
                inString = false
                code.append(byte)
            } else if byte == quote, !inString, next == quote, index + 2 < bytes.count, bytes[index + 2] == quote {
                inBlock.toggle()
                index += 2
            } else if inBlock {
                if byte == backslash { index += 1 }
            } else if inString, byte == backslash {
                index += 1
            } else if byte == quote {
                inString.toggle()
                code.append(byte)
            } else if byte == slash, next == slash, !inString {
                while index + 1 < bytes.count, bytes[index + 1] != feed { index += 1 }
            } else if !inString {
                code.append(byte)
            }
            index += 1
        }
        return String(decoding: code, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    }
}
