import Contracts
import Testing
import Time

@testable import OperatorCLI

/// What the operator is told about models that are not sold or differ.
@Suite struct StoredDriftTests {
    private static let at = Timestamp(seconds: 1_795_200_000)
    private static let models = [
        ModelDrift(
            modelNumber: 5,
            modelSlug: "nano-banana-2",
            findings: ["price: price text was “8” and is “9”"],
            stops: [StoppedRow(row: "4K", reason: "a run cost more than its price", stoppedAt: at)]
        ),
        ModelDrift(modelNumber: 9, modelSlug: "sora", obstacle: "withheld", reason: "Closed by the provider."),
        ModelDrift(modelNumber: 14, modelSlug: "kling", obstacle: "unwell", reason: "Rests."),
    ]

    @Test func `stops come first, with their reason, then what differs`() {
        let rows = StoredDrift.rows(Self.models, isAskedFor: false)
        #expect(rows.map(\.first) == ["nano-banana-2", "", "kling"])
        #expect(rows[0][1] == "in part" && rows[0][2].hasPrefix("row 4K since 2026-11-"))
        #expect(rows[0][2].hasSuffix("a run cost more than its price") && rows[1][2].hasPrefix("price: "))
        #expect(rows[2] == ["kling", "unwell", "Rests."])
    }

    @Test func `what files say is told of models that were asked for`() {
        #expect(
            StoredDrift.rows(Self.models, isAskedFor: true).contains(["sora", "withheld", "Closed by the provider."])
        )
    }

    @Test func `nothing found is said too, and a loss stays out of sale with a remedy`() {
        #expect(StoredDrift.text([], isAskedFor: false) == "generation has found nothing by itself")
        let text = StoredDrift.text(ApproveDrift.Output(clearedModels: 3, liftedStops: 1), stopped: ["sora"])
        #expect(
            text.contains("cleared: 3, stops lifted: 1") && text.contains("at a loss: sora")
                && text.contains("new price")
        )
    }
}
