import LoadtestKit

LoadtestCommand.run([
    LoadtestCommand.Scenario("edge-server", EdgeServer.run),
    LoadtestCommand.Scenario("bench-postgres", PostgresBench.run),
    LoadtestCommand.Scenario("bench-client", ClientBench.run),
])
