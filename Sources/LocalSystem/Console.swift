internal import Foundation

/// The operator's terminal. Written without a buffer, so that a line is seen when it is said, also through a pipe.
package enum Console {
    package static func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }

    package static func complain(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
