internal import Contracts

/// Which requests have passed a smoke run. Kept in `smoke.json` beside the model files: what was tried is reviewed and
/// shipped together with what it was tried with.
package struct SmokeBook: Sendable, Equatable {
    /// The name of the file.
    package static let fileName = "smoke.json"

    /// A passed smoke run.
    package struct Pass: Sendable, Equatable, Codable {
        /// Of the request that was tried.
        package var fingerprint: String
        /// The day, e.g. `2026-11-28`.
        package var date: String
        /// `stand-in` or `provider`.
        package var against: String
        /// Runs in a row.
        package var runs: Int

        package init(fingerprint: String, date: String, against: String, runs: Int) {
            self.fingerprint = fingerprint
            self.date = date
            self.against = against
            self.runs = runs
        }
    }

    private struct File: Codable { var passed: [String: Pass] }

    /// By slug.
    package var passed: [String: Pass]

    package init(passed: [String: Pass] = [:]) {
        self.passed = passed
    }

    /// - Throws: `DecodingError` if the bytes are no smoke book.
    package init(_ bytes: [UInt8]) throws {
        passed = try ContractJSON.decode(File.self, from: bytes).passed
    }

    /// Why a model may not be sold; nil if its request has passed.
    package func obstacle(to entry: ModelEntry) -> SaleObstacle? {
        guard let pass = passed[entry.slug] else { return .notSmoked("No smoke run yet: make e2e-models.") }
        guard pass.fingerprint == entry.requestFingerprint else {
            return .notSmoked("Its request changed after the smoke run of \(pass.date): make e2e-models.")
        }
        return nil
    }

    /// The file's text, a line a model, in order of slugs.
    package var text: String {
        let lines = passed.sorted { $0.key < $1.key }.map { slug, pass in
            """
                "\(slug)": {"fingerprint": "\(pass.fingerprint)", "date": "\(pass.date)", \
            "against": "\(pass.against)", "runs": \(pass.runs)}
            """
        }
        return "{\n  \"passed\": {\n" + lines.joined(separator: ",\n") + "\n  }\n}\n"
    }
}
