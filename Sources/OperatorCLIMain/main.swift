import OperatorCLI

AtelierCommand.run()
