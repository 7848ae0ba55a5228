internal import Concurrency
internal import Dispatch
internal import Foundation
package import Glibc

/// How a process ended.
package enum ExitStatus: Sendable, Equatable, CustomStringConvertible {
    case exited(Int32)
    case killed(signal: Int32)

    /// - Parameter wait: The status word of waitpid(2).
    package init(wait: Int32) {
        let signal = wait & 0x7f
        self = signal == 0 ? .exited((wait >> 8) & 0xff) : .killed(signal: signal)
    }

    package var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .killed(let signal): "signal \(signal)"
        }
    }

    /// As a shell passes it on.
    package var shellCode: Int32 {
        switch self {
        case .exited(let code): code
        case .killed(let signal): 128 + signal
        }
    }
}

/// A program to run as a child.
///
/// Written on posix_spawn instead of Foundation's `Process`, which can't give a child a session of its own.
package struct Command: Sendable {
    package enum Output: Sendable, Equatable {
        /// Ours.
        case inherit
        /// Both standard output and standard error, appended.
        case file(String)
    }

    package enum Input: Sendable, Equatable {
        case nothing
        case inherit
        /// A pipe that stays open for as long as this process lives, see `StopSignals.stopsWithInputVariable`.
        case heldOpen
    }

    package var executable: String
    package var arguments: [String] = []
    /// The whole environment; nil for ours.
    package var environment: [String: String]?
    package var input = Input.nothing
    package var output = Output.inherit
    /// A session of its own, which Ctrl-C in our terminal does not reach.
    package var ownSession = false

    package init(
        executable: String,
        arguments: [String] = [],
        environment: [String: String]? = nil,
        input: Input = .nothing,
        output: Output = .inherit,
        ownSession: Bool = false
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.input = input
        self.output = output
        self.ownSession = ownSession
    }

    /// The same program as another user and in a folder that this user can enter. Both tools are part of every Debian
    /// and end in exec, so that the process id stays.
    package func asUser(_ user: String?) -> Command {
        guard let user else { return self }
        var copy = self
        copy.executable = "/usr/bin/env"
        copy.arguments =
            ["-C", "/", "setpriv", "--reuid=\(user)", "--regid=\(user)", "--init-groups", "--", executable] + arguments
        return copy
    }

    /// Starts the program.
    ///
    /// - Parameter onExit: Called once, on a thread of its own, after the process has ended and was reaped.
    package func start(onExit: @escaping @Sendable (ExitStatus) -> Void) throws(OperatorError) -> pid_t {
        let pid = try spawn()
        // A thread for each child: waiting for all of them in one place would also reap other people's children.
        DispatchQueue(label: "atelier.child.\(pid)").async { onExit(Self.wait(for: pid)) }
        return pid
    }

    /// Runs the program to its end without blocking a loop; its output goes where `output` says.
    package func run() async throws(OperatorError) -> ExitStatus {
        let (ends, tell) = AsyncStream<ExitStatus>.makeStream()
        _ = try start { tell.yield($0) }
        for await status in ends { return status }
        return .exited(-1)
    }

    /// Runs the program to its end and returns what it wrote; blocks.
    package func runAndWait() throws(OperatorError) -> (status: ExitStatus, output: String) {
        let path = FileManager.default.temporaryDirectory.path + "/atelier-\(getpid())-\(UInt32.random(in: 0...(.max)))"
        var copy = self
        copy.output = .file(path)
        defer { try? FileManager.default.removeItem(atPath: path) }  // A left-over temporary file harms nobody.
        let status = Self.wait(for: try copy.spawn())
        return (status, (try? String(contentsOfFile: path, encoding: .utf8)) ?? "")
    }

    private static func wait(for pid: pid_t) -> ExitStatus {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return ExitStatus(wait: status)
    }

    private func spawn() throws(OperatorError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        switch input {
        case .nothing: unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        case .inherit: break
        case .heldOpen: unsafe posix_spawn_file_actions_adddup2(&actions, HeldInput.shared.readingEnd, 0)
        }
        if case .file(let path) = output {
            unsafe posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        var defaults = sigset_t()
        unsafe sigemptyset(&defaults)
        for number in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&defaults, number) }
        unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
        // POSIX_SPAWN_SETSID of <spawn.h>, which Swift's Glibc module doesn't show.
        let setSession: Int32 = 0x80
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | (ownSession ? setSession : 0)
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

        let variables = environment ?? ProcessInfo.processInfo.environment
        var argumentList = unsafe ([executable] + arguments).map { unsafe strdup($0) } + [nil]
        var variableList = unsafe variables.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer { unsafe (argumentList + variableList).forEach { unsafe free($0) } }
        var pid: pid_t = 0
        let code = unsafe posix_spawn(&pid, executable, &actions, &attributes, &argumentList, &variableList)
        guard code == 0 else {
            throw OperatorError("\(executable) can't be started: \(Self.text(code)).", "")
        }
        return pid
    }

    private static func text(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}

/// A pipe whose writing end only this process has: children that read from the other end see its end when we die,
/// however we die.
package final class HeldInput: Sendable {
    package static let shared = HeldInput()
    package let readingEnd: Int32
    private let writingEnd: Int32

    private init() {
        var ends: [Int32] = [-1, -1]
        unsafe pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        readingEnd = ends[0]
        writingEnd = ends[1]
    }
}
