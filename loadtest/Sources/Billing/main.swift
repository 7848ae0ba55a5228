import LoadtestKit

LoadtestCommand.run([
    .init("bench-ledger", LedgerBench.run)
])
