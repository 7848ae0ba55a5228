/// The picture that the KIE stand-in returns: it says which model drew it, from which prompt and settings.
struct Placard: Sendable {
    /// Name of the model, as the provider knows it.
    var model: String
    /// The user's prompt, any length.
    var prompt: String
    /// Settings to show, in order.
    var settings: [(name: String, value: String)]
    /// SHA-256 (hexadecimal) of the photo that was sent along, if there was one.
    var photoHash: String?
    /// Place of this picture among several of one task, from 1.
    var place: Int = 1
    /// Number of pictures of the task.
    var count: Int = 1
    /// Chooses the colours; equal seeds look equal.
    var seed: UInt64 = 0

    /// Longer side of a picture, in pixels.
    static let longSide = 768

    private static let schemes: [[UInt32]] = [
        [0x1D2671, 0x6A3093, 0xC33764], [0x0F2027, 0x2C5364, 0x2AA198], [0x42275A, 0x734B6D, 0xF3904F],
        [0x134E5E, 0x3D8F6F, 0xA8C66C], [0x232526, 0x4B6CB7, 0x7F9BE0], [0x5B247A, 0x1B5FA8, 0x1BCEDF],
        [0x870000, 0xB24592, 0xF15F79], [0x16222A, 0x3A6073, 0xE8A87C],
    ]

    /// Width and height for `16:9`, `1024x768` or a word such as `landscape`; a square when it cannot be told.
    static func size(aspect: String) -> (width: Int, height: Int) {
        let parts = aspect.lowercased().split(whereSeparator: { ":x×/_".contains($0) }).compactMap { Int($0) }
        var (across, down) = (1, 1)
        if parts.count >= 2, parts[0] > 0, parts[1] > 0 {
            (across, down) = (parts[0], parts[1])
        } else if aspect.lowercased().contains("landscape") {
            (across, down) = (4, 3)
        } else if aspect.lowercased().contains("portrait") {
            (across, down) = (3, 4)
        }
        // The shorter side keeps room for the text even at 21:9.
        let shortest = 288
        if across >= down { return (longSide, max(shortest, longSide * down / across)) }
        return (max(shortest, longSide * across / down), longSide)
    }

    /// Draws the picture.
    func draw(width: Int, height: Int, fonts: PlacardFonts) -> Canvas {
        var canvas = Canvas(width: width, height: height)
        let scheme = Self.schemes[Int(seed % UInt64(Self.schemes.count))].map(Colour.init)
        let gradient = canvas.addRamp(through: scheme, count: 160)
        let panel = scheme[0].mixed(with: Colour(0x0B0E14), part: 3, of: 4)
        let white = canvas.addRamp(through: [panel, Colour(0xFFFFFF)], count: 16)
        let soft = canvas.addRamp(through: [panel, Colour(0xB9C2D0)], count: 16)
        let accent = canvas.addRamp(
            through: [panel, scheme[2].mixed(with: Colour(0xFFFFFF), part: 2, of: 5)],
            count: 16
        )
        canvas.fillGradient(ramp: gradient, count: 160)

        let margin = max(18, min(width, height) / 14)
        let inside = (width: width - 2 * margin - 48, height: height - 2 * margin - 40)
        canvas.fillPanel(
            x: margin,
            y: margin,
            width: width - 2 * margin,
            height: height - 2 * margin,
            radius: 22,
            index: UInt8(white)
        )
        var pen = Pen(canvas: canvas, x: margin + 24, y: margin + 20, width: inside.width, left: inside.height)
        pen.write(count > 1 ? "Проба \(place) из \(count)" : "Проба", fonts.small, accent, limit: 1)
        pen.write(model, fonts.title, white, limit: 2)
        pen.skip(8)
        let footer = footerLines(fonts.small, width: inside.width)
        let reserved = footer.count * fonts.small.lineHeight + 8
        pen.write(prompt.isEmpty ? "без текста" : prompt, fonts.body, white, keeping: reserved)
        pen.drop(to: margin + 20 + inside.height - reserved + 8)
        for line in footer { pen.write(line, fonts.small, soft, limit: 1) }
        return pen.canvas
    }

    private func footerLines(_ font: GlyphFont, width: Int) -> [String] {
        let all = settings.map { "\($0.name) \($0.value)" }.joined(separator: "  ·  ")
        var lines = all.isEmpty ? [] : font.wrap(all, width: width, limit: 2)
        if let photoHash { lines += font.wrap("фото SHA-256 \(photoHash)", width: width, limit: 3) }
        return lines
    }
}

/// The three sizes of letters on a placard.
struct PlacardFonts: Sendable {
    let title: GlyphFont
    let body: GlyphFont
    let small: GlyphFont
}

/// Writes lines from top to bottom.
private struct Pen {
    var canvas: Canvas
    let x: Int
    var y: Int
    let width: Int
    var left: Int

    mutating func write(_ text: String, _ font: GlyphFont, _ ramp: Int, limit: Int = .max, keeping reserved: Int = 0) {
        let fitting = max(0, min(limit, (left - reserved) / font.lineHeight))
        guard fitting > 0 else { return }
        for line in font.wrap(text, width: width, limit: fitting) {
            canvas.draw(line, font: font, x: x, baseline: y + font.ascent, ramp: ramp)
            y += font.lineHeight
            left -= font.lineHeight
        }
    }

    mutating func skip(_ rows: Int) {
        y += rows
        left -= rows
    }

    mutating func drop(to row: Int) {
        if row > y { skip(row - y) }
    }
}
