package import Contracts

/// The command menu that Telegram shows, by language; conversation understands each of these commands.
package enum BotCommands {
    package struct Menu: Sendable, Equatable {
        /// Two letters; nil for users of all other languages.
        package var language: String?
        package var commands: [(name: String, description: String)]

        package static func == (left: Menu, right: Menu) -> Bool { left.parameters == right.parameters }

        /// The parameters of `setMyCommands`.
        package var parameters: [String: JSONValue] {
            var parameters: [String: JSONValue] = [
                "commands": .array(
                    commands.map { ["command": .string($0.name), "description": .string($0.description)] }
                )
            ]
            if let language { parameters["language_code"] = .string(language) }
            return parameters
        }
    }

    package static let menus = [
        Menu(
            language: nil,
            commands: [
                ("start", "Start over"), ("jobs", "My jobs"), ("history", "My results"),
                ("balance", "Balance and top-up"),
                ("settings", "Settings"), ("paysupport", "Help with a payment"), ("support", "Support"),
                ("terms", "Terms of use"),
            ]
        ),
        Menu(
            language: "ru",
            commands: [
                ("start", "Начать сначала"), ("jobs", "Мои задачи"), ("history", "Мои результаты"),
                ("balance", "Баланс и пополнение"), ("settings", "Настройки"), ("paysupport", "Помощь с оплатой"),
                ("support", "Поддержка"), ("terms", "Условия"),
            ]
        ),
    ]
}
