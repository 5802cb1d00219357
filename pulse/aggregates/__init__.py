"""The one list of wire names: what each event is called in the log, for good."""

from eventsourcing.domain import Aggregate, AggregateEvent

from pulse.aggregates import blocklist, chat, chat_events, customer, delivery, department, moderator, source

AGGREGATES: dict[str, type[Aggregate]] = {
    "blocklist": blocklist.Blocklist,
    "chat": chat.Chat,
    "customer": customer.Customer,
    "delivery": delivery.Delivery,
    "department": department.Department,
    "moderator": moderator.Moderator,
    "source": source.Source,
}

EVENTS: dict[tuple[str, int], type[AggregateEvent]] = {
    ("blocklist.begun", 1): blocklist.BlocklistBegun,
    ("blocklist.customer-blocked", 1): blocklist.CustomerBlocked,
    ("blocklist.customer-unblocked", 1): blocklist.CustomerUnblocked,
    ("chat.opened", 1): chat_events.ChatOpened,
    ("chat.message-received", 1): chat_events.MessageReceived,
    ("chat.message-edited", 1): chat_events.MessageEdited,
    ("chat.messages-deleted", 1): chat_events.MessagesDeleted,
    ("chat.message-reacted", 1): chat_events.MessageReacted,
    ("chat.button-pressed", 1): chat_events.ButtonPressed,
    ("chat.callback-requested", 1): chat_events.CallbackRequested,
    ("chat.callback-done", 1): chat_events.CallbackDone,
    ("chat.reply-echoed", 1): chat_events.ReplyEchoed,
    ("chat.reply-written", 1): chat_events.ReplyWritten,
    ("chat.assigned", 1): chat_events.ChatAssigned,
    ("chat.transferred", 1): chat_events.ChatTransferred,
    ("chat.closed", 1): chat_events.ChatClosed,
    ("chat.reopened", 1): chat_events.ChatReopened,
    ("chat.renamed", 1): chat_events.ChatRenamed,
    ("chat.customer-lost", 1): chat_events.CustomerLost,
    ("chat.customer-found", 1): chat_events.CustomerFound,
    ("chat.seen-by-staff", 1): chat_events.SeenByStaff,
    ("chat.seen-by-customer", 1): chat_events.SeenByCustomer,
    ("customer.met", 1): customer.CustomerMet,
    ("customer.profile-changed", 1): customer.CustomerProfileChanged,
    ("customer.looked-up", 1): customer.CustomerLookedUp,
    ("customer.left", 1): customer.CustomerLeft,
    ("customer.returned", 1): customer.CustomerReturned,
    ("customer.joined", 1): customer.CustomerJoined,
    ("customer.parted", 1): customer.CustomerParted,
    ("delivery.kept", 1): delivery.DeliveryKept,
    ("department.created", 1): department.DepartmentCreated,
    ("department.renamed", 1): department.DepartmentRenamed,
    ("moderator.invited", 1): moderator.ModeratorInvited,
    ("moderator.password-changed", 1): moderator.ModeratorPasswordChanged,
    ("moderator.role-changed", 1): moderator.ModeratorRoleChanged,
    ("moderator.disabled", 1): moderator.ModeratorDisabled,
    ("source.connected", 1): source.SourceConnected,
    ("source.renamed", 1): source.SourceRenamed,
    ("source.departments-changed", 1): source.SourceDepartmentsChanged,
    ("source.settings-changed", 1): source.SourceSettingsChanged,
    ("source.secrets-changed", 1): source.SourceSecretsChanged,
}
