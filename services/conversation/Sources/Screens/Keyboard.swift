internal import Contracts

/// Builds the rows under a card by the layout rules: the primary button alone and first, choices by the width of their
/// text, Back and Home last; at most four in a row and 24 in all.
struct Keyboard {
    let texts: Texts
    /// Nil for messages other than the panel.
    let draftSerial: Int64?
    let owner: UserID?
    private(set) var rows: [[Button]] = []

    static let maximumButtons = 24
    static let maximumInRow = 4

    init(texts: Texts, scene: Scene, draftSerial: Int64?) {
        self.texts = texts
        self.draftSerial = draftSerial
        self.owner = scene.owner
    }

    func button(_ text: String, _ action: ButtonAction, _ style: Button.Style? = nil) -> Button {
        Button(
            text: Texts.shortened(text, to: 40),
            callbackData: CallbackData(action, draftSerial: draftSerial, owner: owner).text,
            style: style
        )
    }

    func button(_ key: TextKey, _ action: ButtonAction, _ style: Button.Style? = nil) -> Button {
        button(texts.plain(key), action, style)
    }

    /// One row as it is; what passes the limit of a row is left out.
    mutating func row(_ buttons: Button?...) {
        let present = buttons.compactMap { $0 }.prefix(Self.maximumInRow)
        if !present.isEmpty { rows.append(Array(present)) }
    }

    /// Buttons side by side, as many in a row as its widest text allows.
    mutating func grid(_ buttons: [Button]) {
        var row: [Button] = []
        for button in buttons {
            let widest = (row + [button]).map(\.text.count).max() ?? 0
            if !row.isEmpty, row.count >= Self.columns(forWidest: widest) {
                rows.append(row)
                row = []
            }
            row.append(button)
        }
        if !row.isEmpty { rows.append(row) }
    }

    /// Up to 5 characters four in a row, up to 12 three, up to 20 two, else one.
    private static func columns(forWidest width: Int) -> Int {
        switch width {
        case ...5: maximumInRow
        case ...12: 3
        case ...20: 2
        default: 1
        }
    }

    /// `‹ 2/12 ›`; the ends do nothing but stay, so that the row never jumps.
    mutating func pages(_ page: Int, of count: Int, _ action: (Int) -> ButtonAction) {
        guard count > 1 else { return }
        row(
            button("‹", page > 0 ? action(page - 1) : .nothing),
            button("\(page + 1)/\(count)", .nothing),
            button("›", page + 1 < count ? action(page + 1) : .nothing)
        )
    }

    /// A button for each chain that a result can go through; one that needs more than the file and the words is left out.
    mutating func chains(for asset: Asset, at index: Int, of job: KnownJob, _ catalogue: Catalogue) {
        guard asset.kind == .image else { return }
        let text = job.draft.inputs["prompt"]?.string
        for (number, tasks) in Follow.chains.enumerated()
        where Follow.chain(tasks, from: .image, madeBy: job.draft.modelNumber, text: text, in: catalogue) != nil {
            let title = tasks.map { texts.title(of: $0) }.joined(separator: " → ")
            row(button(title, .chain(number, job: job.jobID.short, asset: index)))
        }
    }

    mutating func footer(back: ButtonAction?) {
        row(back.map { button(.back, $0) }, button(.home, .home))
    }

    /// The rows within the limit of buttons; the last row is kept whatever is cut.
    var limited: [[Button]] {
        guard let last = rows.last, rows.joined().count > Self.maximumButtons else { return rows }
        var kept: [[Button]] = []
        var count = last.count
        for row in rows.dropLast() where count + row.count <= Self.maximumButtons {
            kept.append(row)
            count += row.count
        }
        return kept + [last]
    }
}

/// One page of a list.
struct Page<Element> {
    let items: ArraySlice<Element>
    let index: Int
    let count: Int

    /// - Parameter index: Clamped to the pages that there are.
    init(_ all: [Element], index: Int, size: Int) {
        count = max(1, (all.count + size - 1) / size)
        self.index = min(max(0, index), count - 1)
        let start = self.index * size
        items = all[min(start, all.count)..<min(start + size, all.count)]
    }
}
