internal import Contracts
internal import LocalSystem
internal import Postgres
internal import ServiceKit
internal import Time

/// The end of the demo: the ledger, and the sums that must agree with the outside world.
struct Proof {
    let narrator: Narrator
    let sandbox: SandboxClient
    let books: Books
    let person: Person

    func show() async throws {
        try await ledger()
        try await claims()
    }

    private func ledger() async throws {
        narrator.title("10. Выписка из книги учёта")
        let entries = try await books.billing.call(
            ListEntries.self,
            parameters: .init(userID: person.id, limit: 200)
        ).entries
        for entry in entries.reversed() {
            let amount = Self.roubles(entry.amountKopecks)
            let balance = Self.roubles(entry.balanceAfterKopecks)
            narrator.note(
                "\(entry.at.description.prefix(19))  \(Self.pad(amount, 11))  →  \(Self.pad(balance, 11))  "
                    + "\(entry.kind.rawValue)  \(entry.memo)"
            )
        }
    }

    private func claims() async throws {
        narrator.title("11. Доказательство")
        let trial = try await books.billing.call(GetTrialBalance.self, parameters: .init())
        narrator.claim(
            "проводки в сумме дают ноль",
            trial.sumKopecks == 0,
            "\(trial.sumKopecks) коп. по \(trial.accounts.count) видам счетов"
        )
        let sum = try await books.number(
            in: books.billingDatabase,
            "select coalesce(sum(amount), 0)::bigint from entry"
        )
        narrator.claim("то же по SQL", sum == 0, "select sum(amount) from entry = \(sum)")
        let unbalanced = try await books.number(
            in: books.billingDatabase,
            "select count(*) from (select from entry group by transfer having sum(amount) <> 0) as wrong"
        )
        narrator.claim("каждый перевод в сумме даёт ноль", unbalanced == 0, "исключений \(unbalanced)")

        let report = try await LedgerVerifier(database: books.billingDatabase).verify(against: nil)
        narrator.claim(
            "книга пересчитана вне базы, цепочка цела",
            report.isSound,
            report.isSound ? "проводок \(report.entries), звеньев \(report.seals)" : report.text
        )

        let account = try await books.balance(of: person.id)
        let charged = try await books.number(
            in: books.generationDatabase,
            "select coalesce(sum(charged_kopecks), 0)::bigint from job where user_id = \(person.id) and step = 'ended'"
        )
        narrator.claim(
            "баланс = поступило − списано, ничего не удержано",
            account.posted == account.credited - charged && account.held == 0,
            "\(account.posted) = \(account.credited) − \(charged), удержано \(account.held)"
        )

        let paid = try await sandbox.payments().filter { $0["status"]?.string == "succeeded" }
            .compactMap { $0["amount"]?["value"]?.string }.map { Self.kopecks($0) }.reduce(0, +)
        narrator.claim("получено ЮKassa = зачислено", paid == account.credited, "\(paid) = \(account.credited) коп.")

        let tasks = Int64(try await sandbox.tasks().count)
        let attempts = try await books.number(in: books.generationDatabase, "select count(*) from attempt")
        narrator.claim("заданий у KIE = попыток", tasks == attempts, "\(tasks) = \(attempts)")

        let results = try await books.number(
            in: books.generationDatabase,
            """
            select count(*) from asset join job using (job_id)
            where job.user_id = \(person.id) and job.step = 'ended' and job.verdict = 'succeeded'
            """
        )
        let media = try await person.messages().filter { $0.isBot }.compactMap(\.media)
        let distinct = Set(media.map(\.sha256)).count
        narrator.claim(
            "картинок и видео в чате = результатов, каждый один раз",
            Int64(media.count) == results && distinct == media.count,
            "в чате \(media.count) (разных \(distinct)), результатов \(results)"
        )
    }

    static func roubles(_ kopecks: Int64) -> String {
        let cents = abs(kopecks % 100)
        return "\(kopecks < 0 ? "−" : "")\(abs(kopecks / 100)),\(cents < 10 ? "0" : "")\(cents) ₽"
    }

    static func kopecks(_ text: String) -> Int64 {
        Int64(text.filter { $0 != "." }) ?? 0
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
