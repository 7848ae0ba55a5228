internal import Contracts

extension Update {
    /// Where the update takes place and who stands behind it; nil if there is nobody to answer.
    var scene: (scene: Scene, sender: Sender?)? {
        switch content {
        case .message(let message), .editedMessage(let message):
            switch message.chat.kind {
            case .channel: return nil
            case .private:
                // In a private chat the chat is the person, should the sender be missing.
                return (Scene(userID: message.chat.id, chatID: message.chat.id), message.sender)
            case .group:
                guard let sender = message.sender else { return nil }
                return (Scene(userID: sender.id, chatID: message.chat.id), sender)
            }
        case .press(let press):
            let chat = press.chat?.id ?? press.sender.id
            return (Scene(userID: press.sender.id, chatID: chat), press.sender)
        case .membership(let chat, _): return (Scene(userID: chat, chatID: chat), nil)
        case .quiet: return nil
        }
    }
}
