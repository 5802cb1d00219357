"""What proves that a Pusher client may subscribe, and as whom: a signature, or that it signed in before.

https://pusher.com/docs/channels/library_auth_reference/auth-signatures/
"""

from __future__ import annotations

import hmac
from uuid import UUID

from msgspec import convert

from pulse.access import Subscription, may_subscribe, needs_signature, sign_in_will_do
from pulse.directory import Directory
from pulse.errors import NotAuthentic
from pulse.http import json_object
from pulse.push.frames import Data
from pulse.push.names import PRESENCE
from pulse.push.peers import OPEN, Peer, Ticket
from pulse.tokens import NO_SESSION, Session, Signer, Staff


class Tickets:
    """`key` is the app's, which stands in front of each signature."""

    def __init__(self, directory: Directory, signer: Signer, key: str) -> None:
        self.directory = directory
        self.signer = signer
        self.key = key

    def of(self, peer: Peer, channel: str, data: Data) -> Ticket:
        """For one subscription. Raises NotAuthentic."""
        if not needs_signature(channel):
            return OPEN
        auth, channel_data = data.get("auth"), data.get("channel_data")
        if not auth and peer.user is not None and sign_in_will_do(channel):
            return self._of_signed_in(peer, channel)
        if not isinstance(auth, str) or not isinstance(channel_data, str | None):
            raise NotAuthentic
        expected = self.signer.subscription(self.key, peer.socket_id, channel, channel_data)
        if not hmac.compare_digest(expected.encode(), auth.encode("utf-8", "replace")):
            raise NotAuthentic("The signature does not fit.")
        if channel.startswith(PRESENCE):
            return self._of_member(peer, channel_data)
        return OPEN if channel_data is None else self._named_in(json_object(channel_data), member=None)

    def _of_signed_in(self, peer: Peer, channel: str) -> Ticket:
        """A channel that clients ask no signature for: its name says whose it is. Raises NotAuthentic."""
        assert peer.user is not None
        if channel == f"#server-to-user-{peer.user.id}":
            return Ticket(peer.user.staff)
        named, staff = Subscription.named(channel), peer.user.staff
        person = self.directory.signed_in(staff) if staff else None
        if named is None or person is None or not may_subscribe(person, named, None):
            raise NotAuthentic("This channel is not yours.")
        return Ticket(staff)

    def _of_member(self, peer: Peer, channel_data: str | None) -> Ticket:
        """Who signed in needs no channel_data. Raises NotAuthentic."""
        if channel_data is None:
            if peer.user is None:
                raise NotAuthentic("A presence channel needs channel_data with a user_id, or a sign-in before.")
            return Ticket(peer.user.staff, peer.user.id, peer.user.info)
        said = json_object(channel_data)
        info = said.get("user_info")
        if not isinstance(said.get("user_id"), str | int) or not isinstance(info, dict | None):
            raise NotAuthentic("channel_data needs a user_id, and user_info that is an object.")
        return self._named_in(said, member=str(said["user_id"]))

    def _named_in(self, said: Data, member: str | None) -> Ticket:
        """Our auth endpoint names the moderator and their session; anybody else who can sign holds the secret."""
        staff = staff_in(said, "user_id", self.directory)
        if staff is not None and self.directory.signed_in(staff) is None:
            raise NotAuthentic("Sign in first.")
        return Ticket(staff, member, said.get("user_info"))


def staff_in(said: Data, name: str, directory: Directory) -> Staff | None:
    """The moderator and the session that were signed; None for somebody else's user. Raises NotAuthentic."""
    if not isinstance(said.get(name), str | int | None):
        raise NotAuthentic("The signature names nobody here.")
    person = _uuid(said.get(name))
    if "session" not in said:
        return Staff(person, NO_SESSION) if person is not None and directory.find_moderator(person) else None
    if person is None:
        raise NotAuthentic("The signature names nobody here.")
    try:
        return Staff(person, convert(said["session"], Session))
    except ValueError:
        raise NotAuthentic("The signature names nobody here.") from None


def _uuid(said: object) -> UUID | None:
    try:
        return UUID(said) if isinstance(said, str) else None
    except ValueError:
        return None
