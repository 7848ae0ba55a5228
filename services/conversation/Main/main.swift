import ConversationService
import ServiceKit

ServiceMain.run(ConversationService.self)
