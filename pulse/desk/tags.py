"""`/api/tags`: the tags in use, to choose from."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, reach_of
from pulse.aggregates.chat_work import TAG_LIMIT, spelled
from pulse.desk.answers import Listed, Shown, shows, whole
from pulse.desk.bodies import WITHOUT_NUL, Limit
from pulse.desk.guard import Guard
from pulse.projections import tags
from pulse.projections.reads import Reads

Begins = Annotated[str, Query(max_length=TAG_LIMIT, pattern=WITHOUT_NUL, description="how the tag begins, in any case")]


class TagRow(Shown):
    """`chats` are those that you may see, closed ones too."""

    tag: Annotated[str, Field(examples=["invoice"])]
    chats: Annotated[int, Field(examples=[12])]


def tag_routes(guard: Guard, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/tags", tags=["chats"])

    @router.get("", responses=shows(Listed[TagRow]))
    async def list_tags(
        person: Annotated[Person, Depends(guard.reader)], text: Begins = "", limit: Limit = 50
    ) -> Response:
        """The tags in use in chats you may see, the most used first. What does not fit is found by `text`."""
        return whole(await tags.most_used(reads, reach_of(person), begins=spelled(text), limit=limit))

    return router
