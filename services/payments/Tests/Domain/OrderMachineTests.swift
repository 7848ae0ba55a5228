import Contracts
import PaymentsService
import ProofKit
import Testing

@Suite struct OrderMachineTests {
    /// Every event in every state; nil where nothing changes.
    private static let table: [Order.State: [OrderMachine.Event: (Order.State, [OrderMachine.Consequence])]] = [
        .creating: [
            .createdInTime: (.pending, []), .createdLate: (.pending, [.tellReady]),
            .creationFailed: (.canceled, [.tellCanceled]), .paymentCanceled: (.canceled, [.tellCanceled]),
            .succeeded: (.paid, [.credit]),
        ],
        .pending: [.succeeded: (.paid, [.credit]), .paymentCanceled: (.canceled, [.tellCanceled])],
        .paid: [.credited: (.credited, [.tellSucceeded])],
        .credited: [:],
        .canceled: [.succeeded: (.paid, [.credit])],
    ]

    @Test(arguments: Order.State.allCases, OrderMachine.Event.allCases)
    func `every event in every state does what the table says`(state: Order.State, event: OrderMachine.Event) throws {
        var machine = OrderMachine(state)
        let consequences = machine.apply(event)
        if let (next, expected) = try #require(Self.table[state])[event] {
            #expect(machine.state == next)
            #expect(consequences == expected)
        } else {
            #expect(machine.state == state)
            #expect(consequences == nil)
        }
    }

    @Test(arguments: 0..<50)
    func `on a random walk money is credited at most once and told at most once`(walk: Int) {
        var random = SeededGenerator(seed: UInt64(walk))
        var machine = OrderMachine(.creating)
        var all: [OrderMachine.Consequence] = []
        for _ in 0..<40 {
            let event = OrderMachine.Event.allCases[Int(random.next() % UInt64(OrderMachine.Event.allCases.count))]
            all += machine.apply(event) ?? []
        }
        #expect(all.count { $0 == .credit } <= 1)
        #expect(all.count { $0 == .tellSucceeded } <= all.count { $0 == .credit })
        if machine.state == .credited { #expect(all.last == .tellSucceeded) }
    }
}
