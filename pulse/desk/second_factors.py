"""The second factor of signing in: what is shown to an authenticator app, and whether a code proves it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from pulse import totp
from pulse.aggregates.moderator import Moderator
from pulse.aggregates.moderator_sign_in import WrongCode
from pulse.desk.bodies import Body
from pulse.vault import Vault


class Proof(Body):
    """One of the two: six digits of the app, or a recovery code."""

    code: Annotated[str | None, Field(max_length=20, examples=["492039"])] = None
    recovery_code: Annotated[str | None, Field(max_length=100, examples=["abcdef-ghijkm-npqrst-uvwxyz"])] = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.code is None) == (self.recovery_code is None):
            raise ValueError("send either code or recovery_code")
        return self


class SecondFactors:
    """Decisions of a moderator's own; all of them run inside one append, so a code counts once everywhere."""

    def __init__(self, vault: Vault, clock: Callable[[], datetime]) -> None:
        self._vault = vault
        self._clock = clock

    def begin(self, moderator: Moderator, secret: str) -> None:
        """Raises TwoFactorIsOn."""
        moderator.begin_two_factor(self._vault.seal(secret.encode(), _purpose(moderator)), now=self._clock())

    def turn_on(self, moderator: Moderator, code: str, recovery: tuple[str, ...]) -> None:
        """Raises WrongCode, TwoFactorIsOn, TwoFactorIsOff."""
        moderator.turn_on_two_factor(self._step(moderator, code), _hashes(recovery), now=self._clock())

    def renew(self, moderator: Moderator, proof: Proof, recovery: tuple[str, ...]) -> None:
        """Raises WrongCode, TwoFactorIsOff."""
        self.prove(moderator, proof)
        moderator.renew_recovery_codes(_hashes(recovery), now=self._clock())

    def turn_off(self, moderator: Moderator, proof: Proof) -> None:
        """Raises WrongCode, TwoFactorIsOff."""
        self.prove(moderator, proof)
        moderator.turn_off_two_factor(now=self._clock())

    def prove(self, moderator: Moderator, proof: Proof) -> None:
        """The proof counts, and never again. Raises WrongCode, TwoFactorIsOff."""
        if proof.code is not None:
            moderator.use_step(self._step(moderator, proof.code), now=self._clock())
        else:
            moderator.use_recovery_code(totp.recovery_hash(proof.recovery_code or ""), now=self._clock())

    def _step(self, moderator: Moderator, code: str) -> int:
        secret = self._vault.unseal(moderator.known_factor.secret, _purpose(moderator)).decode()
        step = totp.step_of(secret, code, self._clock())
        if step is None:
            raise WrongCode
        return step


def _hashes(recovery: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(totp.recovery_hash(one) for one in recovery)


def _purpose(moderator: Moderator) -> str:
    return f"moderator:{moderator.id}:totp"
