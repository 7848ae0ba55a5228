import Contracts
import Testing

@testable import ModelCatalogue

struct PricingTests {
    private let pricing = Pricing(kopecksPerDollar: 9_200, markupThousandths: 2_000, minimumMarginKopecks: 50)

    @Test(
        "dollars become kopecks upwards, whole roubles above one",
        arguments: [
            (0, 50), (1, 51), (2_500, 73), (4_000, 87), (5_000, 96), (40_000, 800), (60_000, 1_200), (550_000, 10_200),
            (1_900_000, 35_000),
        ] as [(Int64, Int64)]
    )
    func prices(_ microdollars: Int64, _ kopecks: Int64) {
        #expect(pricing.kopecks(microdollars) == kopecks)
    }

    @Test func `a markup below one still leaves the margin`() {
        let cheap = Pricing(
            kopecksPerDollar: 10_000,
            markupThousandths: 500,
            minimumMarginKopecks: 30,
            minimumMarginPercent: 0
        )
        #expect(cheap.kopecks(100_000) == 1_100, "1,000 kopecks of cost and a margin, up to a whole rouble")
        let shared = Pricing(kopecksPerDollar: 10_000, markupThousandths: 500, minimumMarginKopecks: 30)
        #expect(shared.kopecks(100_000) == 1_300, "a fifth of the price is ours: 1,250, up to a whole rouble")
    }

    @Test func `absurd numbers stay in range`() {
        let dear = Pricing(kopecksPerDollar: 100_000_000, markupThousandths: 1_000_000_000, minimumMarginKopecks: 0)
        #expect(dear.kopecks(.max) == .max)
    }

    @Test func `a price that was a bound is settled by what the provider took, never above it`() {
        #expect(pricing.settled(35_000, microdollars: 550_000) == 10_200)
        #expect(pricing.settled(35_000, microdollars: 9_000_000) == 35_000)
        #expect(pricing.settled(35_000, microdollars: nil) == 35_000)
    }

    @Test(
        "only delivered results are charged, in the user's favour",
        arguments: [
            (1_000, 2, 2, 1_000), (1_000, 1, 2, 500), (1_001, 1, 2, 500), (1_000, 0, 3, 0), (1_000, 3, 2, 1_000),
        ]
            as [(Int64, Int, Int, Int64)]
    )
    func partial(_ price: Int64, _ delivered: Int, _ expected: Int, _ charged: Int64) {
        #expect(Pricing.partial(price, delivered: delivered, of: expected) == charged)
    }
}
