import LoadtestKit

LoadtestCommand.run([
    EdgeServer.scenario,
    BenchHTTP.scenario,
    SlowClients.scenario,
    IdleSystem.scenario,
    LoadtestCommand.Scenario("bench-postgres", PostgresBench.run),
    LoadtestCommand.Scenario("bench-client", ClientBench.run),
    LoadtestCommand.Scenario("chaos-network", NetworkChaos.run),
    LoadtestCommand.Scenario("check-metrics", TelemetryCheck.metrics),
    LoadtestCommand.Scenario("check-logs", TelemetryCheck.logs),
])
