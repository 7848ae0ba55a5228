/// Rows of cells for a terminal: columns as wide as their widest cell, two spaces apart.
package struct TextTable: Sendable {
    private let rows: [[String]]
    private let numbersFrom: Int

    /// - Parameters:
    ///   - rows: The first one is the heading; all have as many cells.
    ///   - numbersFrom: The column from which on cells are aligned to the right; none unless given.
    package init(_ rows: [[String]], numbersFrom: Int = .max) {
        self.rows = rows
        self.numbersFrom = numbersFrom
    }

    package var text: String {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return column >= numbersFrom ? space + row[column] : row[column] + space
            }
            var line = cells.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
