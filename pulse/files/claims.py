"""Claims: what an uploader gets for a file, and what the file becomes in the message that names its claim."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from pulse.files.uploads import Uploaded
from pulse.message import Attachment
from pulse.tokens import FileClaim, Signer


def claimed(uploads: Sequence[Uploaded], chat: UUID, signer: Signer, now: datetime) -> list[dict[str, Any]]:
    """What is answered: each file with its claim. Nothing is stored until a message names it."""
    issued = int(now.timestamp())
    return [
        {"claim": signer.file_claim(FileClaim(chat, uuid4(), *_says(one), issued)), **_shown(one)} for one in uploads
    ]


def attachments_of(claims: Sequence[str], chat: UUID, signer: Signer, now: datetime) -> tuple[Attachment, ...]:
    """The files that claims stand for, each once. Raises NotAClaim."""
    read = (signer.read_file_claim(claim, chat, now) for claim in dict.fromkeys(claims))
    return tuple(
        Attachment(one.kind, name=one.name, mime=one.mime, size=one.size, file=str(one.file), sha256=one.sha256)
        for one in read
    )


def _says(one: Uploaded) -> tuple[str, str, str, str, int]:
    return one.sha256, one.kind, one.name, one.mime, one.size


def _shown(one: Uploaded) -> dict[str, Any]:
    return {"kind": one.kind, "name": one.name, "mime": one.mime, "size": one.size}
