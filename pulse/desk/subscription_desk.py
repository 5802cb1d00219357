"""Who may subscribe to what, and the signatures that say so to sockets. One decision, whichever door asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import orjson
from msgspec import to_builtins
from pydantic import Field

from pulse.access import Person, Subscription, may_watch
from pulse.channel_rights import ChannelRights
from pulse.desk.answers import Shown
from pulse.desk.guard import Caller, Guard
from pulse.errors import NotAllowed
from pulse.eventlog.store import EventStore
from pulse.pusher_app import WATCHED, PusherApp


class NotYourChannel(NotAllowed):
    """You may not subscribe to this channel."""


class Signed(Shown):
    """What a client sends on as it is: `channel_data` is signed too. `shared_secret` opens an encrypted channel."""

    auth: Annotated[str, Field(examples=["pulse:3f1a…"])]
    channel_data: Annotated[str, Field(examples=['{"user_id":"76b3650b-e037-5e26-acd4-70d922a03793"}'])]
    shared_secret: Annotated[str | None, Field(examples=["Wm0dYJ0vJHyuEGTkFsrbH1Hm2cmNQ1rD6bTbGMBJ1tA="])] = None


class SignedUser(Shown):
    """What a client sends on with `pusher:signin`; `user_data` names who it is, and whom they watch."""

    auth: Annotated[str, Field(examples=["pulse:3f1a…"])]
    user_data: Annotated[str, Field(examples=['{"id":"76b3650b-e037-5e26-acd4-70d922a03793"}'])]


class SubscriptionDesk:
    def __init__(self, guard: Guard, store: EventStore, app: PusherApp) -> None:
        self.guard = guard
        self.rights = ChannelRights(guard.directory, store)
        self.app = app

    async def sign(self, caller: Caller, socket_id: str, channel: str) -> Signed:
        """Raises NotYourChannel, AppDisabled."""
        [signed] = await self.sign_each(caller, socket_id, [channel])
        if signed is None:
            raise NotYourChannel
        return signed

    async def sign_each(self, caller: Caller, socket_id: str, channels: Sequence[str]) -> list[Signed | None]:
        """In their order, None for those that are not theirs. Raises AppDisabled."""
        self.app.require_enabled()
        asked = [Subscription.named(channel) for channel in channels]
        theirs = await self._theirs(caller.person, {one for one in asked if one is not None})
        return [
            self._signed(caller, socket_id, channel) if one in theirs else None
            for channel, one in zip(channels, asked, strict=True)
        ]

    def sign_user(self, caller: Caller, socket_id: str) -> SignedUser:
        """The socket is this person's from then on, until their session ends. Raises AppDisabled."""
        self.app.require_enabled()
        said = {"id": str(caller.person.id), **_about(caller), "watchlist": self._watched(caller)}
        user_data = orjson.dumps(said).decode()
        return SignedUser(auth=self.guard.signer.user_sign_in(self.app.key, socket_id, user_data), user_data=user_data)

    async def _theirs(self, person: Person, asked: set[Subscription]) -> set[Subscription]:
        """However many name a chat, it is looked at once."""
        chats = {one.chat for one in asked if one.chat is not None}
        places = dict(zip(chats, await asyncio.gather(*map(self.rights.place, chats)), strict=True))
        return {one for one in asked if self.rights.given(one, places.get(one.chat) if one.chat else None)(person)}

    def _signed(self, caller: Caller, socket_id: str, channel: str) -> Signed:
        channel_data = orjson.dumps({"user_id": str(caller.person.id), **_about(caller)}).decode()
        named = Subscription.named(channel)
        return Signed(
            auth=self.guard.signer.subscription(self.app.key, socket_id, channel, channel_data),
            channel_data=channel_data,
            shared_secret=self.app.shared_secret(channel) if named is not None and named.is_encrypted else None,
        )

    def _watched(self, caller: Caller) -> list[str]:
        others = [one for one in self.guard.directory.active() if may_watch(caller.person, one)]
        others.sort(key=lambda one: (one.name.casefold(), one.id))
        return [str(one.id) for one in others[:WATCHED]]


def _about(caller: Caller) -> dict[str, object]:
    """What others may see of a person, and their session: the socket ends with it, and rights are asked again."""
    return {"user_info": {"name": caller.person.name}, "session": to_builtins(caller.session)}
