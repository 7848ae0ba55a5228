internal import Concurrency
internal import Contracts
internal import Cryptography
internal import HTTP
internal import HTTPClient

/// What happens to a task after createTask.
extension KieDesk {
    /// Pauses between the tries of one callback, in seconds; after the last one KIE gives up.
    static let callbackPauses: [Double] = [1, 5, 15]

    /// Brings a task to its end and tells of it. Safe to repeat: a task that has ended is only told of.
    func finish(_ id: String) async {
        guard var task = state.withLock({ $0.tasks[id] }) else { return }
        if !task.isFinal {
            let sources = await fetchSources(of: task)
            let wait = Double(task.dueAt - tools.milliseconds) / 1_000
            guard await tools.pause(task.script.callback == .early ? 0 : wait), task.script.ending != .stuck else {
                return
            }
            guard let ended = change(id, { self.end(&$0, sources: sources) }) else { return }
            task = ended
        }
        await tell(task)
    }

    /// Decides how a task ends.
    private func end(_ task: inout KieTask, sources: [KieTask.Source]) {
        task.sources = sources
        let now = tools.milliseconds
        guard let model = tools.resources.catalogue.models[task.model] else {
            return task.fail(code: "422", message: "The model name you specified is not supported.", at: now)
        }
        if sources.contains(where: { $0.sha256 == nil }) {
            return task.fail(
                code: "451",
                message: "Failed to fetch the image. Kindly verify any access limits set by you.",
                at: now
            )
        }
        switch task.script.ending {
        case .refuse:
            task.fail(
                code: "400",
                message: "Content was flagged by the safety system. Try different prompts or inputs.",
                at: now
            )
        case .temporary:
            task.fail(code: "500", message: "internal error, please try again later.", at: now)
        case .success, .stuck:
            task.succeed(KieResult(task: task, model: model), at: now)
        }
    }

    /// Whether a task with the script `temporary` is one of those that fail.
    func settleFailures(_ task: inout KieTask) {
        guard task.script.ending == .temporary else { return }
        let content = task.model + JSONText.write(.object(task.input))
        let limit = task.script.failures
        if !state.withLock({ $0.takesFailure(content: content, limit: limit) }) { task.script.ending = .success }
    }

    @discardableResult
    private func change(_ id: String, _ body: (inout KieTask) -> Void) -> KieTask? {
        let (task, balance) = state.withLock { state in (state.update(id, body), state.balance) }
        guard let task else { return nil }
        tools.journal.put(.task, id, task)
        tools.journal.put(.balance, "kie", balance)
        tools.feed.changed()
        return task
    }

    /// Sends the callback, as often as the task's script says.
    private func tell(_ task: KieTask) async {
        guard !task.isToldOff else { return }
        guard let url = task.callbackURL, task.script.callback != .lost else {
            change(task.id) { $0.isToldOff = true }
            return
        }
        switch task.script.callback {
        case .late:
            guard await tools.pause(task.script.lateness) else { return }
            await deliver(task, to: url)
        case .double:
            await deliver(task, to: url)
            await deliver(task, to: url)
        case .storm:
            await withTaskGroup { group in
                for _ in 0..<10 { group.addTask { await self.deliver(task, to: url) } }
            }
        case .once, .early, .lost:
            await deliver(task, to: url)
        }
        guard !Task.isCancelled else { return }
        change(task.id) { $0.isToldOff = true }
    }

    /// One callback with its retries: HTTP 200 within 15 s ends it.
    private func deliver(_ task: KieTask, to url: String) async {
        for body in task.callbackBodies(now: tools.milliseconds) { await deliver(body, of: task, to: url) }
    }

    private func deliver(_ body: JSONValue, of task: KieTask, to url: String) async {
        for pause in [0] + Self.callbackPauses {
            guard await tools.pause(pause) else { return }
            let request = ClientRequest(
                method: .post,
                url: url,
                fields: ["Content-Type": "application/json", "User-Agent": "KIE-Callback/1.0"],
                body: .bytes(JSONText.bytes(body)),
                timeout: .seconds(15)
            )
            let at = tools.milliseconds
            let answer = await tools.send(request, provider: "kie", operation: "callback", note: task.id)
            let delivery = KieTask.Delivery(at: at, status: answer?.status ?? 0, note: answer == nil ? "no answer" : "")
            change(task.id) { $0.deliveries.append(delivery) }
            if answer?.status == 200 { return }
        }
    }

    /// Fetches every file that the input names.
    private func fetchSources(of task: KieTask) async -> [KieTask.Source] {
        guard task.sources.isEmpty, let model = tools.resources.catalogue.models[task.model] else {
            return task.sources
        }
        var sources: [KieTask.Source] = []
        for field in model.inputs where field.type.hasSuffix("_url") || field.type.hasSuffix("_urls") {
            let value = task.input[field.name]
            let urls = value?.array?.compactMap(\.string) ?? value?.string.map { [$0] } ?? []
            for url in urls.prefix(16) {
                sources.append(await fetch(url, field: field.name))
            }
        }
        return sources
    }

    private func fetch(_ url: String, field: String) async -> KieTask.Source {
        var source = KieTask.Source(field: field, url: url)
        if let upload = upload(named: url) {
            source.sha256 = upload.sha256
            source.bytes = upload.bytes
            return source
        }
        let request = ClientRequest(
            url: url,
            fields: ["User-Agent": "KIE-Fetch/1.0"],
            timeout: .seconds(30),
            maximumResponseBytes: 64 << 20,
            followRedirects: 3
        )
        guard let answer = await tools.send(request, provider: "kie", operation: "fetch"), answer.status == 200,
            !answer.body.isEmpty
        else { return source }
        source.sha256 = Hex.encode(SHA256.hash(answer.body))
        source.bytes = answer.body.count
        return source
    }

    /// The upload that a URL of this stand-in names.
    private func upload(named url: String) -> KieUpload? {
        guard let mark = url.firstRange(of: "/kie/files/") else { return nil }
        let key = url[mark.upperBound...].prefix { $0 != "/" }
        return state.withLock { $0.uploads[String(key)] }
    }
}
