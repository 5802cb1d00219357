"""What replies and notes have in common: they are words in the thread, and the draft of one is gone when it is written."""

import contextlib
from typing import Annotated, Any
from uuid import UUID

from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person
from pulse.aggregates.chat import StaleReply
from pulse.desk.answers import Written, done, written
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.drafts import Drafts
from pulse.errors import ReadsDown
from pulse.eventlog.commands import Decided
from pulse.projections import thread
from pulse.projections.reads import Reads

SHOWN_BETWEEN = 50


class WrittenWord(Written):
    """Beside the command's answer, what was written is named by `id`."""

    id: Annotated[int, Field(examples=[7])]
    client_msg_id: Annotated[str | None, Field(examples=["a1"])]


WORD = written(WrittenWord)
WORD_BEFORE = written(WrittenWord, "it was written before, with the same `clientMsgId`")


class ChatWriting:
    """What is answered to whoever wrote, also where Postgres is away."""

    def __init__(self, desk: ChatDesk, drafts: Drafts, reads: Reads) -> None:
        self.desk = desk
        self._drafts = drafts
        self._reads = reads

    async def answer(
        self, person: Person, chat_id: UUID, decided: Decided, key: int | None, client_msg_id: str | None,
        *, note: bool = False,
    ) -> Response:  # fmt: skip
        """A draft that can't be reached now is thrown away by hand."""
        if not decided.events:
            number = await self.desk.version_of(chat_id, key)
            return done(decided, 200, id=number, client_msg_id=client_msg_id)
        with contextlib.suppress(ReadsDown):
            await self._drafts.sent(person, chat_id, note=note)
        return done(decided, 201, id=decided.version, client_msg_id=client_msg_id)

    async def stale(self, chat_id: UUID, seen: int, version: int) -> StaleReply:
        """With what came since the author looked; `version` is that of the last thing shown, where there is more."""
        between: list[dict[str, Any]] = []
        with contextlib.suppress(ReadsDown):
            await self._reads.wait_for_version(chat_id, version)
            page = await thread.page(self._reads, chat_id, limit=SHOWN_BETWEEN, before=None, after=seen, inside=True)
            between = [self.desk.with_sender(entry) for entry in page.items]
            version = between[-1]["id"] if page.next is not None else version
        return StaleReply(version=version, between=between)
