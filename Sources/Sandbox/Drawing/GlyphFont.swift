/// A font of ready-made letter pictures with 16 levels of grey.
///
/// File layout (big-endian): `SBXFONT1`, line height, ascent and count of glyphs as UInt16, then for each glyph its code
/// point (UInt16), left and top offsets (Int8), width, height and advance (UInt8), then two pixels a byte.
struct GlyphFont: Sendable {
    struct Glyph: Sendable {
        var left = 0
        var top = 0
        var width = 0
        var height = 0
        var advance = 0
        var alpha: [UInt8] = []
    }

    /// Distance of base lines, in pixels.
    let lineHeight: Int

    /// Height of a line above its base line, in pixels.
    let ascent: Int

    private let glyphs: [UInt32: Glyph]
    private let unknown: Glyph

    /// - Returns: nil if the bytes are not such a font.
    init?(_ file: [UInt8]) {
        guard file.count > 14, file.starts(with: Array("SBXFONT1".utf8)) else { return nil }
        func number(_ at: Int) -> Int { Int(file[at]) << 8 | Int(file[at + 1]) }
        var glyphs: [UInt32: Glyph] = [:]
        var index = 14
        for _ in 0..<number(12) {
            guard index + 7 <= file.count else { return nil }
            var glyph = Glyph(
                left: Int(Int8(bitPattern: file[index + 2])),
                top: Int(Int8(bitPattern: file[index + 3])),
                width: Int(file[index + 4]),
                height: Int(file[index + 5]),
                advance: Int(file[index + 6])
            )
            let pixels = glyph.width * glyph.height
            let packed = index + 7
            guard packed + (pixels + 1) / 2 <= file.count else { return nil }
            glyph.alpha = (0..<pixels).map { place in
                let byte = file[packed + place / 2]
                return place % 2 == 0 ? byte >> 4 : byte & 15
            }
            glyphs[UInt32(number(index))] = glyph
            index = packed + (pixels + 1) / 2
        }
        self.lineHeight = number(8)
        self.ascent = number(10)
        self.glyphs = glyphs
        self.unknown = glyphs[UInt32(UInt8(ascii: "?"))] ?? Glyph()
    }

    /// The picture of a letter; a question mark for one that the font does not have.
    func glyph(_ scalar: Unicode.Scalar) -> Glyph {
        glyphs[scalar.value] ?? unknown
    }

    /// Width of a text in pixels.
    func width(of text: some StringProtocol) -> Int {
        text.unicodeScalars.reduce(0) { $0 + glyph($1).advance }
    }

    /// Breaks a text into lines at spaces, and inside words that are wider than a line.
    ///
    /// - Returns: At most `limit` lines; the last one ends with an ellipsis if there was more.
    func wrap(_ text: String, width: Int, limit: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(whereSeparator: \.isWhitespace) {
            for piece in pieces(of: word, width: width) {
                let longer = line.isEmpty ? piece : line + " " + piece
                if self.width(of: longer) <= width {
                    line = longer
                } else {
                    lines.append(line)
                    line = piece
                }
            }
            if lines.count > limit { break }
        }
        if !line.isEmpty { lines.append(line) }
        guard lines.count > limit else { return lines }
        return lines.prefix(limit - 1) + [shortened(lines[limit - 1], width: width)]
    }

    /// A word in parts that fit; broken behind a slash or hyphen where there is one.
    private func pieces(of word: Substring, width: Int) -> [String] {
        guard self.width(of: word) > width else { return [String(word)] }
        var pieces = [""]
        for character in word {
            let last = pieces[pieces.count - 1]
            guard self.width(of: last + String(character)) > width else {
                pieces[pieces.count - 1].append(character)
                continue
            }
            let mark = last.lastIndex { $0 == "/" || $0 == "-" }
            let cut = mark.map { last.index(after: $0) } ?? last.endIndex
            pieces[pieces.count - 1] = String(last[..<cut])
            pieces.append(String(last[cut...]) + String(character))
        }
        return pieces
    }

    private func shortened(_ line: String, width: Int) -> String {
        var kept = line
        while !kept.isEmpty && self.width(of: kept + "…") > width { kept.removeLast() }
        return kept + "…"
    }
}
