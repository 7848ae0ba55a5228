/// Audio and video files, made different for every task although their content is a fixed clip.
enum Sound {
    /// A WAV file (16 bit, mono, 16 kHz) of a soft tone.
    ///
    /// - Parameters:
    ///   - seconds: Length, 1...30.
    ///   - pitch: Frequency in hertz.
    ///   - remark: Kept in an `INFO` chunk, so that equal tones of different tasks differ.
    static func tone(seconds: Int, pitch: Double, remark: String) -> [UInt8] {
        let rate = 16_000
        let count = min(30, max(1, seconds)) * rate
        var samples: [UInt8] = []
        samples.reserveCapacity(2 * count)
        // A rotating vector gives the sine without calling it for every sample.
        let turn = 2 * Double.pi * pitch / Double(rate)
        let (stepX, stepY) = Self.unit(turn)
        var (x, y) = (1.0, 0.0)
        for place in 0..<count {
            (x, y) = (x * stepX - y * stepY, x * stepY + y * stepX)
            let fade = min(1, Double(min(place, count - place)) / 2_000)
            let level = UInt16(bitPattern: Int16(y * fade * 9_000))
            samples.append(UInt8(level & 0xFF))
            samples.append(UInt8(level >> 8))
        }
        var note = Array(remark.utf8) + [0]
        if note.count % 2 == 1 { note.append(0) }
        var file = Array("RIFF".utf8)
        file.appendLittleEndian(UInt32(4 + 24 + 8 + 12 + note.count + 8 + samples.count - 8 + 8))
        file += Array("WAVEfmt ".utf8)
        file.appendLittleEndian(16)
        file.appendLittleEndian(1, bytes: 2)
        file.appendLittleEndian(1, bytes: 2)
        file.appendLittleEndian(UInt32(rate))
        file.appendLittleEndian(UInt32(2 * rate))
        file.appendLittleEndian(2, bytes: 2)
        file.appendLittleEndian(16, bytes: 2)
        file += Array("LIST".utf8)
        file.appendLittleEndian(UInt32(12 + note.count))
        file += Array("INFOICMT".utf8)
        file.appendLittleEndian(UInt32(note.count))
        file += note + Array("data".utf8)
        file.appendLittleEndian(UInt32(samples.count))
        return file + samples
    }

    /// Cosine and sine of a small angle, by their series; enough digits for a few seconds of tone.
    private static func unit(_ angle: Double) -> (Double, Double) {
        var (cosine, sine, term) = (1.0, angle, angle)
        var evenTerm = 1.0
        for place in stride(from: 2.0, through: 20.0, by: 2.0) {
            evenTerm *= -angle * angle / (place * (place - 1))
            cosine += evenTerm
            term *= -angle * angle / (place * (place + 1))
            sine += term
        }
        return (cosine, sine)
    }

    /// An MP3 with an ID3v2.3 tag in front of it: title and remark, as UTF-16.
    static func tagged(mp3: [UInt8], title: String, remark: String) -> [UInt8] {
        func frame(_ name: StaticString, _ content: [UInt8]) -> [UInt8] {
            var bytes = Array(name.description.utf8)
            bytes.appendBigEndian(UInt32(content.count))
            return bytes + [0, 0] + content
        }
        func utf16(_ text: String) -> [UInt8] {
            [0xFF, 0xFE] + text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        }
        let frames =
            frame("TIT2", [1] + utf16(title))
            + frame("COMM", [1] + Array("rus".utf8) + utf16("") + [0, 0] + utf16(remark))
        let size = UInt32(frames.count)
        let tag: [UInt8] =
            Array("ID3".utf8) + [3, 0, 0] + [21, 14, 7, 0].map { UInt8(size >> UInt32($0) & 0x7F) }
        return tag + frames + mp3
    }

    /// An MP4 with a `free` box behind it that carries a remark; players skip such boxes.
    static func tagged(mp4: [UInt8], remark: String) -> [UInt8] {
        var box: [UInt8] = []
        box.appendBigEndian(UInt32(8 + remark.utf8.count))
        return mp4 + box + Array("free".utf8) + Array(remark.utf8)
    }
}
