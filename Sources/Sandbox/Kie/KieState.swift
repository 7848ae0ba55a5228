/// A file that was uploaded to the KIE stand-in.
struct KieUpload: Codable, Sendable {
    var key: String
    var fileName: String
    var filePath: String
    var mimeType: String
    var sha256: String
    var bytes: Int
}

/// All that the KIE stand-in remembers. Pure: times are given, nothing is sent.
struct KieState: Sendable {
    private(set) var tasks: [String: KieTask] = [:]
    private(set) var order: [String] = []
    private(set) var uploads: [String: KieUpload] = [:]
    var balance: Double = Self.initialBalance
    private var creations: [Int: [Int64]] = [:]
    private var polls: [String: [Int64]] = [:]
    private var failures: [String: Int] = [:]

    static let initialBalance: Double = 100_000
    /// Tasks that are remembered; the oldest is forgotten first.
    static let maximumTasks = 50_000
    /// createTask calls in ten seconds.
    static let creationsPerWindow = 20
    static let window: Int64 = 10_000
    /// recordInfo calls for one task in a second.
    static let pollsPerSecond = 10

    init(tasks: [String: KieTask] = [:], uploads: [String: KieUpload] = [:], balance: Double = Self.initialBalance) {
        self.tasks = tasks
        self.order = tasks.values.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }.map(\.id)
        self.uploads = uploads
        self.balance = balance
        self.reserved = tasks.values.reduce(0) { $0 + ($1.isFinal ? 0 : $1.cost) }
    }

    /// Counts a createTask call.
    ///
    /// - Returns: false if it is one too many; a refused call does not count.
    mutating func admitCreation(of account: Int, at now: Int64) -> Bool {
        creations[account, default: []].removeAll { $0 <= now - Self.window }
        guard creations[account, default: []].count < Self.creationsPerWindow else { return false }
        creations[account, default: []].append(now)
        return true
    }

    /// Counts a recordInfo call for a task.
    mutating func admitPoll(of id: String, at now: Int64) -> Bool {
        var recent = polls[id, default: []].filter { $0 > now - 1_000 }
        guard recent.count < Self.pollsPerSecond else { return false }
        recent.append(now)
        if polls.count > 10_000 { polls = [:] }
        polls[id] = recent
        return true
    }

    /// Credits that running tasks will take.
    private(set) var reserved: Double = 0

    /// Adds a task.
    ///
    /// - Returns: The ids of tasks that had to be forgotten for it.
    mutating func insert(_ task: KieTask) -> [String] {
        tasks[task.id] = task
        if !task.isFinal { reserved += task.cost }
        order.append(task.id)
        guard order.count > Self.maximumTasks else { return [] }
        let oldest = order.removeFirst()
        if let forgotten = tasks.removeValue(forKey: oldest), !forgotten.isFinal { reserved -= forgotten.cost }
        return [oldest]
    }

    /// Changes a task; nil if it is not there (any more).
    mutating func update(_ id: String, _ change: (inout KieTask) -> Void) -> KieTask? {
        guard var task = tasks[id] else { return nil }
        let wasFinal = task.isFinal
        change(&task)
        if !wasFinal && task.isFinal { reserved -= task.cost }
        // Credits have at most four decimals; sums of doubles would show more.
        if !wasFinal && task.state == .success { balance = ((balance - task.cost) * 10_000).rounded() / 10_000 }
        tasks[id] = task
        return task
    }

    mutating func insert(_ upload: KieUpload) {
        uploads[upload.key] = upload
    }

    /// Whether a task with this content still has to fail before one may succeed.
    ///
    /// - Parameter limit: How many fail; nil for all.
    mutating func takesFailure(content: String, limit: Int?) -> Bool {
        guard let limit else { return true }
        let count = failures[content, default: 0]
        guard count < limit else { return false }
        failures[content] = count + 1
        return true
    }

    /// Whether a task exists and ended well, for inputs that continue one.
    func isFinished(_ id: String) -> Bool { tasks[id]?.state == .success }
}
