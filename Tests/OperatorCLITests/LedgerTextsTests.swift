import Contracts
import Testing
import Time

@testable import OperatorCLI

@Suite struct LedgerTextsTests {
    @Test(arguments: [
        ("50", Int64(5_000)), ("-12.50", -1_250), ("0,99", 99), ("+7.5", 750), ("1234567", 123_456_700),
    ])
    func `roubles are read as people type them`(text: String, kopecks: Int64) {
        #expect(LedgerTexts.kopecks(text) == kopecks)
    }

    @Test(arguments: ["", "-", "1.234", "1 000", "ten", "1e3", "--5", "99999999999"])
    func `what is no sum is refused`(text: String) {
        #expect(LedgerTexts.kopecks(text) == nil)
    }

    @Test func `money has two digits and groups of three`() {
        #expect(LedgerTexts.roubles(123_456_705) == "1,234,567.05 ₽")
        #expect(LedgerTexts.roubles(-5) == "-0.05 ₽")
        #expect(LedgerTexts.dollars(1_234_567) == "1.2345")
        #expect(LedgerTexts.dollars(90) == "0.0000")
    }

    @Test func `a command's options have a value each, and a negative sum is no option`() {
        let words = LedgerArguments(["adjust", "7", "-12.50", "--reason", "paid twice", "--wallet", "paid"])
        #expect(words.command == "adjust")
        #expect(words.values == ["7", "-12.50"])
        #expect(words.option("reason") == "paid twice")
        #expect(words.option("operator") == nil)
    }

    @Test func `a balance and a statement are readable columns`() {
        let balance = Balance(
            userID: 7,
            postedKopecks: 12_345,
            heldKopecks: 1_400,
            availableKopecks: 10_945,
            paidKopecks: 12_000,
            bonusKopecks: 345,
            isFrozen: true
        )
        #expect(
            LedgerTexts.balance(balance, at: nil) == """
                Account 7
                available  109.45 ₽
                held        14.00 ₽
                posted     123.45 ₽
                  paid     120.00 ₽
                  bonus      3.45 ₽
                FROZEN
                """
        )
        let entry = StatementEntry(
            id: 912,
            at: Timestamp(seconds: 1_795_255_080),
            kind: .charge,
            amountKopecks: -1_400,
            balanceAfterKopecks: 48_600,
            memo: "z-image",
            model: "z-image",
            variant: "2k"
        )
        #expect(
            LedgerTexts.statement([entry], hasMore: false).split(separator: "\n").last
                == "  912  2026-11-21 09:58:00  charge  -14.00 ₽       0.00 ₽  486.00 ₽  z-image  2k"
        )
    }
}
