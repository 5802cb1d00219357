"""How a moderator signs in: their password, their second factor, and which of their sessions have ended."""

from __future__ import annotations

from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from eventsourcing.domain import Aggregate, AggregateEvent

from pulse.errors import NotAuthentic, Refusal
from pulse.values import value

# The library makes a dataclass of every aggregate, and those can't be put together from parts with defaults.
if TYPE_CHECKING:
    Part = Aggregate
else:
    Part = object

SESSION_LIFE = timedelta(days=14)


class TwoFactorIsOn(Refusal):
    """Two-factor sign-in is on already. Switch it off first."""


class TwoFactorIsOff(Refusal):
    """Two-factor sign-in is off."""


class WrongCode(NotAuthentic):
    """The code is wrong or was used already."""


@value
class SecondFactor:
    """The authenticator app's secret, sealed by the vault, and what still counts: later steps, and hashes of codes."""

    secret: str
    on: bool = False
    step: int = 0
    recovery: frozenset[str] = frozenset()


@value
class EndedSessions:
    """Those that began before version `before`, all but the `kept` one; and single ones, with the time of their end."""

    before: int = 0
    kept: UUID | None = None
    single: dict[UUID, datetime] = field(default_factory=dict)

    def with_all(self, version: int, kept: UUID | None) -> EndedSessions:
        return replace(self, before=version, kept=kept)

    def with_one(self, session: UUID, at: datetime) -> EndedSessions:
        """Of those that are over by themselves nothing need be known."""
        late = {known: ended for known, ended in self.single.items() if at - ended < SESSION_LIFE}
        return replace(self, single=late | {session: at})


class ModeratorPasswordChanged(AggregateEvent):
    """Ends every session but `keeping`, the one it was changed in."""

    password_hash: str
    keeping: UUID | None = None

    def apply(self, moderator: SignsIn) -> None:
        moderator.password_hash = self.password_hash
        moderator.link = 0
        moderator.ended = moderator.ended.with_all(self.originator_version, self.keeping)


class SessionEnded(AggregateEvent):
    session: UUID

    def apply(self, moderator: SignsIn) -> None:
        moderator.ended = moderator.ended.with_one(self.session, self.timestamp)


class SessionsEnded(AggregateEvent):
    """All of them so far, or all but one."""

    keeping: UUID | None

    def apply(self, moderator: SignsIn) -> None:
        moderator.ended = moderator.ended.with_all(self.originator_version, self.keeping)


class TwoFactorBegun(AggregateEvent):
    """A secret, sealed, was shown to an authenticator app. It counts for nothing before a code of it comes back."""

    secret: str

    def apply(self, moderator: SignsIn) -> None:
        moderator.second_factor = SecondFactor(self.secret)


class TwoFactorTurnedOn(AggregateEvent):
    """`step` is the time step of the code that proved it, `recovery` the hashes of the recovery codes."""

    step: int
    recovery: tuple[str, ...]

    def apply(self, moderator: SignsIn) -> None:
        known = moderator.known_factor
        moderator.second_factor = replace(known, on=True, step=self.step, recovery=frozenset(self.recovery))


class TwoFactorStepUsed(AggregateEvent):
    """A code counted; neither it nor an earlier one counts again."""

    step: int

    def apply(self, moderator: SignsIn) -> None:
        moderator.second_factor = replace(moderator.known_factor, step=self.step)


class RecoveryCodeUsed(AggregateEvent):
    code: str

    def apply(self, moderator: SignsIn) -> None:
        known = moderator.known_factor
        moderator.second_factor = replace(known, recovery=known.recovery - {self.code})


class RecoveryCodesRenewed(AggregateEvent):
    """The codes before these count no more."""

    recovery: tuple[str, ...]

    def apply(self, moderator: SignsIn) -> None:
        moderator.second_factor = replace(moderator.known_factor, recovery=frozenset(self.recovery))


class TwoFactorTurnedOff(AggregateEvent):
    def apply(self, moderator: SignsIn) -> None:
        moderator.second_factor = None


class TwoFactorReset(AggregateEvent):
    """Switched off by somebody else, for a person who lost the phone. Ends every session."""

    def apply(self, moderator: SignsIn) -> None:
        moderator.second_factor = None
        moderator.ended = moderator.ended.with_all(self.originator_version, None)


class SignsIn(Part):
    """The part of a moderator that has to do with signing in.

    `link` is the version that made the link which still sets a password; 0 without one.
    """

    password_hash: str
    disabled: bool = False
    second_factor: SecondFactor | None = None
    ended: EndedSessions = EndedSessions()
    link: int = 0

    def holds(self, session: UUID, since: int) -> bool:
        """Does a session still count that began when this moderator was at version `since`?"""
        if self.disabled or session in self.ended.single:
            return False
        return since >= self.ended.before or session == self.ended.kept

    @property
    def two_factor(self) -> bool:
        """Is a code asked for at sign-in?"""
        return self.second_factor is not None and self.second_factor.on

    @property
    def known_factor(self) -> SecondFactor:
        """Raises TwoFactorIsOff when nothing was begun."""
        if self.second_factor is None:
            raise TwoFactorIsOff
        return self.second_factor

    def change_password(self, password_hash: str, *, now: datetime, keeping: UUID | None = None) -> None:
        self.trigger_event(ModeratorPasswordChanged, password_hash=password_hash, keeping=keeping, timestamp=now)

    def end_session(self, session: UUID, *, now: datetime) -> None:
        if session not in self.ended.single:
            self.trigger_event(SessionEnded, session=session, timestamp=now)

    def end_sessions(self, *, now: datetime, keeping: UUID | None = None) -> None:
        self.trigger_event(SessionsEnded, keeping=keeping, timestamp=now)

    def begin_two_factor(self, secret: str, *, now: datetime) -> None:
        """Keeps a sealed secret until a code proves it; another one replaces it. Raises TwoFactorIsOn."""
        if self.two_factor:
            raise TwoFactorIsOn
        self.trigger_event(TwoFactorBegun, secret=secret, timestamp=now)

    def turn_on_two_factor(self, step: int, recovery: tuple[str, ...], *, now: datetime) -> None:
        """Raises TwoFactorIsOn, or TwoFactorIsOff when nothing was begun."""
        if self.known_factor.on:
            raise TwoFactorIsOn
        self.trigger_event(TwoFactorTurnedOn, step=step, recovery=recovery, timestamp=now)

    def use_step(self, step: int, *, now: datetime) -> None:
        """A code counts once, whichever process takes it. Raises WrongCode, TwoFactorIsOff."""
        if step <= self._factor_in_use().step:
            raise WrongCode
        self.trigger_event(TwoFactorStepUsed, step=step, timestamp=now)

    def use_recovery_code(self, code: str, *, now: datetime) -> None:
        """By its hash. Raises WrongCode, TwoFactorIsOff."""
        if code not in self._factor_in_use().recovery:
            raise WrongCode
        self.trigger_event(RecoveryCodeUsed, code=code, timestamp=now)

    def renew_recovery_codes(self, recovery: tuple[str, ...], *, now: datetime) -> None:
        """Raises TwoFactorIsOff."""
        self._factor_in_use()
        self.trigger_event(RecoveryCodesRenewed, recovery=recovery, timestamp=now)

    def turn_off_two_factor(self, *, now: datetime) -> None:
        """Their own decision, proven with a code."""
        if self.second_factor is not None:
            self.trigger_event(TwoFactorTurnedOff, timestamp=now)

    def reset_two_factor(self, *, now: datetime) -> None:
        """What somebody else does for a person who lost the phone: the password alone is enough again."""
        if self.two_factor:
            self.trigger_event(TwoFactorReset, timestamp=now)

    def _factor_in_use(self) -> SecondFactor:
        if not self.two_factor:
            raise TwoFactorIsOff
        return self.known_factor
