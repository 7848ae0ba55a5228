/// Everything that the service can say, by topic.
///
/// `{name}` in a text stands for an argument; both languages use the same arguments.
enum TextKey: String, CaseIterable, Sendable {
    // General
    case yes, no, free, back, home, seconds, minutes, priceFrom, priceUpTo, upTo, unitImage, unitSecond, unitCharacters

    // Tasks
    case taskTextToImage, taskImageToImage, taskTextToVideo, taskImageToVideo, taskVideoToVideo, taskAvatar,
        taskMusic, taskSpeech, taskSound, taskUpscale, taskCleanUp, taskUtility,
        taskReferenceToVideo, taskTranscription, taskOther

    // Home
    case samplePrompt, welcome, welcomeFree, welcomeTerms, homeTitle, homeBalance, homeRunning, homeDraft, homeHint,
        groupHome, buttonSample, buttonSampleFree, buttonAllTools, buttonLanguage, buttonContinueDraft, buttonParked,
        buttonCreate, buttonJobs, buttonHistory, buttonBalance, buttonTopUp, buttonSettings, buttonHelp,
        buttonSupport, buttonTerms, buttonPrivate, buttonRefresh

    // Catalogue and offers
    case tasks, catalogueMissing, modelRow, sortPrice, sortSpeed, modelPrice, modelWait, modelMeasured, modelNeeds,
        modelRefund,
        buttonStart, offerText, offerImage, offerVideo, offerAudio, offerDocument, offerFiles, offerChoose,
        offerNothing, buttonOther, buttonLater

    // Composer
    case askPrompt, askText, askChoice, askNumber, askImage, askImages, askVideo, askAudio, askResult, slotLine,
        slotHint,
        promptTooLong, promptLength, priceUnknown, priceOnly, priceLeft, priceShort, buttonGenerate, buttonAskPrice,
        buttonOtherModel, buttonMore, buttonLess, buttonDiscard, discardAsk, buttonDiscardYes, buttonKeep,
        buttonRemove, buttonChange, chip, optionTitle, optionType, optionPrice, confirmTitle, buttonConfirm, starting,
        buttonTemplates, buttonSkip, templates, templateRow, templateSlot, buttonCopies, buttonThenAnimate,
        buttonDropStages, buttonTryFirst, buttonInFull, confirmTrial, confirmCredit,
        confirmStage, confirmCopies, confirmParts, modelAils, modelGone, alternatives,
        buttonStageWish, buttonWishAsFirst, stageWish, stageWishOwn, stageWishAsFirst

    // Prompt help
    case buttonImprove, buttonScript, buttonTranslate, helpBefore, helpAfter, helpTranslated, helpCost, helpFree,
        buttonUseSuggestion, buttonSuggestAgain, buttonKeepMine, noticeNothingToBetter, noticeNothingToTranslate,
        noticeHelpUsedUp, noticeNoHelp, noticeNoTranslation

    // Money
    case shortage, shortageSafe, shortageGroup, topUp, topUpUnavailable, worth, rails, railCard, railStars,
        orderDescription, paymentCreating, paymentPending, paymentUntil, paymentPaid, paymentCredited,
        paymentCanceled, paymentCode, buttonPay, buttonCheck, buttonOtherWay, buttonTryAgain, receipt,
        receiptContinues, balanceTitle, balanceHeld, balanceBonus, balanceEntries, balanceUnavailable, entryRow,
        entryTopUp, entryGrant, entryCharge, entryRefund, entryAdjust, entryGift

    // Jobs
    case cardTitle, cardAccepted, cardAcceptedFree, cardRunning, cardRetrying, cardWait, cardDoneLine, cardFailedLine,
        cardCancelled, cardTooLate, moneyReturned, failureTitle, failureRefused, failureInvalidInput, failureProvider,
        failureTimeout, failureInputUnavailable, failurePreviousStage, failureUnknown, failureCode, resultLine,
        resultBalance, resultPicked,
        jobsTitle, jobsNone, jobsUnavailable, jobRow, historyTitle, historyRow, historyEmpty, stateAccepted,
        stateRunning, stateRetrying, stateSucceeded, stateFailed, stateCancelled, buttonCancel, buttonOneMore,
        buttonAgain, buttonEdit, buttonEditPrompt, buttonSameAgain, buttonOriginal, buttonShow, buttonCancelRest,
        groupTitle,
        groupRow, groupNamedRow, groupCopy, groupStep, groupDone, groupDoneShort, groupCharged, groupReturned,
        groupWish

    // Settings and help
    case settings, settingsAsksAlways, settingsAsksAbove, settingsAsksNever, confirmAlways, confirmNever,
        language, languageRussian, languageEnglish, help, terms, support, supportContact, supportHere, supportCode,
        supportJob

    // Notices
    case noticeUnsupported, noticeSticker, noticeUnknownCommand, noticeCancelled, noticeCancelledDraftKept,
        noticeNumberWanted, noticeTextNotTaken, noticeJoined, noticeFileReplaced, noticeFileTooLarge,
        noticeFileNotTaken, noticeAlbumOverflow, noticeEditPrompt, noticeAccepted, noticePriceRose,
        noticePriceUnavailable, noticeNotStarted, noticeModelUnavailable, noticeLimitExceeded, noticeAccountFrozen,
        noticeAmountOutOfRange, noticeRailUnavailable, noticeNotPaidYet, noticeCheckFailed, problemMissing,
        problemTooLong, problemTooShort, problemNotAnOption, problemOutOfRange, problemTooMany, problemTooFew,
        problemTooLarge, problemWrongMedia, problemNotTogether, problemTooLongClip, problemTooShortClip,
        problemOther

    // Toasts
    case toastOutdated, toastStarting, toastNotYours, toastModelGone, toastNoDraft, toastDiscarded, toastKept,
        toastMissing, toastLaunching, toastSaved, toastJobUnknown, toastJobEnded, toastCancelling, toastSending,
        toastOrdering, toastChecking, toastHelping
}
