import Foundation
import Testing

@testable import Sandbox

@Suite struct JournalTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("journal-\(UUID())").path

    @Test func `records survive a restart, the last one of a key wins, removed ones stay away`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }  // Only litter.
        let journal = try Journal(folder: folder)
        journal.put(.task, "a", "один")
        journal.put(.task, "a", "два\nстроки")
        journal.put(.payment, "a", "другое")
        journal.put(.task, "b", "прочь")
        journal.remove(.task, "b")
        let again = try Journal(folder: folder)
        #expect(again.records(.task, as: String.self) == ["a": "два\nстроки"])
        #expect(again.records(.payment, as: String.self) == ["a": "другое"])
        again.clear()
        #expect(try Journal(folder: folder).records(.task, as: String.self).isEmpty)
    }

    @Test func `a torn last line loses that line only`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }  // Only litter.
        let path = folder + "/journal.jsonl"
        let journal = try Journal(folder: folder)
        journal.put(.task, "a", 1)
        journal.put(.task, "b", 2)
        let content = try #require(FileManager.default.contents(atPath: path))
        try content.dropLast(9).write(to: URL(fileURLWithPath: path))
        let again = try Journal(folder: folder)
        #expect(again.records(.task, as: Int.self) == ["a": 1])
        again.put(.task, "c", 3)
        #expect(try Journal(folder: folder).records(.task, as: Int.self) == ["a": 1, "c": 3])
    }

    @Test func `a record of another form is left out`() throws {
        let journal = try Journal(folder: nil)
        journal.put(.task, "a", "text")
        journal.put(.task, "b", 5)
        #expect(journal.records(.task, as: Int.self) == ["b": 5])
    }
}
