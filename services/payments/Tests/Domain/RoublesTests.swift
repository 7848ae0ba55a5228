import PaymentsService
import Testing

@Suite struct RoublesTests {
    @Test(arguments: [(0, "0.00"), (1, "0.01"), (100, "1.00"), (49_900, "499.00"), (Int64.max, "92233720368547758.07")])
    func `kopecks become decimal text and come back`(kopecks: Int64, text: String) {
        #expect(Roubles.text(kopecks: kopecks) == text)
        #expect(Roubles.kopecks(text) == kopecks)
    }

    @Test(arguments: [("499", 49_900), ("499.0", 49_900), ("499.9", 49_990), ("499.5000", 49_950), ("007.10", 710)])
    func `other spellings of the same amount are understood`(text: String, kopecks: Int64) {
        #expect(Roubles.kopecks(text) == kopecks)
    }

    @Test(arguments: [
        "", ".", "1.", ".5", "-1.00", "+1.00", "1,00", "1 000.00", "1e3", "1.001", "0x10", "NaN", "1.0.0", "１.00",
        "92233720368547758.08", "100000000000000000000",
    ])
    func `what is not an exact amount is refused`(text: String) {
        #expect(Roubles.kopecks(text) == nil)
    }
}
