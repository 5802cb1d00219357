"""`pusher:signin`: a socket says whose it is, and whom its user watches.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/#user-sign-in
"""

from __future__ import annotations

import hmac

from pulse.errors import BadInput, NotAuthentic, PulseError
from pulse.http import json_object
from pulse.push.frames import Data
from pulse.push.hub import Hub
from pulse.push.peers import Peer, User, complain, say
from pulse.push.tickets import Tickets, staff_in
from pulse.push.watching import Watching
from pulse.pusher_app import WATCHED
from pulse.roster.admitting import require_user_id

REFUSED, TOO_MANY_WATCHED = 4009, 4302


class UserSignIn:
    def __init__(self, hub: Hub, tickets: Tickets, watching: Watching) -> None:
        self.hub = hub
        self.tickets = tickets
        self.watching = watching
        self.directory = tickets.directory

    def sign_in(self, peer: Peer, data: Data) -> None:
        """Once and for good. A refusal is told, and the socket stays as it was."""
        try:
            user_data = self._proven(peer, data)
            user = self._user(json_object(user_data))
        except PulseError as refusal:
            complain(peer, str(refusal), REFUSED)
            return
        if len(user.watchlist) > WATCHED:
            complain(peer, f"A watchlist names {WATCHED} people at most.", TOO_MANY_WATCHED)
            return
        if user.staff is not None and not self.hub.admits(peer, user.staff.person):
            return
        if peer.user is None:
            self.hub.sign_in(peer, user)
        elif peer.user.id != user.id:
            complain(peer, "This socket is somebody else's already.", REFUSED)
            return
        say(peer, "pusher:signin_success", {"user_data": user_data})
        if (online := self.watching.greeting(user)) is not None:
            peer.take(online)

    def _proven(self, peer: Peer, data: Data) -> str:
        """Raises NotAuthentic."""
        auth, user_data = data.get("auth"), data.get("user_data")
        if not isinstance(auth, str) or not isinstance(user_data, str):
            raise NotAuthentic
        expected = self.tickets.signer.user_sign_in(self.tickets.key, peer.socket_id, user_data)
        if not hmac.compare_digest(expected.encode(), auth.encode("utf-8", "replace")):
            raise NotAuthentic("The signature does not fit.")
        return user_data

    def _user(self, said: Data) -> User:
        """Raises NotAuthentic, BadInput."""
        user_id, info, watchlist = said.get("id"), said.get("user_info", {}), said.get("watchlist", [])
        if not isinstance(user_id, str) or not user_id:
            raise BadInput("user_data needs an id that is a text.")
        if not isinstance(info, dict) or not isinstance(watchlist, list):
            raise BadInput("user_info must be an object and watchlist a list.")
        staff = staff_in(said, "id", self.directory)
        if staff is not None and self.directory.signed_in(staff) is None:
            raise NotAuthentic("Sign in first.")
        return User(user_id, info, staff, tuple(map(_watched, watchlist)))


def _watched(said: object) -> str:
    """Raises BadInput, NotAUserId."""
    if not isinstance(said, str | int):
        raise BadInput("A watchlist names users by their ids, which are texts.")
    require_user_id(str(said))
    return str(said)
