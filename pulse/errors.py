"""The tree of errors. Doors turn it into HTTP answers once and into close codes once; a law test holds it complete.

Each class stands where its rule or its server is; its docstring is the sentence people see.

PulseError
├── Refusal                 a rule said no: 409
│   ├── CannotCarry         channels/pieces; says what the channel can't
│   ├── ChatIsClosed        aggregates/chat_standing
│   ├── EmptyReply          aggregates/chat
│   ├── StaleReply          aggregates/chat; says what came in between
│   ├── CustomerUnreachable aggregates/chat
│   ├── OutOfSight          desk/chat_notes
│   ├── ManyCustomers       desk/blocking
│   ├── NobodyThere         desk/chat_standing
│   ├── EmptyNote           aggregates/chat_work
│   ├── EmptyWord           aggregates/room
│   ├── NotAhead            aggregates/chat_work
│   ├── NothingToPutOff     aggregates/chat_work
│   ├── TooManyCannedReplies aggregates/phrasebook
│   ├── TooManyViews        aggregates/saved_views
│   ├── TooManyTags         aggregates/chat_work
│   ├── TooManyCallbacks    aggregates/chat
│   ├── HeldByAnother       aggregates/chat_standing; names the holder
│   │   └── ChangedHands
│   ├── JoinedToItself      aggregates/customer
│   ├── JoinedTooOften      aggregates/customer
│   ├── TwoFactorIsOn       aggregates/moderator_sign_in
│   ├── TwoFactorIsOff      aggregates/moderator_sign_in
│   ├── NoDepartments       aggregates/source
│   ├── NoBot               desk/pagers
│   ├── NoPager             aggregates/pager
│   ├── NotStuck            aggregates/chat_replies
│   ├── LastAdmin           aggregates/admins
│   ├── PersonIsDisabled    aggregates/moderator
│   ├── DepartmentIsArchived aggregates/department
│   ├── DepartmentInUse     desk/departments; names the sources and chats
│   ├── AnotherScheme       aggregates/producer
│   ├── LastSecret          aggregates/producer
│   ├── LinkedToAnother     aggregates/identity
│   ├── NoCode              ingest/webhooks
│   ├── NameTaken           aggregates/department
│   ├── NotAsShown          eventlog/rehearsal
│   ├── ThereAlready        commands/running
│   ├── TooManySubscribers  desk/subscriber_desk
│   ├── TooManySources      desk/source_commands
│   ├── NoPublicAddress     sources/providers
│   ├── NoProvider          sources/providers
│   ├── ProviderRefused     sources/providers; says what the provider says
│   ├── SubscriberIsGone    subscribing
│   ├── WithOneself         aggregates/room
│   ├── ChannelIsFull       roster/admitting
│   └── NotAllowed          403
│       ├── AdminsOnly      desk/guard
│       ├── AppDisabled     pusher_app
│       ├── NotFromHere     desk/guard
│       ├── NotLinked       desk/way_pages; signing in with Telegram or VK
│       ├── NotProven       desk/own_password
│       ├── NotYourChannel  desk/broadcasting
│       ├── SenderBlocked   ingest/widget
│       ├── SignInAgain     desk/own_password
│       ├── YourOwnFactor   desk/user_sign_in
│       └── WrongOrigin     push/windows
├── BadInput                the caller sent something that can't be read: 400
│   ├── TooLarge            413
│   ├── Invalid             http: 422; names the fields
│   ├── WrongMethod         405
│   ├── PostOnly            ingest/webhooks: 405
│   ├── ForbiddenAddress    outside
│   ├── AnswerTooLarge      outside
│   ├── NotOffered          projections/chat_filters
│   ├── NotAClaim           tokens; an upload's receipt
│   ├── NotACursor          cursors; of a frame
│   │   └── AnotherLog
│   ├── NotAnUpload         files/uploads
│   ├── NotThisType         files/uploads: 415
│   ├── BadSetting          setting_faults; stops the start
│   ├── NotAnIdentifier     aggregates/source
│   ├── NotAShortcut        aggregates/phrasebook
│   ├── NotACannedReply     aggregates/phrasebook
│   ├── UnknownVariable     aggregates/phrasebook; names those it does not know
│   ├── NotAView            aggregates/saved_views
│   ├── NotATag             aggregates/chat_work
│   ├── NotAPriority        aggregates/chat_work
│   ├── NotItsVersion       aggregates/chat_standing
│   ├── NotWorkingHours     aggregates/department_hours
│   ├── TooMuch             projections/facts
│   ├── NotADepartment      aggregates/department
│   ├── NotARule            aggregates/source_rules; names the rule and the field
│   ├── NotAPolicy          aggregates/department_policy
│   ├── NotARetention       aggregates/retention
│   ├── UnknownDepartment   directory
│   ├── AmbiguousDepartment directory
│   ├── UnknownRole         aggregates/moderator
│   ├── NotAnEmail          aggregates/moderator
│   ├── NotAName            aggregates/moderator
│   ├── NotAnIdentity       aggregates/identity
│   ├── UnknownLocale       aggregates/moderator
│   ├── NotAPassword        passwords
│   ├── TooCommon           passwords
│   ├── NotASubscriber      aggregates/subscriber
│   ├── UnknownEventType    subscribing
│   ├── NotInTheLog         subscribing
│   ├── NotASecret          sources/fields
│   ├── NotRotated          sources/connecting
│   ├── NotAKey             signatures
│   ├── NotAContract        contracts
│   ├── NotAConfiguration   producers
│   ├── NotAnEvent          ingest/cloud_events; an authentic post
│   ├── UnknownMedia        ingest/cloud_events: 415
│   ├── BreaksContract      contracts: 422; names the faults
│   ├── UnknownChannel      sources/fields
│   ├── NotItsField         sources/fields
│   ├── SecretIsTheirs      producers
│   ├── NotAUserId          roster/admitting
│   ├── NotUserInfo         roster/admitting
│   └── Unreadable          channels; an authentic delivery
├── NotAuthentic            wrong or missing credentials: 401, the same words for all of them
│   ├── NotSignedIn         ways; with Telegram or VK
│   ├── NotAnInvitation     aggregates/moderator
│   ├── WrongBody           pusher_app
│   ├── WrongTime           pusher_app
│   ├── SessionEnded        push/windows; the token is right
│   ├── WrongPassword       desk/login
│   └── WrongCode           aggregates/moderator_sign_in
├── NotFound                404
│   ├── NoSuchCallback      aggregates/chat
│   ├── NoChatYet           ingest/intake; never leaves it
│   ├── CustomerToo         ingest/intake; never leaves it
│   ├── NoPreview           files/previews
│   └── ProviderOff         ways
└── Trouble                 our side: 503 with Retry-After
    ├── TryLater            busy; the same request may go through soon
    │   ├── TooOften        limits: 429
    │   ├── TooManySignIns  passwords
    │   ├── TooManyTries    desk/tries: 429
    │   ├── BlobsDown       blobs; files can't be read
    │   ├── NoPreviewYet    files/previews
    │   ├── ServerFull      push/porter
    │   ├── TooManyWindows  push/http_windows: 429
    │   ├── TooManyPublicChannels push/public_channels: 429
    │   ├── RightsMove      push/subscriptions
    │   └── NobodyRelays    push/server
    ├── CallFailed          channels/calls; a call to a channel ended badly
    │   ├── NotNow
    │   ├── MaybeSent
    │   ├── NeverDelivered
    │   ├── BadPiece
    │   ├── SourceInTrouble
    │   └── PeerMoved
    ├── NoAnswer            outside
    ├── NotTaken            delivery/post; a subscriber did not take an event
    │   └── WantsNoMore
    ├── StoreConflict       somebody else kept winning the same chat
    ├── LogDown             the event log can't take or give events
    │   ├── AckLost         eventlog/appends; it may be stored
    │   └── LogFull         eventlog/appends
    ├── ReadsDown           the read models can't be reached
    ├── AppendRefused       eventlog/appends, told apart by the server's code
    │   ├── WrongSequence
    │   ├── StillInFlight
    │   ├── BatchHasDuplicate
    │   └── BatchLost
    ├── HalfDecided         eventlog/commands; a mistake of ours
    ├── BrokenRegistry      eventlog/envelope; stops the start
    ├── UnknownEvent        eventlog/envelope
    ├── LogHole             eventlog/follow
    ├── NotOnDisk           eventlog/streams; stops the start
    ├── StreamDiffers       eventlog/streams; stops the start
    ├── CheckpointMoved     projections/checkpoint
    ├── LogBehind           projections/checkpoint
    ├── OtherVersion        projections/checkpoint
    ├── BlobNotKept         blobs; the disk refuses
    ├── LogTooShort         eventlog/whole
    ├── WrongKey            vault
    ├── AlreadyRunning      embedded/lock
    ├── ServerFailed        embedded/child
    ├── PortTaken           serving
    ├── CannotListen        serving
    └── NotRunning          commands/running
"""

from typing import TypeVar

T = TypeVar("T")


class PulseError(Exception):
    """Something went wrong in Pulse."""

    status = 500

    def __init__(self, message: str = "", **details: object) -> None:
        super().__init__(message or sentence(type(self)))
        self.details = details

    @property
    def code(self) -> str:
        """Stable name for programs: `ChatIsClosed` -> `chat-is-closed`."""
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in type(self).__name__).lstrip("-")


def sentence(error: type[BaseException]) -> str:
    """The docstring's first paragraph: what people see."""
    return " ".join((error.__doc__ or error.__name__).split("\n\n")[0].split())


class Refusal(PulseError):
    """A rule said no."""

    status = 409


class NotAllowed(Refusal):
    """You may not do this."""

    status = 403


class BadInput(PulseError):
    """The request can't be read."""

    status = 400


class TooLarge(BadInput):
    """The body is larger than this address accepts."""

    status = 413


class WrongMethod(BadInput):
    """This address does not take this method."""

    status = 405


class NotAuthentic(PulseError):
    """Unknown sender or wrong credentials."""

    status = 401


class NotFound(PulseError):
    """There is nothing here, or nothing you may see."""

    status = 404


def there(found: T | None, otherwise: str = "") -> T:
    """What was looked for. Raises NotFound, with a sentence of its own where one says more."""
    if found is None:
        raise NotFound(otherwise)
    return found


class Trouble(PulseError):
    """Pulse can't do this right now. Nothing was changed; try again soon."""

    status = 503
    retry_after = 2  # seconds


class TryLater(Trouble):
    """Pulse is busy. Nothing was changed; try again soon."""


class StoreConflict(Trouble):
    """Others kept changing the same thing at the same moment. Nothing was changed; try again."""


class LogDown(Trouble):
    """The event log can't be reached, so nothing was accepted. Try again soon."""


class ReadsDown(Trouble):
    """The lists can't be read right now. Messages are still accepted; try again soon."""
