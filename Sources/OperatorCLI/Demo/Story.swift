internal import Contracts
internal import Cryptography
internal import EventLoop
internal import LocalSystem
internal import Time

/// What a person lives through with the bot, in order; each act ends with everything as it must be.
struct Story {
    /// The prompt of the first picture, the one that every predecessor was tried with.
    static let prompt = "космический корабль в стиле киберпанк"
    static let freeModel = "Z-Image"
    static let paidModel = "Seedream 4.5"
    static let topUpKopecks: Int64 = 50_000

    let narrator: Narrator
    let sandbox: SandboxClient
    let books: Books
    let person: Person

    func play() async throws {
        try await firstPicture()
        try await paidWithoutMoney()
        try await photoToPicture()
        try await video()
        try await refusal()
        try await duplicates()
        try await lostCallback()
        try await threeAtOnce()
    }

    // MARK: - Acts

    private func firstPicture() async throws {
        narrator.title("1. Новый человек и первая картинка, бесплатно")
        let begun = Deadline.monotonicNow()
        try await narrator.step("/start: бот здоровается") {
            try await person.say("/start")
            try await person.see(text: "Привет")
        }
        let panel = try await compose(
            task: "Картинка",
            model: Self.freeModel,
            prompt: Self.prompt,
            button: "Сгенерировать · бесплатно"
        )
        try await generate(after: panel, isMeasured: true)
        try await narrator.step("картинка пришла") { try await person.see(media: 1, within: .seconds(10)) }
        let total = Narrator.seconds(since: begun)
        narrator.claim("от /start до картинки меньше 10 с", total < 10, "\(Narrator.text(total)) с")
    }

    private func paidWithoutMoney() async throws {
        narrator.title("2. Платная модель без денег, пополнение на 500 ₽, черновик продолжается сам")
        let media = try await person.mediaCount()
        let panel = try await compose(
            task: "Картинка",
            model: Self.paidModel,
            prompt: "лисёнок в скафандре читает карту звёзд"
        )
        try await narrator.step("денег не хватает: отказ вежливый, черновик цел") {
            try await person.press("Сгенерировать", after: panel)
            try await person.see(text: "Не хватает")
            try await person.see(text: "Черновик сохранён")
        }
        let jobs = try await books.jobCount(of: person.id)
        try await topUp()
        try await narrator.step("черновик запустился сам и картинка пришла") {
            try await person.see(media: media + 1, within: .seconds(15))
        }
        narrator.claim(
            "одно задание на один черновик",
            try await books.jobCount(of: person.id) == jobs + 1,
            "\(try await books.jobCount(of: person.id) - jobs)"
        )
    }

    private func photoToPicture() async throws {
        narrator.title("3. Фото → картинка")
        let media = try await person.mediaCount()
        let photo = Picture.png(seed: person.id)
        let last = try await person.lastID()
        try await narrator.step("фото с подписью: бот предлагает, что с ним сделать") {
            try await person.send(photo: photo, caption: "сделай зимний вечер")
            _ = try await person.button("Изменить фото", after: last)
        }
        try await narrator.step("бесплатная правка фото выбрана: всё заполнено, цена названа") {
            try await person.press("Изменить фото", after: last)
            _ = try await person.button("Сгенерировать", after: last)
        }
        try await generate(after: last, isMeasured: true)
        try await narrator.step("изменённая картинка пришла") {
            try await person.see(media: media + 1, within: .seconds(15))
        }
        let hash = Hex.encode(SHA256.hash(photo))
        let source = try await sandbox.tasks().last?["sources"]?.array?.first?["sha256"]?.string
        narrator.claim("KIE получил то самое фото", source == hash, "sha256 \(source?.prefix(12) ?? "нет")…")
    }

    private func video() async throws {
        narrator.title("4. Видео")
        let media = try await person.mediaCount()
        let panel = try await compose(
            task: "Видео",
            model: "Seedance",
            prompt: "маяк в шторм, медленный пролёт камеры"
        )
        try await generate(after: panel)
        let last = try await narrator.step("видео пришло") {
            try await person.see(media: media + 1, within: .seconds(15))
        }
        narrator.claim("это видео", last.kind == "video", last.kind)
    }

    private func refusal() async throws {
        narrator.title("5. Модель отказалась: деньги вернулись, причина названа")
        let before = try await books.balance(of: person.id)
        try await paidJob("портрет #refuse")
        try await narrator.step("человеку сказано, почему и что деньги вернулись") {
            try await person.see(text: "Модель отказалась", within: .seconds(15))
            try await person.see(text: "вернулись", within: .seconds(5))
        }
        let after = try await books.balance(of: person.id)
        narrator.claim(
            "баланс как был",
            before == after && after.held == 0,
            "\(after.posted / 100) ₽, удержано \(after.held)"
        )
    }

    private func duplicates() async throws {
        narrator.title("6. Одно и то же 20 раз, и тот же ответ KIE 10 раз")
        let media = try await person.mediaCount()
        let jobs = try await books.jobCount(of: person.id)
        let before = try await books.balance(of: person.id)
        let panel = try await compose(task: "Картинка", model: Self.paidModel, prompt: "двадцать одинаковых нажатий")
        let found = try await person.button("Сгенерировать", after: panel)
        let price = try await books.newestQuote(of: person.id)
        try await sandbox.order(fault: "kie.callback.storm")
        try await narrator.step("нажатие «Сгенерировать» отправлено 20 раз одновременно") {
            let answer = try await sandbox.post(
                "/sandbox/updates",
                ["raw": Self.press(found.data ?? "", message: found.message.id, by: person.id), "times": 20]
            )
            let statuses = answer["statuses"]?.array?.compactMap(\.integer) ?? []
            guard statuses.count == 20, statuses.allSatisfy({ $0 == 200 }) else {
                throw Narrator.Failure(description: "ingress answered \(statuses)")
            }
        }
        try await narrator.step("картинка пришла") { try await person.see(media: media + 1, within: .seconds(15)) }
        try await books.settle(of: person.id)
        let after = try await books.balance(of: person.id)
        let made = try await books.jobCount(of: person.id) - jobs
        let pictures = try await person.mediaCount() - media
        let charged = before.posted - after.posted
        narrator.claim(
            "одно задание, одно списание, одна картинка",
            made == 1 && charged == price && pictures == 1,
            "заданий \(made), списано \(charged) из \(price) коп., картинок \(pictures)"
        )
    }

    private func lostCallback() async throws {
        narrator.title("7. Ответ KIE потерялся: опрос находит результат")
        let media = try await person.mediaCount()
        try await sandbox.order(fault: "kie.callback.lost")
        try await paidJob("маяк без обратного звонка")
        try await narrator.step("картинка нашлась и пришла") {
            try await person.see(media: media + 1, within: .seconds(15))
        }
    }

    // MARK: - Steps that several acts share

    /// Starts a paid run and returns when it is accepted.
    func paidJob(_ prompt: String) async throws {
        try await generate(after: try await compose(task: "Картинка", model: Self.paidModel, prompt: prompt))
    }

    /// Goes to a model and writes the prompt; returns when the price is named.
    ///
    /// - Returns: The message after which the panel stands.
    @discardableResult
    func compose(task: String, model: String, prompt: String, button: String = "Сгенерировать") async throws -> Int64 {
        try await narrator.step("/models → \(task) → \(model); запрос «\(prompt)»: цена названа до нажатия") {
            let last = try await person.lastID()
            try await person.say("/models")
            try await person.press(task, after: last)
            try await person.press(model, after: last)
            try await person.press("Начать", after: last)
            try await person.see(text: "Напишите", after: last)
            try await person.say(prompt)
            _ = try await person.button(button, after: last)
            return last
        }
    }

    private func generate(after panel: Int64, isMeasured: Bool = false) async throws {
        let last = try await person.lastID()
        let found = try await person.button("Сгенерировать", after: panel)
        try await person.loop.sleep(for: .seconds(1))
        let begun = Deadline.monotonicNow()
        try await narrator.step("«Сгенерировать»: принято") {
            try await person.press(found.data ?? "", in: found.message)
            // A dear run asks once more.
            let isAccepted = try await person.see("the accepted card", within: .seconds(5)) { messages -> Bool? in
                if messages.contains(where: { Self.isAccepted($0, after: last) }) { return true }
                return messages.contains { $0.isBot && $0.id > panel && $0.text.contains("Запустить") } ? false : nil
            }
            if !isAccepted {
                try await person.press("Запустить", after: panel)
                _ = try await person.see("the accepted card", within: .seconds(5)) { messages -> Bool? in
                    messages.contains { Self.isAccepted($0, after: last) } ? true : nil
                }
            }
        }
        let seconds = Narrator.seconds(since: begun)
        if isMeasured { narrator.claim("принято быстрее 1 с", seconds < 1, "\(Narrator.text(seconds)) с") }
    }

    /// The job's card: accepted, or already under way.
    private static func isAccepted(_ message: Person.Message, after last: Int64) -> Bool {
        message.isBot && message.id > last
            && message.shown.contains { $0.contains("Принято") || $0.contains("Делаю") }
    }

    private func topUp() async throws {
        let before = try await books.balance(of: person.id)
        try await narrator.step("счёт на 500 ₽ выписан") {
            try await person.press("500")
            _ = try await person.button("Оплатить 500")
        }
        try await narrator.step("оплата на странице ЮKassa, деньги зачислены") {
            let link = try await person.button("Оплатить 500").url ?? ""
            guard
                let payment = try await sandbox.payments().last(where: { payment in
                    payment["id"]?.string.map { link.contains($0) } ?? false
                })?["id"]?.string
            else {
                throw Narrator.Failure(description: "the pay button leads to \(link), which is no payment")
            }
            try await sandbox.post("/sandbox/pay/\(payment)", ["result": "paid"])
            try await person.see(text: "500 ₽ зачислено")
        }
        let after = try await books.balance(of: person.id)
        narrator.claim(
            "зачислено один раз",
            after.credited - before.credited == Self.topUpKopecks,
            "\((after.credited - before.credited) / 100) ₽"
        )
    }

    /// A button press as Telegram would post it.
    private static func press(_ data: String, message: Int64, by user: Int64) -> JSONValue {
        let from: JSONValue = ["id": .integer(user), "is_bot": false, "first_name": "Демо", "language_code": "ru"]
        return [
            "update_id": .integer(1_900_000_000 + Int64.random(in: 0..<90_000_000)),
            "callback_query": [
                "id": .string(String(Int64.random(in: 1_000_000_000_000...9_000_000_000_000))), "from": from,
                "chat_instance": "1", "data": .string(data),
                "message": [
                    "message_id": .integer(message), "date": 1_795_000_000,
                    "chat": ["id": .integer(user), "type": "private", "first_name": "Демо"],
                    "text": "…",
                ],
            ],
        ]
    }
}
