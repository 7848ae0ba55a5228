import LoadtestKit

LoadtestCommand.run([
    IngressBench.scenario, BenchConsumer.scenario, GrowthBench.scenario, ChaosIngress.scenario, ChaosConsumer.scenario,
    ChaosRedeploy.scenario,
])
