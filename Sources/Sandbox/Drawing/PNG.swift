/// Writes PNG files (W3C PNG, third edition) with a palette of at most 256 colours.
enum PNG {
    /// - Parameters:
    ///   - canvas: The picture.
    ///   - text: Remarks kept in `iTXt` chunks (keyword to UTF-8 text); they make otherwise equal pictures differ.
    static func encode(_ canvas: Canvas, text: [(keyword: String, value: String)] = []) -> [UInt8] {
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        var header: [UInt8] = []
        header.appendBigEndian(UInt32(canvas.width))
        header.appendBigEndian(UInt32(canvas.height))
        header += [8, 3, 0, 0, 0]  // 8 bits, palette, deflate, filter method 0, not interlaced.
        chunk("IHDR", header, into: &file)
        chunk("PLTE", canvas.palette.flatMap { [$0.red, $0.green, $0.blue] }, into: &file)
        for remark in text {
            chunk("iTXt", Array(remark.keyword.utf8) + [0, 0, 0, 0, 0] + Array(remark.value.utf8), into: &file)
        }
        var rows: [UInt8] = []
        rows.reserveCapacity((canvas.width + 1) * canvas.height)
        for row in 0..<canvas.height {
            rows.append(0)  // No filter: palette indices repeat exactly, differences do not.
            rows += canvas.pixels[row * canvas.width..<(row + 1) * canvas.width]
        }
        chunk("IDAT", Deflate.zlib(rows), into: &file)
        chunk("IEND", [], into: &file)
        return file
    }

    private static func chunk(_ name: StaticString, _ content: [UInt8], into file: inout [UInt8]) {
        file.appendBigEndian(UInt32(content.count))
        let named = Array(name.description.utf8) + content
        file += named
        file.appendBigEndian(Checksums.crc32(named))
    }
}
