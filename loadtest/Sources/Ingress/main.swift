import LoadtestKit

LoadtestCommand.run([ChaosIngress.scenario, ChaosConsumer.scenario, ChaosRedeploy.scenario])
