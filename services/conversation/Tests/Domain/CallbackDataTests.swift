import Contracts
import Testing

@testable import ConversationService

@Suite struct CallbackDataTests {
    /// Every action with the largest arguments that can occur.
    static let worst: [ButtonAction] = [
        .home, .tasks, .sample, .continueDraft, .help, .terms, .support, .topUp, .balance, .jobs, .settings, .language,
        .parkedDraft(4), .helpPrompt(.improve), .helpPrompt(.translate), .helpPrompt(.script), .useSuggestion,
        .models(.other, .speed, page: 999_999), .model(999_999), .start(999_999), .offer(.other),
        .keepOffer, .composer, .otherModels, .toggleAdvanced, .discardDraft, .confirmDiscard,
        .option(input: 99, page: 99),
        .setOption(input: 99, choice: 999), .clear(input: 99), .generate, .confirmGenerate,
        .amount(kopecks: 100_000_000), .pay(kopecks: 100_000_000, .stars), .checkOrder(ShortCode.maximum),
        .leaveOrder(ShortCode.maximum), .cancelJob(ShortCode.maximum), .showJob(ShortCode.maximum),
        .again(ShortCode.maximum), .edit(ShortCode.maximum),
        .follow(.other, job: ShortCode.maximum, asset: 999), .asset(job: ShortCode.maximum, asset: 999),
        .original(job: ShortCode.maximum, asset: 999), .history(page: 999_999), .setLanguage(.english),
        .setConfirmLimit(5), .nothing, .instead(model: 999_999), .stageWish(9), .dropStageWish(9),
        .insteadOf(job: ShortCode.maximum, model: 999_999),
    ]

    @Test(arguments: worst)
    func `every action comes back from at most 64 bytes`(action: ButtonAction) throws {
        for owner in [nil, (Int64(1) << 52) - 1] as [Int64?] {
            for serial in [nil, 0, 3_843, 3_844, Int64.max] as [Int64?] {
                let data = CallbackData(action, draftSerial: serial, owner: owner)
                #expect(data.text.utf8.count <= 64)
                #expect(data.text.utf8.count <= 40, "over our own budget: \(data.text)")
                #expect(CallbackData(data.text) == data)
            }
        }
    }

    @Test func `no two actions share a code`() {
        #expect(Set(Self.worst.map { "\($0.coded.code) \($0.coded.arguments)" }).count == Self.worst.count)
    }

    @Test(arguments: [
        "", "again:01JD4Z", "1.E.g..0.0.0", "2.E.g..0", "1.E.g.", "1.E.g..", "1.E.v.5.0", "1.E.v.-1-2.0", "1.E.v.zz-.0",
        "1.C.l.99-0-0.0", "1.N.a.0.0", "1.N.a.zzzzzzzzzzzzz.0", "1.I.f.1-zzzzzzzzzzz-0.0", "1.Ж.h..0", "1.A.h..%",
        "1.D.o.zzzzzzz.0", "1.A.h.1.0", "абвгдежзийклмнопрстуфхцчшщъыьэюя", String(repeating: "1", count: 65),
    ])
    func `what we never wrote is refused`(text: String) {
        #expect(CallbackData(text) == nil)
    }

    @Test func `short codes of random ids come back and stay within eight characters`() {
        for _ in 0..<200 {
            let id = JobID(now: Make.now)
            let text = ShortCode.text(id.short)
            #expect(text.count <= 8)
            #expect(ShortCode.number(text) == id.short)
        }
        #expect(ShortCode.number("") == nil)
        #expect(ShortCode.number("zzzzzzzzzzz") == nil)
    }
}
