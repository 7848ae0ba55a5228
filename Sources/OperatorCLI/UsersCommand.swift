internal import Contracts
internal import Cryptography
internal import LocalSystem
internal import ServiceKit

/// `atelier users erase <telegram id>`: removes what a user has given and made, on the user's wish.
struct UsersCommand: Sendable {
    static let usage = """
        usage: atelier users erase <telegram id>
          Removes the user's files, prompts and quotes from generation. What was paid stays in the ledger.
        """

    let access: OperatorAccess

    /// - Returns: The exit code: 0 done, 2 wrong usage.
    func run(_ words: [String]) async throws -> Int32 {
        if words.isEmpty || words == ["help"] {
            Console.say(Self.usage)
            return 0
        }
        guard words.count == 2, words[0] == "erase", let user = UserID(words[1]), user > 0 else {
            Console.complain(Self.usage)
            return 2
        }
        let erased = try await access.with(.generation) { generation in
            // A new key each time: asking again means it.
            try await generation.call(
                EraseUser.self,
                parameters: .init(userID: user),
                key: "erase:\(user):\(Hex.encode(secureRandom(8)))"
            )
        }
        Console.say(Self.text(erased))
        return 0
    }

    static func text(_ erased: EraseUser.Output) -> String {
        let rest =
            switch erased.openJobs {
            case 0: "Nothing is left."
            case 1: "One job is under way; its files and words go when it ends."
            case let count: "\(count) jobs are under way; their files and words go when they end."
            }
        return "files removed: \(erased.erasedAssets), jobs emptied: \(erased.erasedJobs). \(rest)"
    }
}
