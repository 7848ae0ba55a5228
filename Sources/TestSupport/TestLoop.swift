package import EventLoop

/// The event loop that tests of a process share, when they need no loop of their own.
package enum TestLoop {
    package static let shared = EventLoop(name: "test")
}
