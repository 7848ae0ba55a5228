/// Prometheus text exposition format 0.0.4, while it is being written.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text-based format).
struct PrometheusText {
    private(set) var bytes: [UInt8] = []
    private let service: String

    /// The media type of the text.
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    init(service: String) {
        self.service = service
    }

    mutating func append(_ instrument: Instrument) {
        let samples: [(labels: [String], sample: MetricSample)]
        switch instrument.content {
        case .series(let series): samples = series.samples
        case .read(let read):
            let number = read()
            samples = number.isNaN ? [] : [([], .number(number))]
        }
        guard !samples.isEmpty else { return }
        line("# HELP \(instrument.name) \(Self.escaped(instrument.help, quotes: false))")
        line("# TYPE \(instrument.name) \(instrument.kind.rawValue)")
        for (values, sample) in samples {
            let labels = [("service", service)] + zip(instrument.labels, values).map { ($0, $1) }
            append(instrument.name, labels, sample)
        }
    }

    private mutating func append(_ name: String, _ labels: [(String, String)], _ sample: MetricSample) {
        switch sample {
        case .count(let count): line("\(name)\(Self.text(labels)) \(count)")
        case .number(let number): line("\(name)\(Self.text(labels)) \(Self.text(number))")
        case .buckets(let bounds, let counts, let sum):
            var total: UInt64 = 0
            for (bound, count) in zip(bounds.map(Self.text) + ["+Inf"], counts) {
                total += count
                line("\(name)_bucket\(Self.text(labels + [("le", bound)])) \(total)")
            }
            line("\(name)_sum\(Self.text(labels)) \(Self.text(sum))")
            line("\(name)_count\(Self.text(labels)) \(total)")
        }
    }

    private mutating func line(_ text: String) {
        bytes += text.utf8
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func text(_ labels: [(String, String)]) -> String {
        "{" + labels.map { "\($0)=\"\(escaped($1, quotes: true))\"" }.joined(separator: ",") + "}"
    }

    /// Whole numbers without a fraction, infinity in Prometheus' spelling.
    static func text(_ number: Double) -> String {
        if number == .infinity { return "+Inf" }
        if number == -.infinity { return "-Inf" }
        if let whole = Int64(exactly: number) { return String(whole) }
        return String(number)
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`; colons are for recording rules.
    static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x5f
        }
    }
}
