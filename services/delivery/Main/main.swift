internal import DeliveryService
internal import ServiceKit

ServiceMain.run(DeliveryService.self)
