import FuzzKit

/// What comes in bodies and from the database.
@main enum DataFuzz {
    static func main() {
        Fuzzer.run([
            "json": JSONFuzz.checkValue, "outline": JSONFuzz.checkOutline, "arrays": ArrayFuzz.check,
        ])
    }
}
