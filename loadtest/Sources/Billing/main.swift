import LoadtestKit

LoadtestCommand.run([
    .init("bench-ledger", LedgerBench.run),
    .init("bench-ledger-growth", LedgerGrowthBench.run),
    .init("chaos-billing", ChaosBilling.run),
])
