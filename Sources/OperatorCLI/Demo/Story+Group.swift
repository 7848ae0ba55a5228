internal import Contracts
internal import LocalSystem
internal import Postgres

extension Story {
    /// Three runs of one confirm: one hold, each result charged by itself.
    func threeAtOnce() async throws {
        narrator.title("8. Три картинки одним нажатием: один резерв, каждая оплачена сама")
        let media = try await person.mediaCount()
        let jobs = try await books.jobCount(of: person.id)
        let before = try await books.balance(of: person.id)
        let panel = try await compose(task: "Картинка", model: Self.paidModel, prompt: "кружка с паром на подоконнике")
        try await narrator.step("выбрано ×3: цена за все названа до запуска") {
            try await person.press("Сразу несколько", after: panel)
            try await person.press("×3", after: panel)
            try await person.see(text: "Сразу 3 шт.", after: panel)
        }
        let price = try await books.newestQuote(of: person.id)
        try await narrator.step("одно подтверждение, три картинки пришли") {
            try await person.press("Запустить", after: panel)
            try await person.see(media: media + 3, within: .seconds(20))
            try await person.see(text: "Готово 3 из 3", within: .seconds(10))
        }
        try await books.settle(of: person.id)
        let after = try await books.balance(of: person.id)
        let holds = try await books.number(
            in: books.billingDatabase,
            """
            select count(*) from hold where account = \(person.id) and amount = \(price)
                and exists (select from hold_part where hold_part.hold_id = hold.id)
            """
        )
        narrator.claim("три задания под одним резервом", holds == 1, "резервов \(holds) на \(price) коп.")
        narrator.claim(
            "списано ровно столько, сколько названо",
            before.posted - after.posted == price,
            "\(before.posted - after.posted) = \(price) коп."
        )
        narrator.claim("ничего не сделано дважды", try await books.jobCount(of: person.id) == jobs + 3, "заданий 3")
    }
}
