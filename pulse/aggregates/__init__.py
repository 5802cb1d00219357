"""The one list of wire names: what each event is called in the log, for good."""

from eventsourcing.domain import Aggregate, AggregateEvent

from pulse.aggregates import chat, chat_events, customer, delivery, department, feed, moderator, producer, source

AGGREGATES: dict[str, type[Aggregate]] = {
    "chat": chat.Chat,
    "customer": customer.Customer,
    "delivery": delivery.Delivery,
    "department": department.Department,
    "feed": feed.Feed,
    "moderator": moderator.Moderator,
    "producer": producer.Producer,
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
    ("feed.opened", 1): feed.FeedOpened,
    ("feed.event-published", 1): feed.EventPublished,
    ("moderator.invited", 1): moderator.ModeratorInvited,
    ("moderator.password-changed", 1): moderator.ModeratorPasswordChanged,
    ("moderator.role-changed", 1): moderator.ModeratorRoleChanged,
    ("moderator.disabled", 1): moderator.ModeratorDisabled,
    ("producer.registered", 1): producer.ProducerRegistered,
    ("producer.configured", 1): producer.ProducerConfigured,
    ("producer.secret-added", 1): producer.ProducerSecretAdded,
    ("producer.secret-retired", 1): producer.ProducerSecretRetired,
    ("producer.disabled", 1): producer.ProducerDisabled,
    ("producer.enabled", 1): producer.ProducerEnabled,
    ("source.connected", 1): source.SourceConnected,
    ("source.renamed", 1): source.SourceRenamed,
    ("source.departments-changed", 1): source.SourceDepartmentsChanged,
    ("source.settings-changed", 1): source.SourceSettingsChanged,
    ("source.secrets-changed", 1): source.SourceSecretsChanged,
}
