import Contracts
import Foundation
import Testing

@testable import ConversationService

@Suite struct UpdateDecodingTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "TestData")
    static let updates = names(in: "updates")
    static let malformed = names(in: "malformed")

    static func names(in kind: String) -> [String] {
        let found = try? FileManager.default.contentsOfDirectory(atPath: folder.appending(path: kind).path)
        return (found ?? []).sorted()
    }

    static func body(_ kind: String, _ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: kind).appending(path: name)))
    }

    static func decode(_ prefix: String) throws -> Update {
        let name = try #require(updates.first { $0.hasPrefix(prefix) })
        let bytes = try body("updates", name)
        let text = try #require(String(validating: bytes, as: UTF8.self))
        return try Update.decode(text, botUsername: "kist_ai_bot")
    }

    @Test func `the samples are there`() {
        #expect(Self.updates.count >= 80)
        #expect(Self.malformed.count >= 12)
    }

    @Test(arguments: updates)
    func `every sample update decodes, and every message of a person in a private chat is answered`(name: String) throws
    {
        let bytes = try Self.body("updates", name)
        let text = try #require(String(validating: bytes, as: UTF8.self))
        let update = try Update.decode(text, botUsername: "kist_ai_bot")
        guard let (scene, _) = update.scene else { return }
        var driver = Driver()
        driver.scene = scene
        let decision = driver.take(update)
        if case .message(let message) = update.content, message.chat.kind == .private {
            if case .service = message.body { return #expect(decision.outcome == .quiet) }
            let isVisible = decision.commands.contains(where: \.isVisible)
            #expect(isVisible, "silent: \(name)")
        }
    }

    @Test(arguments: malformed)
    func `a malformed body is refused, or read as the harmless thing that it says`(name: String) throws {
        let bytes = try Self.body("malformed", name)
        // Ingress lets only valid UTF-8 through.
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        // A duplicate key, a byte order mark or one unreadable text may be read over; everything else must be refused.
        if ["06", "11", "13"].contains(where: name.hasPrefix) {
            _ = try? Update.decode(text, botUsername: "")  // Either is right; it must not crash.
            return
        }
        #expect(throws: UndecodableUpdate.self) { try Update.decode(text, botUsername: "") }
    }

    @Test func `a deep link keeps its payload`() throws {
        guard case .message(let message) = try Self.decode("003").content, case .command(let command) = message.body
        else { return #expect(Bool(false)) }
        #expect(command.name == "start")
        #expect(!command.argument.isEmpty && command.argument.utf8.count <= 64)
    }

    @Test func `the largest photo is taken, an animation is a video, an image sent as a file is an image`() throws {
        func media(_ prefix: String) throws -> MediaReference? {
            guard case .message(let message) = try Self.decode(prefix).content, case .media(let file, _) = message.body
            else { return nil }
            return file
        }
        let (photo, animation, file, live) = try (media("044"), media("038"), media("034"), media("043"))
        #expect(photo?.width == 1_280)
        #expect([animation?.kind, file?.kind, live?.kind] == [.video, .image, .image])
        let large = try media("035")
        let size = try #require(large?.sizeBytes)
        #expect(size > Int64(Int32.max))
    }

    @Test(arguments: ["026", "027", "028", "029"])
    func `nobody is billed for people who do not show themselves`(prefix: String) throws {
        let update = try Self.decode(prefix)
        guard case .message(let message) = update.content else { return #expect(Bool(false)) }
        #expect(message.sender == nil)
        if message.chat.kind != .private { #expect(update.scene == nil) }
    }

    @Test(arguments: [
        ("/start", "start", ""), ("/start  ref_7Q2k ", "start", "ref_7Q2k"), ("/Help@kist_ai_bot", "help", ""),
        ("/imagine\nрыжая лиса", "imagine", "рыжая лиса"),
    ])
    func `commands are read with their argument`(text: String, name: String, argument: String) throws {
        let command = try #require(BotCommand(text))
        #expect(command.name == name)
        #expect(command.argument == argument)
    }

    @Test(arguments: ["/", "/ start", "привет /start", "/команда", "//", "/a-b"])
    func `what is no command is text`(text: String) {
        #expect(BotCommand(text) == nil)
    }
}
