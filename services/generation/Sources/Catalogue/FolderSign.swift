internal import Concurrency
internal import Foundation
internal import Glibc

/// What tells that the JSON files of a folder have changed: their names, sizes and times.
struct FolderSign: Equatable, Sendable {
    private struct FileSign: Equatable, Sendable {
        let name: String
        let size: Int
        let node: UInt
        let seconds: Int
        let nanoseconds: Int

        init(_ name: String, in directory: String) {
            // One call each, as hundreds of files are looked at. One that has gone meanwhile shows at the next look.
            var facts = stat()
            unsafe stat("\(directory)/\(name)", &facts)
            self.name = name
            size = Int(facts.st_size)
            node = UInt(facts.st_ino)
            seconds = facts.st_mtim.tv_sec
            nanoseconds = facts.st_mtim.tv_nsec
        }
    }

    private let files: [FileSign]

    /// - Throws: If the folder can't be listed.
    static func look(at directory: String) async throws -> FolderSign {
        try await BlockingExecutor.shared.run {
            let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            return FolderSign(
                files: names.filter { $0.hasSuffix(".json") }.sorted().map { FileSign($0, in: directory) }
            )
        }
    }
}
