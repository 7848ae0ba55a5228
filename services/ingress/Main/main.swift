import IngressService
import ServiceKit

ServiceMain.run(IngressService.self)
