import Contracts
import LocalSystem
import Testing

@testable import OperatorCLI

@Suite struct ReportTests {
    private let project = Project(environment: [:], workingDirectory: "/srv/a", executable: "/srv/a/bin/atelier")

    @Test func `the report names the links and every moved port`() {
        let ports = PortPlan(wanted: PortPlan.wanted([:]), isFree: { $0 != 8_080 })
        let text = StartReport(project: project, ports: ports, missing: [:], seconds: 3.46).text
        #expect(text.contains("Port 8080 is taken; the chat page listens on 8180 instead."))
        #expect(text.contains("Atelier is ready (3.4 s)."))
        #expect(text.contains("http://127.0.0.1:8180/"))
        #expect(text.contains("http://127.0.0.1:8103/health  (billing)"))
    }

    @Test func `a table's columns line up`() {
        let table = TextTable([["a", "bb", ""], ["ccc", "d", "e"]]).text
        #expect(table == "a    bb\nccc  d   e")
    }

    @Test(arguments: [(5, "5 s"), (600, "10 min"), (7_200, "2 h"), (400_000, "4 d")] as [(Int64, String)])
    func `uptimes are short`(seconds: Int64, text: String) {
        #expect(Status.uptime(seconds) == text)
    }
}
