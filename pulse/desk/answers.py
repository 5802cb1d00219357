"""What the desk answers: commands with their position, and models that tell the API's document what rows look like.

The models check nothing while Pulse runs, answers are encoded from rows as they are; tests hold them to the document.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi.responses import Response
from pydantic import Field

from pulse.errors import PulseError
from pulse.eventlog.commands import Decided
from pulse.http import MEDIA_TYPE, Invalid, answer, described
from pulse.projections.paging import Page
from pulse.shapes import Shape

# Of a route, by status, for the API's document.
Responses = dict[int | str, dict[str, Any]]


class Shown(Shape):
    """What the API alone shows."""


Row = TypeVar("Row", bound=Shape)


class Listed(Shown, Generic[Row]):
    """A page of a list, and the cursors of the pages around it; null where there is none."""

    items: list[Row]
    next: Annotated[str | None, Field(examples=["before-1042"])]
    prev: Annotated[str | None, Field(examples=["after-1090"])]


class Written(Shown):
    """Where a command lies in the log, and the version of what it changed."""

    position: Annotated[int, Field(examples=[1042])]
    version: Annotated[int, Field(examples=[7])]


class WithSecret(Written):
    """Of what has a secret. It is shown this once, and only where Pulse made one up."""

    id: Annotated[UUID, Field(examples=["9d4fdd9f-de72-51a4-99a8-f302fa61f8fc"])]
    secret: Annotated[str | None, Field(examples=["whsec_cHVsc2UtZGVtby1wcm9kdWNlci1zZWNyZXQ="])]


def written(model: type[Written], description: str = "done, and on disk") -> dict[str, Any]:
    """What a command answers that says more than `Written`, for the API's document."""
    position = {
        "description": "where it lies; a read that sends it back sees it",
        "schema": {"type": "integer", "format": "int64"},
    }
    return {"description": description, "model": model, "headers": {"X-Pulse-Position": position}}


# What a command answers, for the API's document.
WRITTEN = written(Written)


def shows(model: Any, description: str = "found", status: int = 200) -> Responses:
    """What a route answers with, for the API's document: `responses=shows(Listed[ChatRow])`."""
    return {status: {"model": model, "description": description}}


def refuses(*errors: type[PulseError]) -> Responses:
    """Errors of a route's own, for the API's document; `refusals.py` knows those that it shares with others."""
    return {error.status: as_response(error) for error in errors}


def as_response(error: type[PulseError]) -> dict[str, Any]:
    """An error as a response of the document, with an example."""
    raised = error()
    example = described(raised.code, str(raised), raised.status)
    if error is Invalid:
        example["errors"] = [{"field": "limit", "message": "At most 200."}]
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": str(raised), "content": content}


def whole(items: Sequence[Any]) -> Response:
    """A list that has no pages."""
    return answer({"items": items, "next": None, "prev": None})


def paged(page: Page, items: Sequence[Any], **more: object) -> Response:
    """A page of a list, its rows as the API shows them."""
    return answer({**page.body(), "items": items, **more})


def done(decided: Decided, status: int = 200, **more: object) -> Response:
    """A command's answer: where it lies in the log, and the version of what it changed."""
    body = {"position": decided.position, "version": decided.version, **more}
    return answer(body, status, {"X-Pulse-Position": str(decided.position)})
