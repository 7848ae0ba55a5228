import PaymentsService
import Testing

@Suite struct RoublesTests {
    @Test(arguments: [(0, "0.00"), (1, "0.01"), (100, "1.00"), (49_900, "499.00"), (Int64.max, "92233720368547758.07")])
    func `kopecks become decimal text and come back`(kopecks: Int64, text: String) {
        #expect(Roubles.text(kopecks: kopecks) == text)
        #expect(Roubles.kopecks(text) == kopecks)
    }
}
