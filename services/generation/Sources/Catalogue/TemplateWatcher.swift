internal import Concurrency
internal import Contracts
internal import Cryptography
internal import EventLoop
internal import Lifecycle
internal import ModelCatalogue
internal import ServiceKit
internal import Telemetry

/// The templates that are offered now. Read on every call, replaced as a whole.
final class LiveTemplates: Sendable {
    private let state = Locked(LiveTemplates.published(.empty))

    var current: ListTemplates.Output { state.withLock { $0 } }

    func replace(_ shelf: TemplateShelf) {
        let next = Self.published(shelf)
        state.withLock { $0 = next }
    }

    private static func published(_ shelf: TemplateShelf) -> ListTemplates.Output {
        // Encoding a template fails for nothing that a file can hold.
        let bytes = (try? ContractJSON.encode(shelf.templates)) ?? []
        let revision = Hex.encode(Array(SHA256.hash(bytes).prefix(6)))
        return ListTemplates.Output(revision: revision, templates: shelf.templates)
    }
}

/// Takes up changed template files without a restart. Every instance watches for itself; a folder that is not there holds
/// no templates.
final class TemplateWatcher: Worker {
    let name = "templates.watch"
    private let tools: Toolbox
    private let loop: EventLoop

    init(_ tools: Toolbox, loop: EventLoop) {
        self.tools = tools
        self.loop = loop
    }

    func run() async throws {
        var shelf = TemplateShelf.empty
        var seen: FolderSign?
        while !Task.isCancelled {
            let sign = try? await FolderSign.look(at: tools.configuration.templatesDirectory)
            if sign != seen {
                shelf = try await reload(after: shelf)
                seen = sign
            }
            try await loop.sleep(for: tools.configuration.modelReload)
        }
    }

    private func reload(after previous: TemplateShelf) async throws -> TemplateShelf {
        let directory = tools.configuration.templatesDirectory
        let next = try await BlockingExecutor.shared.run {
            (try? TemplateShelf.load(directory, after: previous)) ?? .empty
        }
        for refusal in next.refused where !previous.refused.contains(refusal) {
            tools.log.error("template file refused", [.file: .string(refusal.text)])
        }
        tools.templates.replace(next)
        return next
    }
}
