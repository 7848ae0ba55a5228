internal import Contracts
internal import HTTP
internal import ServiceKit
internal import Telemetry
internal import Time

/// The internal API: takes messages and cards in, answers queries, reads files.
struct DeliveryAPI: Sendable {
    let messages: MessageStore
    let chats: ChatStore
    let answers: AnswerWorker
    let checkout: PreCheckoutAnswerer
    let files: TelegramFiles
    /// Called after something new was stored.
    let wake: @Sendable () -> Void

    func register(on routes: inout Routes) {
        routes.serve(PutCard.self) { input, call in try await putCard(input, call) }
        routes.serve(SendMessage.self) { input, call -> Answer<MessageState> in try await sendMessage(input, call) }
        routes.serve(GetMessage.self) { _, call in try await getMessage(call) }
        routes.serve(SetChatReachability.self) { input, call in
            try await chats.setReachable(call.parameters.chatID, input.isReachable)
            if input.isReachable { wake() }
            return Empty()
        }
        routes.serve(EraseChat.self) { _, call in try await messages.erase(call.parameters.chatID) }
        routes.serve(AnswerCallback.self) { input, _ in
            answers.add(input)
            return Empty()
        }
        routes.serve(AnswerPreCheckout.self) { input, call in
            try await checkout.answer(input, until: call.deadline)
            return Empty()
        }
        routes.raw(.get, RawRoute.telegramFile, callers: RawRoute.telegramFileCallers) { request, _ in
            try await files.response(fileID: request.parameters["file_id"] ?? "")
        }
    }

    private func putCard(_ input: PutCard.Input, _ call: Call<PutCard>) async throws -> PutCard.Output {
        if let fault = ContentCheck.fault(inCardKey: call.parameters.cardKey)
            ?? ContentCheck.fault(in: input.content, isCard: true)
        {
            throw Problem(.messageInvalid, fault)
        }
        let outcome = try await messages.putCard(
            call.parameters,
            input,
            traceparent: TraceContext.current?.traceparent
        )
        Failpoint.reach("delivery.card_stored")
        if outcome == .stored { wake() }
        return PutCard.Output(isSuperseded: outcome == .superseded)
    }

    private func sendMessage(
        _ input: SendMessage.Input,
        _ call: Call<SendMessage>
    ) async throws -> Answer<MessageState> {
        if let fault = ContentCheck.fault(in: input.content, isCard: false) { throw Problem(.messageInvalid, fault) }
        let outcome = try await messages.putMessage(
            key: call.idempotencyKey,
            fingerprint: call.fingerprint,
            input,
            traceparent: TraceContext.current?.traceparent
        )
        Failpoint.reach("delivery.message_stored")
        switch outcome {
        case .stored(let state):
            wake()
            return .fresh(state)
        case .known(let state):
            return .replayed(state)
        case .mismatch:
            throw Problem(.idempotencyMismatch, "the key was used for another message")
        }
    }

    private func getMessage(_ call: Call<GetMessage>) async throws -> MessageState {
        guard let state = try await messages.message(key: call.parameters.messageKey) else {
            throw Problem(.notFound, "no message has this key")
        }
        return state
    }
}
