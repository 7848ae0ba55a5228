/// SplitMix64 (Steele, Lea and Flood, 2014): the same seed gives the same numbers, so that a printed seed repeats a run's
/// choices. Not for secrets.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    package mutating func number<Number: FixedWidthInteger>(_ range: ClosedRange<Number>) -> Number {
        Number.random(in: range, using: &self)
    }

    /// 0..<bound, and 0 of nothing.
    package mutating func below(_ bound: Int) -> Int { bound > 0 ? number(0...bound - 1) : 0 }

    /// true once in so many times.
    package mutating func isOne(in count: Int) -> Bool { number(1...count) == 1 }

    /// Of a collection that has one.
    package mutating func element<Elements: RandomAccessCollection>(of elements: Elements) -> Elements.Element
    where Elements.Index == Int {
        elements[number(elements.startIndex...elements.endIndex - 1)]
    }

    /// nil of an empty collection.
    package mutating func anyElement<Elements: RandomAccessCollection>(of elements: Elements) -> Elements.Element?
    where Elements.Index == Int {
        elements.isEmpty ? nil : element(of: elements)
    }
}
