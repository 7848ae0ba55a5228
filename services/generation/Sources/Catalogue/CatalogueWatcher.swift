internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Foundation
internal import Lifecycle
internal import ModelCatalogue
internal import ServiceKit
internal import Telemetry

/// Takes up changed model files without a restart. Every instance watches for itself.
///
/// Files are compared by name, size and time of change, and read when one differs: a look costs a listing. A file that
/// is half written is refused like any other bad one, its old model stays, and the next look finds the whole.
final class CatalogueWatcher: Worker {
    let name = "catalogue.watch"
    private let tools: Toolbox
    private let loop: EventLoop

    init(_ tools: Toolbox, loop: EventLoop) {
        self.tools = tools
        self.loop = loop
    }

    func run() async throws {
        // What the catalogue was loaded from may have changed since: the first look always reads.
        var seen: FolderSign?
        tell(tools.catalogue)
        while !Task.isCancelled {
            let sign = try await FolderSign.look(at: tools.configuration.modelsDirectory)
            if sign != seen {
                try await reload()
                seen = sign
            }
            try await hideUnwell()
            try await hideStopped()
            try await loop.sleep(for: tools.configuration.modelReload)
        }
    }

    private func hideUnwell() async throws {
        let unwell = try await tools.health.hidden()
        guard unwell != tools.models.current.control.unwell else { return }
        tools.models.hide(unwell)
        tell(tools.catalogue)
    }

    /// What any instance has stopped, as far as its price is still the same.
    private func hideStopped() async throws {
        let stopped = SalesStop.effective(try await tools.stops.all(), in: tools.catalogue)
        guard stopped != tools.models.current.control.stopped else { return }
        tools.models.stop(stopped)
        tell(tools.catalogue)
    }

    private func reload() async throws {
        let (directory, previous) = (tools.configuration.modelsDirectory, tools.catalogue)
        let next = try await BlockingExecutor.shared.run { try Catalogue.load(directory, after: previous) }
        guard next.contentHash != previous.contentHash || next.refused != previous.refused else { return }
        tools.models.replace(next)
        tools.metrics.catalogueReloads.increment()
        for refusal in next.refused where !previous.refused.contains(refusal) {
            tools.log.error("model file refused", [.file: .string(refusal.text)])
        }
        tools.log.info("catalogue reloaded", [.count: .int(next.entries.count)])
        tell(next)
    }

    private func tell(_ catalogue: Catalogue) {
        let control = tools.models.current.control
        tools.metrics.refusedFiles.set(Double(catalogue.refused.count))
        var counts: [String: Int] = [:]
        for entry in catalogue.entries {
            counts[catalogue.obstacle(to: entry, control)?.code ?? "sold", default: 0] += 1
        }
        for code in ["sold"] + SaleObstacle.codes { tools.metrics.models.set(Double(counts[code] ?? 0), code) }
    }
}
