import BillingService
import ServiceKit

ServiceMain.run(BillingService.self)
