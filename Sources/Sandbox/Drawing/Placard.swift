internal import Foundation

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

    /// Draws the picture: a landscape, and before it a panel with the text, as large as the text needs.
    func draw(width: Int, height: Int, fonts: PlacardFonts) -> Canvas {
        var canvas = Canvas(width: width, height: height)
        let scheme = Self.schemes[Int(seed % UInt64(Self.schemes.count))].map(Colour.init)
        let gradient = canvas.addRamp(through: scheme, count: 140)
        canvas.fillGradient(ramp: gradient, count: 140)
        drawLandscape(on: &canvas, scheme)
        let panel = scheme[0].mixed(with: Colour(0x0B0E14), part: 3, of: 4)
        let white = canvas.addRamp(through: [panel, Colour(0xFFFFFF)], count: 16)
        let soft = canvas.addRamp(through: [panel, Colour(0xB9C2D0)], count: 16)
        let accent = canvas.addRamp(
            through: [panel, scheme[2].mixed(with: Colour(0xFFFFFF), part: 2, of: 5)],
            count: 16
        )

        let margin = max(14, min(width, height) / 22)
        let inside = width - 2 * margin - 48
        let lines = textLines(fonts, width: inside, height: height - 2 * margin - 36)
        let textHeight = lines.reduce(0) { $0 + $1.font.lineHeight + $1.gap }
        let top = height - margin - textHeight - 36
        canvas.fillPanel(
            x: margin,
            y: top,
            width: width - 2 * margin,
            height: textHeight + 36,
            radius: 20,
            index: UInt8(white)
        )
        var y = top + 18
        for line in lines {
            y += line.gap
            let ramp = line.tone == .plain ? white : line.tone == .soft ? soft : accent
            canvas.draw(line.text, font: line.font, x: margin + 24, baseline: y + line.font.ascent, ramp: ramp)
            y += line.font.lineHeight
        }
        return canvas
    }

    /// A sun and three ranges of hills, different for every seed.
    private func drawLandscape(on canvas: inout Canvas, _ scheme: [Colour]) {
        let (width, height) = (Double(canvas.width), Double(canvas.height))
        let light = scheme[2].mixed(with: Colour(0xFFFFFF), part: 3, of: 5)
        let sun = canvas.addRamp(through: [light.mixed(with: scheme[1], part: 1, of: 2), light], count: 3)
        let variety = Double(seed % 97) / 97
        let centre = (x: Int(width * (0.22 + 0.56 * variety)), y: Int(height * 0.26))
        let radius = Int(min(width, height) * 0.11)
        for (step, share) in [170, 132, 100].enumerated() {
            let size = radius * share / 100
            canvas.fillPanel(
                x: centre.x - size,
                y: centre.y - size,
                width: 2 * size,
                height: 2 * size,
                radius: size,
                index: UInt8(sun + step)
            )
        }
        for range in 0..<3 {
            let colour = scheme[0].mixed(with: scheme[1], part: 2 - range, of: 3)
            let index = UInt8(canvas.addRamp(through: [colour, colour], count: 1))
            let phase = variety * 9 + Double(range) * 2.3
            let base = height * (0.36 + 0.11 * Double(range))
            canvas.fillBelow(index: index) { x in
                let place = x / width * 6.28
                let wave = sin(place * (1.3 + 0.4 * Double(range)) + phase) + 0.45 * sin(place * 3.1 + phase * 2)
                return base - wave * height * 0.055
            }
        }
    }

    private enum Tone {
        case plain, soft, accent
    }

    private struct Line {
        var text: String
        var font: GlyphFont
        var tone: Tone
        var gap = 0
    }

    /// The lines from top to bottom; the prompt is cut so that all of them fit.
    private func textLines(_ fonts: PlacardFonts, width: Int, height: Int) -> [Line] {
        let heading = Line(text: count > 1 ? "Проба \(place) из \(count)" : "Проба", font: fonts.small, tone: .accent)
        let title = fonts.title.wrap(model, width: width, limit: 2).map {
            Line(text: $0, font: fonts.title, tone: .plain)
        }
        let footer = footerLines(fonts.small, width: width).enumerated().map { place, text in
            Line(text: text, font: fonts.small, tone: .soft, gap: place == 0 ? 8 : 0)
        }
        let taken = ([heading] + title + footer).reduce(0) { $0 + $1.font.lineHeight + $1.gap } + 6
        let limit = max(1, min(9, (height - taken) / fonts.body.lineHeight))
        let words = fonts.body.wrap(prompt.isEmpty ? "без текста" : prompt, width: width, limit: limit)
        let body = words.enumerated().map { place, text in
            Line(text: text, font: fonts.body, tone: .plain, gap: place == 0 ? 6 : 0)
        }
        return [heading] + title + body + footer
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
