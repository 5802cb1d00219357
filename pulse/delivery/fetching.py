"""Fetches one file from its channel into our own storage, never more of it and never longer than it may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import httpx2

from pulse.blobs import Blobs
from pulse.channels import Channel, Located
from pulse.channels.calls import NeverDelivered
from pulse.files.uploads import clean_name
from pulse.message import LARGEST_FILE, Attachment
from pulse.outside import AnswerTooLarge, ForbiddenAddress, NoAnswer, download, outside_client
from pulse.values import value

# A file may take this long, and a second more for each of so many bytes that it is said to have.
SECONDS = 60.0
SLOWEST = 256 * 1024
GONE = frozenset({400, 403, 404, 410})


@value
class Origins:
    """What is asked of others: the driver of a source, and the hosts inside that files may come from."""

    driver: Callable[[UUID], Channel | None]
    trusted: frozenset[str] = frozenset()
    limit: Callable[[UUID], int] = lambda _: LARGEST_FILE


class Fetching:
    def __init__(self, blobs: Blobs, origins: Origins) -> None:
        self._blobs = blobs
        self._origins = origins

    async def fetch(self, source_id: UUID, attachment: Attachment) -> Attachment:
        """The file as it lies in our storage. Raises NeverDelivered, AnswerTooLarge, ForbiddenAddress: it is lost;
        CallFailed, NoAnswer for the channel, other Trouble for us.
        """
        driver, ref = self._origins.driver(source_id), attachment.ref
        if driver is None or ref is None:
            raise NeverDelivered("Its source is not connected any more.")
        limit = self._origins.limit(source_id)
        if (attachment.size or 0) > limit:
            raise AnswerTooLarge
        located = await driver.locate(ref)
        if (located.size or 0) > limit:
            raise AnswerTooLarge
        seconds = SECONDS + (located.size or attachment.size or limit) / SLOWEST
        trusted = self._origins.trusted
        async with self._blobs.gather() as gathered, outside_client(_hosts(located), allow_private=trusted) as client:
            status = await download(client, located.url, gathered.add, limit=limit, seconds=seconds)
            if status in GONE:
                raise NeverDelivered("The channel has it no more.")
            if status != 200:
                raise NoAnswer
            kept = await gathered.keep()
        name = None if attachment.name is None else clean_name(attachment.name)
        return replace(attachment, file=str(uuid4()), sha256=kept.sha256, size=kept.size, mime=kept.mime, name=name)


def _hosts(located: Located) -> tuple[str, ...]:
    """Without a list, the one host it lies on. Raises ForbiddenAddress."""
    try:
        return located.hosts or (httpx2.URL(located.url).raw_host.decode("ascii"),)
    except httpx2.InvalidURL:
        raise ForbiddenAddress from None
