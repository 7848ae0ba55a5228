package import Contracts
internal import Cryptography
internal import Foundation

/// A file of the catalogue's folder; nil bytes for one that can't be read.
package struct CatalogueFile: Sendable, Equatable {
    package var name: String
    package var bytes: [UInt8]?

    package init(name: String, bytes: [UInt8]?) {
        self.name = name
        self.bytes = bytes
    }

    /// The model files and the smoke book of a folder.
    ///
    /// - Throws: If the folder can't be read.
    package static func all(in directory: String) throws -> [CatalogueFile] {
        try FileManager.default.contentsOfDirectory(atPath: directory)
            .filter { $0.hasSuffix(".json") && !$0.hasSuffix(".schema.json") && !$0.hasPrefix(".") }.sorted()
            .map { name in
                let data = FileManager.default.contents(atPath: "\(directory)/\(name)")
                return CatalogueFile(name: name, bytes: data.map { [UInt8]($0) })
            }
    }
}

/// All models that were read, and what was refused.
package struct Catalogue: Sendable {
    /// By number, ascending.
    package let entries: [ModelEntry]
    /// Files that were refused; the rest is sold.
    package let refused: [ModelFileError]
    /// nil for a folder without a smoke book, which then asks for no smoke runs.
    package let smoke: SmokeBook?
    /// Of everything that was read; changes whenever a file does.
    package let contentHash: [UInt8]
    /// Slugs of models whose files are gone.
    package let retired: Set<String>
    private let byNumber: [Int: ModelEntry]
    private let byName: [String: ModelEntry]
    private let slugByFile: [String: String]

    package init(
        entries: [ModelEntry],
        refused: [ModelFileError] = [],
        smoke: SmokeBook? = nil,
        contentHash: [UInt8] = [],
        retired: Set<String> = [],
        slugByFile: [String: String] = [:]
    ) {
        self.entries = entries.sorted { $0.number < $1.number }
        self.refused = refused
        self.smoke = smoke
        self.contentHash = contentHash
        self.retired = retired
        self.slugByFile = slugByFile
        byNumber = Dictionary(entries.map { ($0.number, $0) }) { first, _ in first }
        var names: [String: ModelEntry] = [:]
        for entry in entries { for alias in entry.aliases { names[alias] = entry } }
        for entry in entries { names[entry.slug] = entry }
        byName = names
    }

    package func entry(_ number: Int) -> ModelEntry? { byNumber[number] }

    /// The model of a slug or an alias.
    package func entry(named name: String) -> ModelEntry? { byName[name] }

    /// Reads a folder. A bad file, or one whose number or slug another has, is refused; the rest stays.
    ///
    /// - Parameter previous: What was read before: a file that is refused now keeps its old model, and a model whose
    ///   file is gone stays known for the jobs under way.
    /// - Throws: If the folder can't be read.
    package static func load(_ directory: String, after previous: Catalogue? = nil) throws -> Catalogue {
        load(try CatalogueFile.all(in: directory), after: previous)
    }

    /// The same for files that were read already.
    package static func load(_ files: [CatalogueFile], after previous: Catalogue? = nil) -> Catalogue {
        var reading = Reading(previous: previous)
        for file in files { reading.take(file) }
        return reading.catalogue
    }

    /// Why a model is not sold; nil if it is.
    package func obstacle(to entry: ModelEntry, _ control: SalesControl) -> SaleObstacle? {
        if let own = ownObstacle(to: entry, control) { return own }
        guard !control.sellsSpares, let main = entry.spareOf.flatMap({ byName[$0] }),
            ownObstacle(to: main, control) == nil
        else {
            return nil
        }
        return .spare(of: main.slug)
    }

    private func ownObstacle(to entry: ModelEntry, _ control: SalesControl) -> SaleObstacle? {
        if let withheld = entry.withheld { return .withheld(withheld.reason, successor: withheld.successor) }
        if entry.price == nil { return .noPrice }
        if retired.contains(entry.slug) { return .retired }
        if !control.sellsUntried, let obstacle = smoke?.obstacle(to: entry) { return obstacle }
        if control.switchedOff.contains(entry.slug) { return .switchedOff }
        if let reason = control.stopped[entry.slug] { return .stopped(reason) }
        return control.unwell.contains(entry.slug) ? .unwell : nil
    }

    /// What `ListModels` answers.
    package func published(_ pricing: Pricing, _ control: SalesControl) -> ListModels.Output {
        let sold = entries.filter { obstacle(to: $0, control) == nil }
        let numbers = Dictionary(sold.map { ($0.slug, $0.number) }) { first, _ in first }
        let makers = Dictionary(entries.map { ($0.slug, $0.number) }) { first, _ in first }
        let models = sold.map { $0.published(pricing, followUps: numbers, makers: makers) }
        var hash = SHA256()
        hash.update(contentHash)
        for model in models {
            hash.update(Array("\(model.number)=\(model.fromKopecks);".utf8))
            // Readers that know a revision from a build that did not publish makers have to read the list again.
            for makers in model.inputs.compactMap(\.madeBy) { hash.update(Array("\(makers);".utf8)) }
        }
        return ListModels.Output(revision: String(Hex.encode(hash.finish()).prefix(16)), models: models)
    }

    /// Names in files that lead nowhere: a successor, spare, follow-up or source that does not exist or does not fit.
    package var looseEnds: [ModelFileError] {
        let files = Dictionary(slugByFile.map { ($0.value, $0.key) }) { first, _ in first }
        return entries.filter { !retired.contains($0.slug) }.flatMap { entry in
            looseEnds(of: entry).map { field, reason in
                ModelFileError(file: files[entry.slug] ?? entry.slug, line: 1, field: field, reason: reason)
            }
        }
    }

    private func looseEnds(of entry: ModelEntry) -> [(String, String)] {
        var ends: [(String, String)] = []
        for (field, slug) in [("withheld.successor", entry.withheld?.successor), ("spare_of", entry.spareOf)] {
            guard let slug, byName[slug]?.slug != slug else { continue }
            ends.append((field, "names \(slug), which is no model"))
        }
        for slug in entry.followUps {
            guard let next = byName[slug], next.slug == slug else {
                ends.append(("follow_ups", "name \(slug), which is no model"))
                continue
            }
            guard next.inputs.contains(where: { $0.takes(resultsOf: entry) }) else {
                ends.append(("follow_ups", "name \(slug), which does not take \(entry.output.rawValue)"))
                continue
            }
        }
        for slug in Set(entry.inputs.flatMap(\.from)).sorted() where byName[slug]?.slug != slug {
            ends.append(("inputs.from", "names \(slug), which is no model"))
        }
        return ends
    }

    /// Collects files one after the other.
    private struct Reading {
        let previous: Catalogue?
        var entries: [ModelEntry] = []
        var refused: [ModelFileError] = []
        var smoke: SmokeBook?
        var slugByFile: [String: String] = [:]
        /// The hashes of the files, one after the other.
        var hashes: [UInt8] = []

        mutating func take(_ file: CatalogueFile) {
            do throws(ModelFileError) {
                guard let bytes = file.bytes else {
                    throw ModelFileError(file: file.name, line: 1, field: "", reason: "can't be read")
                }
                hashes += SHA256.hash(Array(file.name.utf8)) + SHA256.hash(bytes)
                if file.name == SmokeBook.fileName { return try takeSmoke(bytes) }
                try add(try ModelFile.read(bytes, file: file.name), file.name)
            } catch {
                refused.append(error)
                keepOld(file.name)
            }
        }

        private mutating func takeSmoke(_ bytes: [UInt8]) throws(ModelFileError) {
            do {
                smoke = try SmokeBook(bytes)
            } catch {
                smoke = previous?.smoke ?? SmokeBook()
                let line = JSONLocator.syntaxLine(of: error, in: bytes)
                throw ModelFileError(file: SmokeBook.fileName, line: line, field: "", reason: "is no smoke book")
            }
        }

        private mutating func add(_ entry: ModelEntry, _ file: String) throws(ModelFileError) {
            if let twin = entries.first(where: { $0.number == entry.number || $0.slug == entry.slug }) {
                throw ModelFileError(file: file, line: 1, field: "number", reason: "or slug is that of \(twin.slug)")
            }
            entries.append(entry)
            slugByFile[file] = entry.slug
        }

        /// The model that a refused file had before.
        private mutating func keepOld(_ file: String) {
            guard let slug = previous?.slugByFile[file], let old = previous?.entry(named: slug),
                !entries.contains(where: { $0.number == old.number || $0.slug == old.slug })
            else { return }
            entries.append(old)
            slugByFile[file] = slug
        }

        var catalogue: Catalogue {
            let known = Set(entries.map(\.number)), slugs = Set(entries.map(\.slug))
            let gone = previous?.entries.filter { !known.contains($0.number) && !slugs.contains($0.slug) } ?? []
            return Catalogue(
                entries: entries + gone,
                refused: refused,
                smoke: smoke,
                contentHash: SHA256.hash(hashes),
                retired: Set(gone.map(\.slug)),
                slugByFile: slugByFile
            )
        }
    }
}

extension InputFacts {
    /// Whether the results of a model can be given here.
    package func takes(resultsOf entry: ModelEntry) -> Bool {
        input.media == entry.output && (sends == .address || from.contains(entry.slug))
    }
}
