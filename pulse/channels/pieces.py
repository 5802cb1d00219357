"""A reply as the calls it takes: its text and its files in pieces, and what a channel can't carry at all."""

from __future__ import annotations

from math import ceil

from pulse.channels import Capabilities
from pulse.errors import Refusal
from pulse.message import Attachment
from pulse.texts import length_in, split_text

MOST_PIECES = 10


class CannotCarry(Refusal):
    """This channel can't carry this reply."""


def pieces_of(
    capabilities: Capabilities, text: str, attachments: tuple[Attachment, ...]
) -> list[tuple[str, Attachment | None]]:
    """One file with a text short enough is captioned by it; else the words go first, and then each file.

    The same reply always gives the same pieces: what goes on after a crash between two of them relies on it.
    """
    if len(attachments) == 1 and length_in(text, capabilities.units) <= capabilities.caption_limit:
        return [(text if text.strip() else "", attachments[0])]
    words = split_text(text, capabilities.text_limit, capabilities.units)
    return [*((piece, None) for piece in words), *(("", attachment) for attachment in attachments)]


def require_carried(capabilities: Capabilities, text: str, attachments: tuple[Attachment, ...]) -> None:
    """Raises CannotCarry, which says what this channel can't do. A file of unknown size is let through."""
    for attachment in attachments:
        require_file(capabilities, attachment)
    count = len(pieces_of(capabilities, text, attachments))
    if count > MOST_PIECES:
        raise CannotCarry(
            f"This reply would leave in {count} messages, and {MOST_PIECES} is the most. Make it shorter."
        )


def require_file(capabilities: Capabilities, attachment: Attachment) -> None:
    if attachment.kind not in capabilities.kinds or not capabilities.file_limit:
        raise CannotCarry(f"This channel can't carry files of this kind ({attachment.kind}).")
    if (attachment.size or 0) > capabilities.file_limit:
        found, most = megabytes(attachment.size or 0), megabytes(capabilities.file_limit)
        raise CannotCarry(f"This file has {found} MB, and this channel carries up to {most} MB.")


def megabytes(size: int) -> str:
    """Rounded up, so that what is too large also looks it."""
    return f"{ceil(10 * size / 2**20) / 10:g}"
