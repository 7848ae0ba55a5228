/// A value that must never be seen: a token, a password, a private key.
///
/// Prints as `***` wherever it is described, interpolated or dumped; only `text` gives the value away, so a search for
/// `.text` finds every place that uses one.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The value itself.
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package var description: String { "***" }
    package var debugDescription: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
