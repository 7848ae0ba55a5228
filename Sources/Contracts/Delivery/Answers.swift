/// Stops the spinner of a pressed button, with a toast or an alert. Not stored: an answer that is late is worthless.
package enum AnswerCallback: Operation {
    package typealias Output = Empty
    package static let service = ServiceName.delivery
    package static let method = OperationMethod.post
    package static let path = "/v1/callback-answers"
    package static let callers: Set<ServiceName> = [.conversation]
    package static let successStatus = 202

    package struct Input: Codable, Sendable, Equatable {
        package var callbackQueryID: String
        /// At most 200 characters.
        package var text: String?
        package var isAlert: Bool

        package init(callbackQueryID: String, text: String? = nil, isAlert: Bool = false) {
            self.callbackQueryID = callbackQueryID
            self.text = text
            self.isAlert = isAlert
        }
    }
}

/// Answers a pre-checkout query; returns only when Telegram has taken the answer. Telegram waits 10 s in all.
package enum AnswerPreCheckout: Operation {
    package typealias Output = Empty
    package static let service = ServiceName.delivery
    package static let method = OperationMethod.post
    package static let path = "/v1/pre-checkout-answers"
    package static let callers: Set<ServiceName> = [.payments]

    package struct Input: Codable, Sendable, Equatable {
        package var preCheckoutQueryID: String
        /// Nil accepts; otherwise the reason, shown to the user.
        package var refusal: String?

        package init(preCheckoutQueryID: String, refusal: String? = nil) {
            self.preCheckoutQueryID = preCheckoutQueryID
            self.refusal = refusal
        }
    }
}

/// Tells delivery that a user has blocked or unblocked the bot, so that waiting messages stop or go out.
package enum SetChatReachability: Operation {
    package typealias Output = Empty
    package static let service = ServiceName.delivery
    package static let method = OperationMethod.put
    package static let path = "/v1/chats/{chat_id}/reachability"
    package static let callers: Set<ServiceName> = [.conversation]

    package struct Parameters: OperationParameters, Equatable {
        package var chatID: ChatID

        package init(chatID: ChatID) {
            self.chatID = chatID
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.chatID = try values.required("chat_id")
        }

        package var values: [(name: String, value: String)] { [("chat_id", String(chatID))] }
    }

    package struct Input: Codable, Sendable, Equatable {
        package var isReachable: Bool

        package init(isReachable: Bool) {
            self.isReachable = isReachable
        }
    }
}
