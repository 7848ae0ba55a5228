import LoadtestKit

LoadtestCommand.run([
    .init("chaos-generation") { loop, _ in try await ChaosGeneration(loop: loop).run() },
    .init("bench-generation") { loop, _ in try await BenchGeneration(loop: loop).run() },
    ModelRuns.scenario,
])
