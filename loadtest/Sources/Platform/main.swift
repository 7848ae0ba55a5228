import LoadtestKit

LoadtestCommand.run([])
