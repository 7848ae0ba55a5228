/// Every operation of the internal API, for tests and documentation that must miss none.
package enum OperationCatalogue {
    /// By service, in the order of their contracts.
    package static let operations: [any Operation.Type] = [
        // Ingress
        ListEvents.self, GetEvent.self, ReplayEvent.self, ReplayDeadLetters.self,
        // Conversation
        HandleUpdates.self, ReportFact.self, EraseConversation.self,
        // Billing
        OpenAccount.self, PlaceHold.self, ExtendHold.self, ChargeHold.self, ReleaseHold.self, RefundCharge.self,
        Credit.self, RefundCredit.self, Gift.self, Adjust.self, DecideAdjustment.self, FreezeAccount.self,
        UnfreezeAccount.self, ApplyOperations.self, GetBalance.self, ListEntries.self, ListHolds.self,
        GetTrialBalance.self, ListCredits.self, ListCharges.self, ListAdjustments.self, GetDailyTotals.self,
        // Generation
        ListModels.self, CreateQuote.self, CreateJob.self, GetJob.self, CancelJob.self, ListJobs.self, CreateGroup.self,
        GetGroup.self, CancelGroup.self, ListTemplates.self, HandleCallbacks.self, GetAssetLink.self, EraseUser.self,
        ListModelStatistics.self, HelpPrompt.self, ListDrift.self, ApproveDrift.self,
        // Delivery
        PutCard.self, SendMessage.self, GetMessage.self, AnswerCallback.self, AnswerPreCheckout.self,
        SetChatReachability.self, EraseChat.self,
        // Payments
        GetPaymentOptions.self, CreateOrder.self, GetOrder.self, CheckOrder.self, HandlePaymentEvents.self,
    ]
}
