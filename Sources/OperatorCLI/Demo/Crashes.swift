internal import Contracts
internal import EventLoop
internal import Foundation
internal import Glibc
internal import LocalSystem
internal import Time

/// Job by job, one process dies by `kill -9` at the most dangerous moment, and everything heals by itself.
struct Crashes {
    /// A moment between two steps at which a process dies.
    struct Point {
        var name: String
        var what: String
    }

    static let points = [
        Point(name: "ingress.stored", what: "ingress: событие сохранено, но не передано дальше"),
        Point(name: "conversation.committed", what: "conversation: решение записано, команды не отправлены"),
        Point(name: "billing.batch_committed", what: "billing: деньги удержаны, ответ не отправлен"),
        Point(name: "generation.hold_placed", what: "generation: деньги удержаны, задание не в очереди"),
        Point(name: "generation.task_created", what: "generation: createTask отправлен, ответ не записан"),
        Point(name: "generation.result_stored", what: "generation: результат сохранён, деньги не списаны"),
        Point(name: "generation.charged", what: "generation: деньги списаны, человеку не сказано"),
        Point(name: "delivery.media_answered", what: "delivery: отправлено в чат, но не записано"),
    ]

    /// Beyond the job's own time: how long healing may take.
    static let healing = Duration.seconds(10)
    /// The sandbox's task time and the way there and back.
    static let job = Duration.seconds(4)

    let narrator: Narrator
    let sandbox: SandboxClient
    let stage: Stage
    let books: Books
    let story: Story

    func play() async throws {
        narrator.title("9. kill -9 в самых опасных местах: всё заживает само")
        for point in Self.points {
            try await job(point.what) {
                try arm(point.name)
            } check: {
                try await hasFired(point.name)
            }
        }
        try await paymentCrash()
        try await postgresCrash()
    }

    private func job(
        _ what: String,
        arm: () async throws -> Void,
        check: () async throws -> Void
    ) async throws {
        let person = story.person
        let media = try await person.mediaCount()
        let before = try await books.balance(of: person.id)
        let panel = try await story.compose(task: "Картинка", model: Story.paidModel, prompt: "авария: \(what)")
        let price = try await books.newestQuote(of: person.id)
        try await arm()
        try await narrator.step(what) {
            let begun = Deadline.monotonicNow()
            try await person.press("Сгенерировать", after: panel)
            try await person.see(media: media + 1, within: Self.healing + Self.job)
            try await check()
            try await books.settle(of: person.id)
            narrator.note("картинка пришла через \(Narrator.text(Narrator.seconds(since: begun))) с после нажатия")
        }
        // A second copy would come soon if it came at all.
        try await story.person.loop.sleep(for: .seconds(1))
        let after = try await books.balance(of: person.id)
        let pictures = try await person.mediaCount() - media
        narrator.claim(
            "одно списание, одна картинка",
            before.posted - after.posted == price && pictures == 1,
            "списано \(before.posted - after.posted) из \(price) коп., картинок \(pictures)"
        )
    }

    /// Payments dies after billing has answered and before it has written that down.
    private func paymentCrash() async throws {
        let person = story.person
        let before = try await books.balance(of: person.id)
        try await narrator.step("payments: деньги зачислены, но это не записано") {
            let last = try await person.lastID()
            try await person.say("/balance")
            try await person.press("Пополнить", after: last)
            try await person.press("100", after: last)
            let link = try await person.button("Оплатить 100", after: last).url ?? ""
            try arm("payments.credited")
            guard
                let payment = try await sandbox.payments().last(where: { payment in
                    payment["id"]?.string.map { link.contains($0) } ?? false
                })?["id"]?.string
            else { throw Narrator.Failure(description: "no payment behind \(link)") }
            let paid = try await person.lastID()
            try await sandbox.post("/sandbox/pay/\(payment)", ["result": "paid"])
            try await person.see(text: "зачислено", after: paid, within: Self.healing)
            try await hasFired("payments.credited")
        }
        let after = try await books.balance(of: person.id)
        narrator.claim(
            "зачислено один раз",
            after.credited - before.credited == 10_000,
            "\((after.credited - before.credited) / 100) ₽"
        )
    }

    /// PostgreSQL dies in the middle of a job.
    private func postgresCrash() async throws {
        try await job("PostgreSQL: умирает посреди задания") {
            let victim = stage.postgresProcess
            // After the tap, while the task runs at the provider.
            Self.after(seconds: 1) { if let victim { kill(victim, SIGKILL) } }
        } check: {
            guard stage.postgresProcess != nil else { throw Narrator.Failure(description: "PostgreSQL is not back") }
        }
    }

    private func arm(_ point: String) throws {
        try Data().write(to: URL(filePath: "\(stage.failpoints)/\(point)"))
    }

    private func hasFired(_ point: String) async throws {
        guard !FileManager.default.fileExists(atPath: "\(stage.failpoints)/\(point)") else {
            throw Narrator.Failure(description: "nothing passed the point \(point), so nothing was shown")
        }
    }

    private static func after(seconds: Int, _ body: @escaping @Sendable () -> Void) {
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds), execute: body)
    }
}
