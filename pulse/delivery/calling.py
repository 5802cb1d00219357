"""Makes one call to a channel. However it ends, it ends as `channels/calls.py` says, and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from pulse.channels import Channel, File
from pulse.channels.calls import CallFailed, MaybeSent, NeverDelivered, NotNow
from pulse.delivery.turns import Turn
from pulse.errors import Trouble
from pulse.message import Attachment

CALL_SECONDS, UPLOAD_SECONDS = 30.0, 300.0

log = structlog.get_logger(__name__)

ReadFile = Callable[[Attachment], Awaitable[File]]


async def make_call(driver: Channel, turn: Turn, read_file: ReadFile) -> str | None:
    """Sends a piece and returns the channel's id of it, if it names one. Raises CallFailed."""
    seconds = UPLOAD_SECONDS if turn.attachment else CALL_SECONDS
    called = False
    try:
        async with asyncio.timeout(seconds):
            file = await _file(turn, read_file)
            called = True
            return await driver.send(turn.with_file(file))
    except CallFailed:
        raise
    except TimeoutError:
        if not called:
            raise NotNow("The file could not be read in time.") from None
        raise MaybeSent(f"The channel did not answer in {seconds:.0f} seconds.") from None
    except Exception as error:  # noqa: BLE001 a driver's fault must not end all sending; its words may hold a token
        log.error("delivery.unforeseen", source=str(driver.account.id), error=type(error).__name__)  # noqa: TRY400
        raise MaybeSent("Sending stopped at a fault of Pulse's own; an admin finds it in the log.") from None


async def _file(turn: Turn, read_file: ReadFile) -> File | None:
    """What the piece carries. Raises NotNow, NeverDelivered: nothing was called yet."""
    if turn.attachment is None:
        return None
    try:
        return await read_file(turn.attachment)
    except FileNotFoundError:
        raise NeverDelivered("The file is not in Pulse's storage any more.") from None
    except Trouble as trouble:
        raise NotNow(f"Pulse's storage of files is away ({trouble.code}).") from None
