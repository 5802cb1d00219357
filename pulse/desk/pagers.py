"""`/api/settings/telegram`: the Telegram chat where a moderator is told of work."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.aggregates.pager import Pager, PagerOffered, Wishes, pager_id
from pulse.aggregates.source import Source
from pulse.desk.answers import WRITTEN, Shown, Written, done, refuses, shows
from pulse.desk.bodies import Body
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Guard
from pulse.errors import NotFound, Refusal
from pulse.eventlog.store import EventStore
from pulse.http import answer
from pulse.pager_codes import new_code
from pulse.shapes.rooms import WHEN

CHANNEL = "telegram"


class NoBot(Refusal):
    """No Telegram bot is connected; an admin can connect one."""


class OfferedLink(Written):
    """`link` opens the bot; without one (Pulse knows no `username` of it) the `code` is sent to it as `/start <code>`."""

    code: Annotated[str, Field(examples=["pager-q2f4"])]
    link: Annotated[str | None, Field(examples=["https://t.me/pulse_bot?start=pager-q2f4"])]
    until: Annotated[str, Field(examples=[WHEN])]


class PagerRow(Shown):
    linked: Annotated[bool, Field(examples=[True])]
    name: Annotated[str, Field(examples=["Anna"])]
    since: Annotated[str | None, Field(examples=[WHEN])]
    new_chats: Annotated[bool, Field(examples=[True])]
    assigned: Annotated[bool, Field(examples=[True])]
    mentions: Annotated[bool, Field(examples=[True])]
    quiet_when_away: Annotated[bool, Field(examples=[True])]
    whole_text: Annotated[bool, Field(examples=[False])]


class WantedLink(Body):
    """The bot (a connected source); the first one by default."""

    source: Annotated[UUID | None, Field(examples=[None])] = None


class ChangedWishes(Body):
    """What is given is changed, the rest stays."""

    new_chats: Annotated[bool | None, Field(examples=[True])] = None
    assigned: Annotated[bool | None, Field(examples=[True])] = None
    mentions: Annotated[bool | None, Field(examples=[True])] = None
    quiet_when_away: Annotated[bool | None, Field(examples=[True])] = None
    whole_text: Annotated[bool | None, Field(examples=[False])] = None


def pager_routes(guard: Guard, store: EventStore, decisions: Decisions) -> APIRouter:
    router = APIRouter(prefix="/api/settings/telegram", tags=["notifications"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.get("", responses=shows(PagerRow))
    async def show_telegram(person: Asking) -> Response:
        """Whether a Telegram is linked, and what is told there."""
        return answer(_shown(await store.load(Pager, pager_id(person.id))))

    @router.post("", responses=refuses(NotFound) | {200: {**WRITTEN, "model": OfferedLink}})
    async def link_telegram(person: Asking, wanted: WantedLink | None = None) -> Response:
        """A link that, opened in Telegram within a quarter of an hour, links that Telegram. It counts once."""
        source, code = _bot(guard, (wanted or WantedLink()).source), new_code(person.id)

        def offer(known: Pager | None) -> Pager:
            pager = known or Pager.begin(person.id, now=guard.clock())
            pager.make_offer(source.id, code, now=guard.clock())
            return pager

        decided = await store.decide(Pager, pager_id(person.id), offer, by=by_moderator(person.id))
        [until] = [event.until for event in decided.events if isinstance(event, PagerOffered)]
        return done(decided, code=code, link=_link(source, code), until=until)

    @router.patch("", responses=refuses(NotFound) | {200: WRITTEN})
    async def change_telegram(wanted: ChangedWishes, person: Asking) -> Response:
        """What you want to be told there."""

        def decision(pager: Pager) -> None:
            pager.wish(replace(pager.wishes, **wanted.model_dump(exclude_none=True)), now=guard.clock())

        return done(await decisions.decide(person, Pager, pager_id(person.id), decision))

    @router.delete("", responses={200: WRITTEN})
    async def unlink_telegram(person: Asking) -> Response:
        """Nothing is told there any more, and a link that was not opened yet does not count."""
        pager = pager_id(person.id)
        return done(await decisions.decide(person, Pager, pager, lambda mine: mine.unlink(now=guard.clock())))

    return router


def _bot(guard: Guard, wanted: UUID | None) -> Source:
    """Never one that is switched off: it would not even hear that its link was opened. Raises NoBot, NotFound."""
    bots = sorted(
        (one for one in guard.directory.sources() if one.channel == CHANNEL and not one.disabled),
        key=lambda bot: bot.created_on,
    )
    if wanted is None:
        if not bots:
            raise NoBot
        return bots[0]
    for bot in bots:
        if bot.id == wanted:
            return bot
    raise NotFound("There is no such bot.")


def _link(source: Source, code: str) -> str | None:
    username = source.settings.get("username", "").removeprefix("@")
    return f"https://t.me/{username}?start={code}" if username else None


def _shown(pager: Pager | None) -> dict[str, Any]:
    wishes = pager.wishes if pager else Wishes()
    linked = pager.linked_at if pager else None
    return {
        "linked": linked is not None, "name": pager.name if pager else "", "since": linked,
        "new_chats": wishes.new_chats, "assigned": wishes.assigned, "mentions": wishes.mentions,
        "quiet_when_away": wishes.quiet_when_away, "whole_text": wishes.whole_text,
    }  # fmt: skip
