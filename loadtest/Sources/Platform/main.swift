import LoadtestKit

LoadtestCommand.run([
    EdgeServer.scenario
])
