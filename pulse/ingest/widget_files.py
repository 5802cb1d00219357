"""The widget's files: a visitor reads those of their own chat, and brings some of their own."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse.aggregates.source import Source
from pulse.blobs import Blobs
from pulse.channels.web import Web
from pulse.errors import NotFound
from pulse.files.answers import Served, answer_file, as_shown
from pulse.files.claims import claimed
from pulse.files.previews import Previews
from pulse.files.uploads import Rules, take_uploads
from pulse.http import answer
from pulse.ingest.widget import Widget
from pulse.limits import Rate, network_of
from pulse.projections import files
from pulse.projections.reads import as_uuid

LIMIT = 20 * 1024 * 1024  # unless the source says otherwise (its setting `file_limit_mb`)
# What a visitor may bring unless the source says otherwise (its setting `file_types`).
TYPES = (
    "image/png", "image/jpeg", "image/gif", "image/webp", "image/heic", "audio/*", "video/*", "application/pdf",
    "text/plain", "application/vnd.openxmlformats-officedocument.*",
)  # fmt: skip


class WidgetFiles:
    """The routes beside the widget's own."""

    def __init__(self, widget: Widget, blobs: Blobs) -> None:
        self.widget = widget
        self.blobs = blobs
        self.previews = Previews(blobs)
        self._visitors = Rate(per_second=0.05, burst=10, name="uploads")
        self._networks = Rate(per_second=0.2, burst=60, name="uploads-of-address")
        self._reads = Rate(per_second=20, burst=100, name="files")

    def routes(self) -> list[Route]:
        cors = self.widget.cors
        return [
            Route("/api/widget/files", cors(self.upload), methods=["POST", "OPTIONS"]),
            Route("/api/widget/files/{id}", cors(self.get_file), methods=["GET", "HEAD", "OPTIONS"]),
        ]

    async def upload(self, request: Request) -> Response:
        """Multipart: each file answers with a `claim` for the visitor's next message. A blocked one brings nothing."""
        visit = self.widget.visit(request)
        self._visitors.require(visit.chat)
        self._networks.require(network_of(request.client.host if request.client else ""))
        source, _ = await self.widget.taking(visit)
        rules = visitor_rules(source)
        uploads = await take_uploads(request, self.blobs, rules)
        return answer({"files": claimed(uploads, visit.chat, self.widget.signer, self.widget.clock())}, 201)

    async def get_file(self, request: Request) -> Response:
        """A file of the visitor's own chat; anybody else's does not exist."""
        visit = self.widget.visit(request)
        self._reads.require(visit.chat)
        found = await files.one(self.widget.reads, self.widget.intake.store.log, as_uuid(request.path_params["id"]))
        if found.chat_id != visit.chat:
            raise NotFound
        # Pages elsewhere embed the widget, so the bytes may cross; only with this chat's token do they leave.
        original = Served(found.sha256, found.size, found.mime, found.name, str(found.id), policy="cross-origin")
        asked = request.query_params.get("preview")
        shown = await as_shown(
            original, self.previews, visit.chat, preview=None if asked is None else asked == "1", kind=found.kind
        )
        return await answer_file(request, self.blobs, shown)


def visitor_rules(source: Source) -> Rules:
    """What visitors of a website may bring."""
    channel = Web.capabilities
    limit = source.largest_file(channel.file_limit, usual=LIMIT)
    return Rules(limit, channel.kinds, source.file_types or TYPES)
