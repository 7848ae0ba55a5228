import LoadtestKit

LoadtestCommand.run([
    IngressBench.scenario, BenchConsumer.scenario, ChaosIngress.scenario, ChaosConsumer.scenario,
    ChaosRedeploy.scenario,
])
