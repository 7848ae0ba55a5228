import Contracts
import Foundation
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// Which answers of billing and conversation are their last word.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct BillingWordTests {
    /// What a wrong token, another release and a proxy without problem+json answer.
    private static let doors: [Problem] = [
        Problem(.unauthenticated), Problem(.callerNotAllowed), Problem(.notFound), Problem(.methodNotAllowed),
        Problem(.malformedRequest), Problem(.unknown),
    ]

    @Test func `only what is said about the hold itself is final`() {
        #expect(Self.doors.allSatisfy { !$0.endsHold })
        let final: [ProblemCode] = [
            .holdNotFound, .holdAlreadyCharged, .holdAlreadyReleased, .holdExpired, .exceedsHold,
        ]
        #expect(final.allSatisfy { Problem($0).endsHold })
    }

    @Test func `billing is asked at longer and longer pauses, up to half a minute`() {
        let pauses = [0, 8, 40, 4_000].map { RetryPolicy.billingPause(waited: .seconds($0)) }
        #expect(pauses == [.seconds(2), .seconds(2), .seconds(10), .seconds(30)])
    }

    @Test(arguments: [ProblemCode.unauthenticated, .notFound, .malformedRequest])
    func `a result is not given away because a call to billing is refused at the door`(code: ProblemCode) async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.chargeProblem = Problem(code) }
            let job = try await bench.start(5)
            await eventually { bench.world.now.chargeCalls > 0 }
            #expect(try await bench.job(job.jobID).state == .running)
            bench.world.edit { $0.chargeProblem = nil }
            await bench.waitForFact(.jobSucceeded)
            #expect(try await bench.job(job.jobID).chargedKopecks == 800)
        }
    }

    @Test func `money is not said to be back before billing has given it back`() async throws {
        try await Bench.run { bench in
            bench.world.edit { state in
                state.endings = [("400", "Content was flagged by the safety system.")]
                state.releaseProblem = Problem(.callerNotAllowed)
            }
            let job = try await bench.start(5)
            await eventually { bench.world.now.releaseRefusals > 0 }
            #expect(try await bench.job(job.jobID).state == .running)
            bench.world.edit { $0.releaseProblem = nil }
            await bench.waitForFact(.jobFailed)
            #expect(bench.world.now.releases.count == 1)
        }
    }

    @Test func `a fact that is refused at the door is sent again`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.factProblem = Problem(.unauthenticated) }
            let job = try await bench.start(5)
            try await bench.wait(for: .succeeded, of: job.jobID)
            await eventually { bench.world.now.factRefusals > 1 }
            bench.world.edit { $0.factProblem = nil }
            await bench.waitForFact(.jobSucceeded)
            #expect(bench.world.factKinds == [.jobAccepted, .jobRunning, .jobSucceeded])
        }
    }
}
