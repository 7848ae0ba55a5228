internal import Contracts
internal import Cryptography
internal import Foundation

/// All models that were read, and what was refused.
struct Catalogue: Sendable {
    /// By number, ascending.
    let entries: [ModelEntry]
    /// Files that were refused; the rest is sold.
    let refused: [ModelFileError]
    private let byNumber: [Int: ModelEntry]
    private let contentHash: [UInt8]

    init(entries: [ModelEntry], refused: [ModelFileError] = [], contentHash: [UInt8] = []) {
        self.entries = entries.sorted { $0.number < $1.number }
        self.refused = refused
        self.byNumber = Dictionary(entries.map { ($0.number, $0) }) { first, _ in first }
        self.contentHash = contentHash
    }

    func entry(_ number: Int) -> ModelEntry? { byNumber[number] }

    /// Reads every `.json` file of a folder. A bad one, or one whose number or slug another has, is refused; the rest
    /// stays.
    ///
    /// - Throws: If the folder can't be read.
    static func load(_ directory: String) throws -> Catalogue {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            .filter { $0.hasSuffix(".json") && !$0.hasSuffix(".schema.json") }.sorted()
        return load(names.map { ($0, FileManager.default.contents(atPath: directory + "/" + $0)) })
    }

    /// The same for files that were read already; nil bytes for one that can't be read.
    static func load(_ files: [(name: String, bytes: Data?)]) -> Catalogue {
        var entries: [ModelEntry] = []
        var refused: [ModelFileError] = []
        var hash = SHA256()
        for (name, bytes) in files {
            do throws(ModelFileError) {
                guard let bytes else { throw ModelFileError(file: name, line: 0, field: "", reason: "can't be read") }
                hash.update([UInt8](bytes))
                let entry = try ModelFile.read([UInt8](bytes), file: name)
                if let twin = entries.first(where: { $0.number == entry.number || $0.slug == entry.slug }) {
                    throw ModelFileError(
                        file: name,
                        line: 1,
                        field: "number",
                        reason: "or slug is that of \(twin.slug)"
                    )
                }
                entries.append(entry)
            } catch {
                refused.append(error)
            }
        }
        return Catalogue(entries: entries, refused: refused, contentHash: hash.finish())
    }

    /// What `ListModels` answers.
    ///
    /// - Parameter isHidden: Models that are not sold now.
    func published(_ pricing: Pricing, isHidden: (ModelEntry) -> Bool) -> ListModels.Output {
        let models = entries.filter { !isHidden($0) }.map { $0.published(pricing) }
        var hash = SHA256()
        hash.update(contentHash)
        for model in models { hash.update(Array("\(model.number)=\(model.fromKopecks);".utf8)) }
        return ListModels.Output(revision: String(Hex.encode(hash.finish()).prefix(16)), models: models)
    }
}
