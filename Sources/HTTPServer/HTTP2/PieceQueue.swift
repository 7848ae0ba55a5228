/// The bytes of one answer's body that wait for their stream's turn, in the pieces that they came in.
struct PieceQueue {
    private var front: [UInt8] = []
    /// Bytes of the piece in front that are gone.
    private var taken = 0
    private var others: [[UInt8]] = []
    private var firstOther = 0
    /// Bytes that wait.
    private(set) var count = 0

    mutating func append(_ bytes: [UInt8]) {
        if count == 0 {
            front = bytes
            taken = 0
        } else {
            others.append(bytes)
        }
        count += bytes.count
    }

    /// Moves the next bytes over; there have to be so many.
    mutating func move(_ bytes: Int, to output: inout OutputQueue) {
        var left = bytes
        while left > 0 {
            let part = min(left, front.count - taken)
            output.append { $0.append(contentsOf: front[taken..<(taken + part)]) }
            left -= part
            taken += part
            count -= part
            if taken == front.count { next() }
        }
    }

    private mutating func next() {
        taken = 0
        guard firstOther < others.count else {
            front = []
            return
        }
        front = others[firstOther]
        others[firstOther] = []
        firstOther += 1
        if firstOther == others.count {
            others = []
            firstOther = 0
        }
    }
}
