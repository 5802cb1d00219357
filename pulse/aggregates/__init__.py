"""The one list of wire names: what each event is called in the log, for good."""

from eventsourcing.domain import Aggregate, AggregateEvent

from pulse.aggregates import chat, chat_events, chat_replies, customer, delivery, department, moderator, source

AGGREGATES: dict[str, type[Aggregate]] = {
    "chat": chat.Chat,
    "customer": customer.Customer,
    "delivery": delivery.Delivery,
    "department": department.Department,
    "moderator": moderator.Moderator,
    "source": source.Source,
}

EVENTS: dict[tuple[str, int], type[AggregateEvent]] = {
    ("chat.opened", 1): chat_events.ChatOpened,
    ("chat.message-received", 1): chat_events.MessageReceived,
    ("chat.message-edited", 1): chat_events.MessageEdited,
    ("chat.messages-deleted", 1): chat_events.MessagesDeleted,
    ("chat.message-reacted", 1): chat_events.MessageReacted,
    ("chat.button-pressed", 1): chat_events.ButtonPressed,
    ("chat.reply-echoed", 1): chat_events.ReplyEchoed,
    ("chat.reply-written", 1): chat_events.ReplyWritten,
    ("chat.reply-attempted", 1): chat_replies.ReplyAttempted,
    ("chat.reply-sent", 1): chat_replies.ReplySent,
    ("chat.reply-delivered", 1): chat_replies.ReplyDelivered,
    ("chat.reply-read", 1): chat_replies.ReplyRead,
    ("chat.reply-failed", 1): chat_replies.ReplyFailed,
    ("chat.reply-uncertain", 1): chat_replies.ReplyUncertain,
    ("chat.reply-requeued", 1): chat_replies.ReplyRequeued,
    ("chat.reply-vouched", 1): chat_replies.ReplyVouched,
    ("chat.assigned", 1): chat_events.ChatAssigned,
    ("chat.transferred", 1): chat_events.ChatTransferred,
    ("chat.closed", 1): chat_events.ChatClosed,
    ("chat.reopened", 1): chat_events.ChatReopened,
    ("chat.seen-by-staff", 1): chat_events.SeenByStaff,
    ("chat.seen-by-customer", 1): chat_events.SeenByCustomer,
    ("customer.met", 1): customer.CustomerMet,
    ("customer.left", 1): customer.CustomerLeft,
    ("customer.returned", 1): customer.CustomerReturned,
    ("delivery.kept", 1): delivery.DeliveryKept,
    ("department.created", 1): department.DepartmentCreated,
    ("department.renamed", 1): department.DepartmentRenamed,
    ("department.policy-changed", 1): department.DepartmentPolicyChanged,
    ("moderator.invited", 1): moderator.ModeratorInvited,
    ("moderator.password-changed", 1): moderator.ModeratorPasswordChanged,
    ("moderator.role-changed", 1): moderator.ModeratorRoleChanged,
    ("moderator.disabled", 1): moderator.ModeratorDisabled,
    ("moderator.went-away", 1): moderator.ModeratorWentAway,
    ("moderator.came-back", 1): moderator.ModeratorCameBack,
    ("source.connected", 1): source.SourceConnected,
    ("source.renamed", 1): source.SourceRenamed,
    ("source.departments-changed", 1): source.SourceDepartmentsChanged,
    ("source.settings-changed", 1): source.SourceSettingsChanged,
    ("source.secrets-changed", 1): source.SourceSecretsChanged,
    ("source.rules-changed", 1): source.SourceRulesChanged,
}
