/// A colour of the palette.
struct Colour: Equatable, Sendable {
    var red: UInt8
    var green: UInt8
    var blue: UInt8

    /// - Parameter hex: `0xRRGGBB`.
    init(_ hex: UInt32) {
        self.red = UInt8(hex >> 16 & 0xFF)
        self.green = UInt8(hex >> 8 & 0xFF)
        self.blue = UInt8(hex & 0xFF)
    }

    /// The colour `part`/`whole` of the way from this one to `other`.
    func mixed(with other: Colour, part: Int, of whole: Int) -> Colour {
        func mix(_ from: UInt8, _ to: UInt8) -> UInt8 {
            UInt8((Int(from) * (whole - part) + Int(to) * part) / whole)
        }
        var result = self
        result.red = mix(red, other.red)
        result.green = mix(green, other.green)
        result.blue = mix(blue, other.blue)
        return result
    }
}

/// A picture of palette indices.
///
/// The palette is divided in ramps (runs of neighbouring colours) so that soft edges need no look-up of colours.
struct Canvas: Sendable {
    let width: Int
    let height: Int
    var pixels: [UInt8]
    private(set) var palette: [Colour] = []

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        self.pixels = [UInt8](repeating: 0, count: width * height)
    }

    /// Adds a ramp of colours and says at which index it starts.
    ///
    /// - Precondition: The palette stays within 256 colours.
    mutating func addRamp(through stops: [Colour], count: Int) -> Int {
        precondition(palette.count + count <= 256, "a PNG palette has 256 colours")
        let start = palette.count
        let spans = stops.count - 1
        for step in 0..<count {
            let place = step * spans
            let whole = max(1, count - 1)
            let span = min(spans - 1, place / whole)
            palette.append(stops[span].mixed(with: stops[span + 1], part: place - span * whole, of: whole))
        }
        return start
    }

    /// Fills everything with a slanted gradient over the ramp.
    mutating func fillGradient(ramp: Int, count: Int) {
        // Each row is the same line of colours, moved by one place for two rows, so a row costs one copy.
        let length = width + height / 2 + 1
        let line = (0..<length).map { UInt8(ramp + $0 * count / length) }
        for row in 0..<height {
            let offset = row / 2
            pixels.replaceSubrange(row * width..<(row + 1) * width, with: line[offset..<offset + width])
        }
    }

    /// Fills a rectangle with rounded corners.
    mutating func fillPanel(x: Int, y: Int, width: Int, height: Int, radius: Int, index: UInt8) {
        for row in max(0, y)..<max(0, min(self.height, y + height)) {
            let inset = Self.inset(row: row - y, height: height, radius: radius)
            let from = max(0, x + inset)
            let to = min(self.width, x + width - inset)
            guard from < to else { continue }
            let line = repeatElement(index, count: to - from)
            pixels.replaceSubrange(row * self.width + from..<row * self.width + to, with: line)
        }
    }

    /// Fills everything below a line.
    ///
    /// - Parameter line: The row at which a column begins to be filled.
    mutating func fillBelow(index: UInt8, _ line: (Double) -> Double) {
        for column in 0..<width {
            let from = min(height, max(0, Int(line(Double(column)))))
            for row in from..<height { pixels[row * width + column] = index }
        }
    }

    private static func inset(row: Int, height: Int, radius: Int) -> Int {
        let fromEdge = min(row, height - 1 - row)
        guard fromEdge < radius else { return 0 }
        let rise = Double(radius - fromEdge) - 0.5
        return radius - Int((Double(radius * radius) - rise * rise).squareRoot().rounded())
    }

    /// Draws one line of text on a panel that has the ramp's first colour.
    ///
    /// - Parameters:
    ///   - x: Left edge.
    ///   - baseline: Row of the base line.
    ///   - ramp: First of 16 palette indices, from panel colour to text colour.
    mutating func draw(_ text: some StringProtocol, font: GlyphFont, x: Int, baseline: Int, ramp: Int) {
        var pen = x
        for scalar in text.unicodeScalars {
            let glyph = font.glyph(scalar)
            for row in 0..<glyph.height {
                let y = baseline - glyph.top + row
                guard y >= 0, y < height else { continue }
                for column in 0..<glyph.width {
                    let alpha = glyph.alpha[row * glyph.width + column]
                    let place = pen + glyph.left + column
                    guard alpha > 0, place >= 0, place < width else { continue }
                    pixels[y * width + place] = UInt8(ramp) + alpha
                }
            }
            pen += glyph.advance
        }
    }
}
