import Contracts
import Testing

@testable import OperatorCLI

/// What the operator is told after a wish to be forgotten.
@Suite struct ErasureReportTests {
    private static func report(open: Int = 0) -> ErasureReport {
        var report = ErasureReport()
        report.conversation = .done(
            EraseConversation.Output(
                erasedSessions: 2,
                erasedJobs: 31,
                erasedOrders: 3,
                openJobs: open,
                waitingCommands: 0
            )
        )
        report.delivery = .done(EraseChat.Output(erasedMessages: 4, waitingMessages: 0))
        report.generation = .done(EraseUser.Output(erasedAssets: 14, erasedJobs: 9, openJobs: open))
        return report
    }

    @Test func `all that is removed and all that stays is named`() {
        let text = Self.report().text
        for word in ["drafts: 2, jobs: 31, orders: 3", "contents of messages: 4", "files: 14, words of jobs: 9"] {
            #expect(text.contains(word))
        }
        #expect(!text.contains("under way") && !text.contains("just being sent"))
        for service in ["billing", "payments", "ingress", "backups"] { #expect(text.contains(service)) }
        #expect(text.contains("ATELIER_KEEP_EVENTS_DAYS") && !text.contains("again"))
        #expect(Self.report().isComplete)
    }

    @Test func `jobs under way ask for another run`() {
        let text = Self.report(open: 1).text
        #expect(text.contains("Run it again when what is under way has ended"))
        #expect(text.contains("under way, without words: 1") && text.contains("emptied when they end: 1"))
    }

    @Test func `a service that does not answer is named, and the others have done their part`() {
        var report = Self.report()
        report.delivery = .failed("no answer (timeout)")
        #expect(!report.isComplete && report.text.contains("delivery has removed nothing: no answer (timeout)"))
        #expect(report.text.contains("files: 14") && report.text.contains("stays removed"))
    }
}
