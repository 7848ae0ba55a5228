internal import Contracts
internal import ModelCatalogue
internal import ServiceKit
internal import Telemetry
internal import Time

/// `ListDrift`, `ApproveDrift`.
struct DriftHandler: Sendable {
    let tools: Toolbox
    private static let maximumModels = 1_000

    func list() async throws -> ListDrift.Output {
        let (catalogue, control) = tools.models.current
        async let stored = tools.stops.all()
        let views = try await tools.provider.findings()
        let stops = SalesStop.holding(try await stored, in: catalogue)
        let models = catalogue.entries.compactMap { entry -> ModelDrift? in
            let obstacle = catalogue.obstacle(to: entry, control)
            let view = views[entry.slug]
            let drift = ModelDrift(
                modelNumber: entry.number,
                modelSlug: entry.slug,
                obstacle: obstacle?.code,
                reason: obstacle?.text,
                findings: view?.findings ?? [],
                stops: stops.filter { $0.slug == entry.slug }.map {
                    StoppedRow(row: $0.row, reason: $0.reason, stoppedAt: $0.stoppedAt ?? tools.clock.now)
                },
                readAt: view?.readAt
            )
            let isFine = drift.obstacle == nil && drift.findings.isEmpty && drift.stops.isEmpty
            return isFine ? nil : drift
        }
        return ListDrift.Output(models: models)
    }

    func approve(_ input: ApproveDrift.Input) async throws -> ApproveDrift.Output {
        guard input.modelSlugs.count <= Self.maximumModels else {
            throw ParameterError(name: "model_slugs", reason: "must name at most \(Self.maximumModels)")
        }
        let (cleared, lifted) = try await tools.provider.approve(input.modelSlugs)
        if cleared + lifted > 0 {
            tools.log.info("drift approved", [.count: .int(cleared + lifted)])
        }
        return ApproveDrift.Output(clearedModels: cleared, liftedStops: lifted)
    }
}
