"""`/api/files/{id}` and uploads to a chat: what moderators see and send beside text."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, Place, may_reply, may_see
from pulse.aggregates.chat import Chat
from pulse.blobs import Blobs
from pulse.channels.table import CHANNELS
from pulse.desk.answers import Responses, Shown, refuses, shows
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.eventlog.store import EventStore
from pulse.files.answers import Served, answer_file, as_shown
from pulse.files.claims import claimed
from pulse.files.previews import Previews
from pulse.files.uploads import NotThisType, Rules, take_uploads
from pulse.http import answer
from pulse.limits import Rate
from pulse.projections import files
from pulse.projections.reads import Reads

FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "file": {
                        "type": "array",
                        "items": {"type": "string", "format": "binary"},
                        "examples": [["cat.jpg"]],
                    }
                },
            }
        }
    },
}
ANY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "examples": ["\u2026"]}}}
BYTES: Responses = {
    200: {"description": "the bytes; photos made anew and inline, anything else as an attachment", "content": ANY},
    206: {"description": "a part of them, as `Range` asked", "content": ANY},
    304: {"description": "unchanged: `If-None-Match` names it"},
    416: {"description": "there is no such part"},
}


class UploadRow(Shown):
    """A file that was taken; a reply that names its `claim` within a day carries it."""

    claim: Annotated[str, Field(examples=["v1.k1.eyJ…"])]
    kind: Annotated[str, Field(examples=["photo"])]
    name: Annotated[str, Field(examples=["cat.jpg"])]
    mime: Annotated[str, Field(examples=["image/jpeg"])]
    size: Annotated[int, Field(examples=[48_213])]


class Uploads(Shown):
    files: list[UploadRow]


def file_routes(guard: Guard, store: EventStore, reads: Reads, blobs: Blobs) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["files"])
    previews = Previews(blobs)
    rate = Rate(per_second=1, burst=30, name="uploads")
    Asking = Annotated[Person, Depends(guard.person)]

    @router.head("/files/{file_id}", include_in_schema=False)
    @router.get("/files/{file_id}", response_class=Response, responses=BYTES)
    async def get_file(
        file_id: UUID, request: Request, person: Asking, preview: Annotated[bool | None, Query()] = None
    ) -> Response:
        """A file of a chat you may see. `preview=1`: an image made anew; `preview=0`: the original, also of a photo."""
        found = await files.one(reads, store.log, file_id)
        if not may_see(person, found.place):
            raise NotFound
        original = Served(found.sha256, found.size, found.mime, found.name, str(found.id))
        shown = await as_shown(original, previews, found.chat_id, preview=preview, kind=found.kind)
        return await answer_file(request, blobs, shown)

    @router.post(
        "/chats/{chat_id}/files",
        status_code=201,
        responses=shows(Uploads, "taken", 201) | refuses(NotThisType),
        openapi_extra={"requestBody": FORM},
    )
    async def bring_files(chat_id: UUID, request: Request, person: Asking) -> Response:
        """Takes files for a reply. Each answers with a `claim`; a reply that names it within a day carries the file."""
        rate.require(person.id)
        chat = await store.look(Chat, chat_id)
        if chat is None or not may_reply(person, Place(chat.department_id, chat.holder_id)):
            raise NotFound
        source = guard.directory.source(chat.source_id)
        channel = CHANNELS[source.channel].capabilities
        rules = Rules(source.largest_file(channel.file_limit), channel.kinds)
        uploads = await take_uploads(request, blobs, rules)
        return answer({"files": claimed(uploads, chat_id, guard.signer, guard.clock())}, 201)

    return router
