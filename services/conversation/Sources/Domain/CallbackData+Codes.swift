internal import Contracts

extension ButtonAction {
    /// Actions without arguments.
    private static let plain: [(code: String, action: ButtonAction)] = [
        ("A.h", .home), ("A.s", .sample), ("A.d", .continueDraft), ("B.c", .tasks), ("B.k", .keepOffer),
        ("E.b", .composer), ("E.t", .otherModels), ("E.m", .toggleAdvanced), ("E.d", .discardDraft),
        ("E.y", .confirmDiscard),
        ("E.g", .generate), ("E.u", .useSuggestion), ("F.g", .confirmGenerate), ("F.o", .copies),
        ("F.x", .dropStages), ("F.d", .tryFirst), ("P.o", .templates), ("P.s", .skipSlot), ("K.o", .jobs),
        ("M.o", .balance), ("N.o", .topUp),
        ("R.o", .settings), ("R.l", .language), ("S.o", .support), ("S.h", .help), ("S.t", .terms), ("Z.n", .nothing),
    ]

    /// Screen and action letters, and the arguments in order.
    var coded: (code: String, arguments: [UInt64]) {
        switch self {
        case .parkedDraft(let index): ("A.p", [bits(index)])
        case .models(let task, let sort, let page): ("C.l", [task.number, bits(sort.rawValue), bits(page)])
        case .model(let number): ("D.o", [bits(number)])
        case .start(let number): ("D.s", [bits(number)])
        case .offer(let task): ("B.o", [task.number])
        case .option(let input, let page): ("E.o", [bits(input), bits(page)])
        case .setOption(let input, let choice): ("E.v", [bits(input), bits(choice)])
        case .clear(let input): ("E.x", [bits(input)])
        case .helpPrompt(let kind): ("E.i", [kind == .improve ? 0 : kind == .translate ? 1 : 2])
        case .setCopies(let copies): ("F.c", [bits(copies)])
        case .addStage(let task): ("F.s", [task.number])
        case .stageWish(let place): ("F.w", [bits(place)])
        case .dropStageWish(let place): ("F.q", [bits(place)])
        case .instead(let model): ("F.a", [bits(model)])
        case .insteadOf(let job, let model): ("J.m", [job, bits(model)])
        case .template(let number): ("P.t", [bits(number)])
        case .suggestion(let index): ("P.v", [bits(index)])
        case .inFull(let job): ("I.u", [job])
        case .chain(let chain, let job, let asset): ("I.c", [bits(chain), job, bits(asset)])
        case .amount(let kopecks): ("N.a", [UInt64(clamping: kopecks)])
        case .pay(let kopecks, let rail): ("N.r", [UInt64(clamping: kopecks), rail == .stars ? 1 : 0])
        case .checkOrder(let order): ("O.c", [order])
        case .leaveOrder(let order): ("O.x", [order])
        case .cancelJob(let job): ("H.c", [job])
        case .showJob(let job): ("K.j", [job])
        case .again(let job): ("I.a", [job])
        case .edit(let job): ("I.e", [job])
        case .follow(let task, let job, let asset): ("I.f", [task.number, job, bits(asset)])
        case .asset(let job, let asset): ("I.n", [job, bits(asset)])
        case .original(let job, let asset): ("I.o", [job, bits(asset)])
        case .history(let page): ("L.o", [bits(page)])
        case .setLanguage(let language): ("R.s", [language == .english ? 1 : 0])
        case .setConfirmLimit(let index): ("R.c", [bits(index)])
        case .home, .tasks, .sample, .continueDraft, .help, .terms, .support, .topUp, .balance, .jobs, .settings,
            .language, .keepOffer, .composer, .otherModels, .toggleAdvanced, .discardDraft, .confirmDiscard, .generate,
            .confirmGenerate, .useSuggestion, .copies, .dropStages, .tryFirst, .templates, .skipSlot, .nothing:
            (Self.plain.first { $0.action == self }?.code ?? "Z.n", [])
        }
    }

    init?(code: Substring, arguments: [UInt64]) {
        if arguments.isEmpty {
            guard let found = Self.plain.first(where: { $0.code == code }) else { return nil }
            self = found.action
            return
        }
        // Small numbers are places in lists; anything larger was never written by us.
        func place(_ index: Int) -> Int? {
            guard index < arguments.count, arguments[index] < 1_000_000 else { return nil }
            return Int(arguments[index])
        }
        func id(_ index: Int) -> UInt64? {
            guard index < arguments.count, arguments[index] <= ShortCode.maximum else { return nil }
            return arguments[index]
        }
        func task(_ index: Int) -> ModelTask? { index < arguments.count ? ModelTask(number: arguments[index]) : nil }
        func money(_ index: Int) -> Int64? {
            guard index < arguments.count, (1...100_000_000).contains(arguments[index]) else { return nil }
            return Int64(arguments[index])
        }
        let action: ButtonAction? =
            switch String(code) {
            case "A.p": place(0).map(Self.parkedDraft)
            case "C.l":
                both(task(0), place(1).flatMap(ModelSort.init(rawValue:)), place(2)) { .models($0, $1, page: $2) }
            case "D.o": place(0).map(Self.model)
            case "D.s": place(0).map(Self.start)
            case "B.o": task(0).map(Self.offer)
            case "E.o": both(place(0), place(1)) { .option(input: $0, page: $1) }
            case "E.v": both(place(0), place(1)) { .setOption(input: $0, choice: $1) }
            case "E.x": place(0).map { .clear(input: $0) }
            case "E.i": place(0).map { .helpPrompt($0 == 0 ? .improve : $0 == 1 ? .translate : .script) }
            case "F.c": place(0).map(Self.setCopies)
            case "F.w": place(0).map(Self.stageWish)
            case "F.q": place(0).map(Self.dropStageWish)
            case "F.a": place(0).map { .instead(model: $0) }
            case "J.m": both(id(0), place(1)) { .insteadOf(job: $0, model: $1) }
            case "P.t": place(0).map(Self.template)
            case "P.v": place(0).map(Self.suggestion)
            case "I.u": id(0).map(Self.inFull)
            case "F.s": task(0).map(Self.addStage)
            case "I.c": both(place(0), id(1), place(2)) { .chain($0, job: $1, asset: $2) }
            case "N.a": money(0).map { .amount(kopecks: $0) }
            case "N.r": both(money(0), place(1)) { .pay(kopecks: $0, $1 == 1 ? .stars : .yookassa) }
            case "O.c": id(0).map(Self.checkOrder)
            case "O.x": id(0).map(Self.leaveOrder)
            case "H.c": id(0).map(Self.cancelJob)
            case "K.j": id(0).map(Self.showJob)
            case "I.a": id(0).map(Self.again)
            case "I.e": id(0).map(Self.edit)
            case "I.f": both(task(0), id(1), place(2)) { .follow($0, job: $1, asset: $2) }
            case "I.n": both(id(0), place(1)) { .asset(job: $0, asset: $1) }
            case "I.o": both(id(0), place(1)) { .original(job: $0, asset: $1) }
            case "L.o": place(0).map { .history(page: $0) }
            case "R.s": place(0).map { .setLanguage($0 == 1 ? .english : .russian) }
            case "R.c": place(0).map(Self.setConfirmLimit)
            default: nil
            }
        guard let action else { return nil }
        self = action
    }
}

private func bits(_ number: Int) -> UInt64 { UInt64(clamping: number) }

private func both<A, B, Result>(_ first: A?, _ second: B?, _ make: (A, B) -> Result) -> Result? {
    guard let first, let second else { return nil }
    return make(first, second)
}

private func both<A, B, C, Result>(_ first: A?, _ second: B?, _ third: C?, _ make: (A, B, C) -> Result) -> Result? {
    guard let first, let second, let third else { return nil }
    return make(first, second, third)
}
