internal import Contracts

extension Problem {
    /// Whether billing has decided about a hold, so that no repeat changes it.
    ///
    /// Everything else, a token or path that does not match for a while included, says nothing about the money: taken for
    /// the last word it would give results away, or tell a user of money that is not back.
    var endsHold: Bool {
        switch code {
        case .holdNotFound, .holdAlreadyCharged, .holdAlreadyReleased, .holdExpired, .exceedsHold: true
        default: false
        }
    }

    /// Whether the callee may never have looked at what was asked: our token or its routes don't match, as they may not
    /// for a while during an update.
    var isAtTheDoor: Bool { [401, 403, 404, 405].contains(status) }
}
