internal import Contracts
internal import HTTP
internal import HTTPClient

/// The buyer's side: paying, and what the shop is told.
extension YooKassaDesk {
    /// What the buyer does on the pay page.
    enum Decision: String, Sendable {
        case paid, cancelled, declined
    }

    /// Carries out the buyer's decision; a payment that is settled already stays as it is.
    @discardableResult
    func pay(_ id: String, as decision: Decision, reason: String? = nil) -> YooKassaPayment? {
        let now = tools.milliseconds
        return change(id) { payment in
            guard payment.status == .pending else { return }
            switch decision {
            case .paid:
                payment.status = payment.capture ? .succeeded : .waitingForCapture
                payment.settledAt = now
            case .cancelled: payment.cancel(party: "yoo_money", reason: "expired_on_confirmation", at: now)
            case .declined: payment.cancel(party: "payment_network", reason: reason ?? "insufficient_funds", at: now)
            }
        }
    }

    /// Looks at a pending payment again when its time is over.
    func expireLater(_ payment: YooKassaPayment) {
        let wait = Double(payment.createdAt + YooKassaPayment.timeToPay - tools.milliseconds) / 1_000
        tools.errands.start { [self] in
            if await tools.pause(wait + 0.01) { _ = self.payment(payment.id) }
        }
    }

    /// Sends a notification until the shop answers 200.
    func notify(_ event: String, _ object: JSONValue, about id: String) {
        let faults = tools.faults
        guard faults.take(.yookassaNoticeLost, subject: id) == nil else { return }
        let late = faults.take(.yookassaNoticeLate, subject: id).map { $0.delay ?? 10 }
        let copies = faults.take(.yookassaNoticeDouble, subject: id) == nil ? 1 : 2
        let body = JSONText.write(["type": "notification", "event": .string(event), "object": object])
        for _ in 0..<copies {
            let notice = YooKassaNotice(
                id: Tools.randomHex(16),
                event: event,
                body: body,
                createdAt: tools.milliseconds
            )
            keep(notice)
            tools.errands.start { [self] in
                guard await tools.pause(late ?? 0) else { return }
                await deliver(notice)
            }
        }
    }

    func deliver(_ first: YooKassaNotice) async {
        var notice = first
        while tools.milliseconds < notice.createdAt + YooKassaNotice.lifetime {
            notice.attempts += 1
            keep(notice)
            let request = ClientRequest(
                method: .post,
                url: tools.configuration.ingressURL + "/webhooks/yookassa",
                fields: ["Content-Type": "application/json", "User-Agent": "AHC/2.1"],
                body: .bytes(Array(notice.body.utf8)),
                timeout: .seconds(30)
            )
            let answer = await tools.send(
                request,
                provider: "yookassa",
                operation: "notification",
                note: notice.event
            )
            if answer?.status == 200 { break }
            guard await tools.pause(YooKassaNotice.pause(afterAttempt: notice.attempts)) else { return }
            // A reset forgets the notifications too.
            guard read({ $0.notices[notice.id] != nil }) else { return }
        }
        forget(notice)
    }

    // MARK: Pay page

    /// `GET /yookassa/pay/{id}`.
    func payPage(_ request: HTTPRequest) -> HTTPResponse {
        let payment = payment(request.parameters["id"] ?? "")
        return HTTPResponse(
            status: payment == nil ? 404 : 200,
            fields: ["Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"],
            body: .bytes(Array(PayPage.html(payment).utf8))
        )
    }

    /// `POST /yookassa/pay/{id}`: a button of the page.
    func payAction(_ request: HTTPRequest) -> HTTPResponse {
        let id = request.parameters["id"] ?? ""
        // An unreadable form has no action, and then nothing is done.
        let action = (try? request.readParameters())?.text("action").flatMap(Decision.init)
        if let action { pay(id, as: action) }
        return HTTPResponse(status: 303, fields: ["Location": "/yookassa/pay/\(id)"], body: .none)
    }
}
