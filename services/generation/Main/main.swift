import GenerationService
import ServiceKit

ServiceMain.run(GenerationService.self)
