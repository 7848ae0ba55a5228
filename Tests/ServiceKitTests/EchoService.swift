import Concurrency
import Configuration
import Contracts
import EventLoop
import HTTP
import HTTPServer
import Lifecycle
import Postgres
import ServiceKit
import Time

/// Holds money for the tests: a mutating operation with a path value, input and output.
enum KeepNote: Operation {
    static let service = ServiceName.billing
    static let method = OperationMethod.put
    static let path = "/v1/notes/{note}"
    static let callers: Set<ServiceName> = [.generation]
    static let successStatus = 201

    struct Parameters: OperationParameters, Equatable {
        var note: String
        var loud: Bool?
        init(note: String, loud: Bool? = nil) {
            self.note = note
            self.loud = loud
        }
        init(from values: ParameterValues) throws(ParameterError) {
            note = try values.required("note")
            loud = try values.optional("loud")
        }
        var values: [(name: String, value: String)] {
            [("note", note)] + (loud.map { [("loud", String($0))] } ?? [])
        }
    }

    struct Input: Codable, Sendable, Equatable {
        struct Item: Codable, Sendable, Equatable { var amountKopecks: Int64 }
        var text: String
        var items: [Item]
    }

    struct Output: Codable, Sendable, Equatable {
        var text: String
        var key: String
        var fingerprint: String
    }
}

/// A read without parameters.
enum GetMood: Operation {
    static let service = ServiceName.billing
    static let method = OperationMethod.get
    static let path = "/v1/mood"
    static let callers: Set<ServiceName> = Set(ServiceName.allCases)
    struct Output: Codable, Sendable, Equatable { var mood: String }
}

/// A service whose answers a test chooses by the text it sends.
struct EchoService: AtelierService {
    static let name = ServiceName.billing
    static let configurationKeys: [any ConfigurationKeyDescription] = [moodKey]
    static let moodKey = ConfigurationKey.string("ATELIER_MOOD", default: "calm", help: "what GetMood answers")

    let context: ServiceContext
    let mood: String
    let ticks = Locked(0)

    init(_ context: ServiceContext) async throws {
        self.context = context
        self.mood = try context.configuration.value(Self.moodKey)
    }

    func register(on routes: inout Routes) {
        routes.serve(KeepNote.self) { input, call in
            switch input.text {
            case "problem": throw Problem(.insufficientFunds, members: ["shortage_kopecks": 5])
            case "unforeseen": throw Unforeseen()
            case "database": throw PostgresError(.poolTimeout, operation: "test")
            case "slow": try await context.loop.sleep(for: .seconds(60))
            case "time left":
                return .fresh(.init(text: "\(call.deadline.remaining.wholeMilliseconds)", key: "", fingerprint: ""))
            case "count":
                try await context.database.transaction(.keyed) { transaction in
                    let key = call.idempotencyKey
                    let new = try await transaction.query(
                        "insert into applied values (\(key)) on conflict do nothing returning key"
                    )
                    guard !new.isEmpty else { return }
                    try await transaction.execute("update total set n = n + 1")
                }
            default: break
            }
            let output = KeepNote.Output(
                text: input.text,
                key: call.idempotencyKey,
                fingerprint: "\(call.fingerprint.hashValue)"
            )
            return input.text == "again" ? .replayed(output) : .fresh(output)
        }
        routes.serve(GetMood.self) { _, _ in GetMood.Output(mood: mood) }
        routes.raw(.get, "/v1/bytes/{name}", callers: [.delivery]) { request, caller in
            guard request.parameters["name"] != "none" else { throw Problem(.assetNotFound) }
            return HTTPResponse(status: 200, body: .bytes(Array("\(caller.rawValue)".utf8)))
        }
    }

    var workers: [any Worker] { [Ticker(ticks: ticks, loop: context.loop)] }

    func health() async -> [String: JSONValue] { ["queue_depth": 3] }

    struct Unforeseen: Error {}

    struct Ticker: Worker {
        let name = "tick"
        let ticks: Locked<Int>
        let loop: EventLoop
        func run() async throws {
            ticks.withLock { $0 += 1 }
            try await loop.sleep(for: .seconds(3_600))
        }
    }
}
