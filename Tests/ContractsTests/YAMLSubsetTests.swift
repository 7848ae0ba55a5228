import Contracts
import Testing

/// The reader of contracts/ is strict, or two tools could understand a contract differently.
@Suite struct YAMLSubsetTests {
    @Test func `the used forms are read`() throws {
        let text = """
            # comment
            plain: word
            quoted: "a: \\"b\\" # c"
            number: -3
            flow: {a: [1, x], "b c": {$ref: "#/x"}}
            long: >-
              two words
              # and more
            "a/{b}":
              - item
              - k: v
                l: [a]

              - {m: n}
            """
        let expected: JSONValue = [
            "plain": "word", "quoted": "a: \"b\" # c", "number": -3,
            "flow": ["a": [1, "x"], "b c": ["$ref": "#/x"]], "long": "two words # and more",
            "a/{b}": ["item", ["k": "v", "l": ["a"]], ["m": "n"]],
        ]
        #expect(try YAMLSubset.parse(text) == expected)
    }

    @Test(arguments: [
        "a: 1\na: 2", "a:\tb", "a: &x b", "a: *x", "a: !!str b", "a: 'b'", "a: b # c", "a: b: c", "a:", "a: [1, 2",
        "a: \"b", "---\na: b", "a: 1\n  b: 2", "a:\n    b: 1\n  c: 2", "- a\nb: c", "a: |\n  b",
    ])
    func `other forms are refused`(text: String) {
        #expect(throws: YAMLSubset.Failure.self) { try YAMLSubset.parse(text) }
    }
}
