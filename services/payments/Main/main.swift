import PaymentsService
import ServiceKit

ServiceMain.run(PaymentsService.self)
