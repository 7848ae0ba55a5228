import Contracts
import TestSupport
import Testing

@testable import ModelCatalogue

/// Numbers in the provider's price prose, and what they are for.
struct PublishedPriceTests {
    private func read(_ text: String, _ unit: PriceUnit) -> [Int64] {
        ProviderView(isListed: true, pricing: text).publishedMillicredits(per: unit)
    }

    @Test func `numbers count for the unit that they are said to be for`() {
        #expect(read("8 credits per image (1K); 12.5 credits per image (2K)", .image) == [8_000, 12_500])
        #expect(read("10 credits per second of output", .second) == [10_000])
        #expect(read("14 credits per 1000 characters", .thousandCharacters) == [14_000])
        #expect(read("70 credits per video (resolution 720p)", .request) == [70_000])
    }

    @Test(arguments: [
        ("2800 credits per 1M output tokens", PriceUnit.thousandCharacters), ("10 credits per second", .image),
        ("8 credits", .image), ("8 credits per image, 900 credits per second of video", .image),
        ("900 credits per megapixel", .megapixel), ("price on request", .image), ("", .image),
    ])
    func `what is for something else, or for nobody knows what, tells nothing`(text: String, unit: PriceUnit) {
        #expect(read(text, unit).isEmpty)
    }

    @Test func `no model of ours looks like a loss by the prices that were published for it`() throws {
        let catalogue = try Catalogue.load("\(Repository.root)/services/generation/models")
        let pricing = Pricing(kopecksPerDollar: 9_200, markupThousandths: 2_000, minimumMarginKopecks: 50)
        for entry in catalogue.entries {
            guard let rows = entry.price?.rows, let unit = entry.price?.unit else { continue }
            let word = unit == .thousandCharacters ? "1000 characters" : unit.rawValue
            let text = rows.map { "\(Double($0.millicredits) / 1_000) credits per \(word)" }
            let view = ProviderView(isListed: true, pricing: text.joined(separator: "; "))
            let findings = DriftFinding.all(entry, view, before: nil, pricing)
            #expect(!findings.contains { $0.kind == .unsafePrice }, "\(entry.slug)")
        }
    }
}
