import LoadtestKit

LoadtestCommand.run([ChaosIngress.scenario, ChaosConsumer.scenario, ChaosRedeploy.scenario])
LoadtestCommand.run([
    IngressBench.scenario, BenchConsumer.scenario, ChaosIngress.scenario, ChaosConsumer.scenario,
])
