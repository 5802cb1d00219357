"""How many public channels there may be: anybody may subscribe to any name, and every push process is told of each."""

from __future__ import annotations

from collections import Counter

from pulse.errors import TryLater

FROM_ONE_ADDRESS, IN_ALL = 4_000, 50_000


class TooManyPublicChannels(TryLater):
    """Too many public channels are subscribed to. Try again later, or unsubscribe from others."""

    status = 429


class PublicChannels:
    """Counts the different ones of this process: those of one address, and all. However many subscribe counts nothing.

    A site has a few, whoever looks at it; twice as many as an address may have sockets is two for each visitor.
    """

    def __init__(self, from_one_address: int = FROM_ONE_ADDRESS, in_all: int = IN_ALL) -> None:
        self._from_one_address = from_one_address
        self._in_all = in_all
        self._of: dict[str, Counter[str]] = {}  # by address: how often each is subscribed to from there
        self._everywhere: Counter[str] = Counter()  # from how many addresses

    def enter(self, address: str, channel: str) -> None:
        """One more subscription. Raises TooManyPublicChannels, for none that is there already."""
        theirs = self._of.get(address, Counter())
        if channel not in theirs:
            has_room = len(self._everywhere) < self._in_all or channel in self._everywhere
            if len(theirs) >= self._from_one_address or not has_room:
                raise TooManyPublicChannels
            self._everywhere[channel] += 1
        theirs[channel] += 1
        self._of[address] = theirs

    def leave(self, address: str, channel: str) -> None:
        """One that had entered."""
        theirs = self._of[address]
        if _took_last(theirs, channel):
            _took_last(self._everywhere, channel)
        if not theirs:
            del self._of[address]


def _took_last(counts: Counter[str], channel: str) -> bool:
    counts[channel] -= 1
    if gone := not counts[channel]:
        del counts[channel]
    return gone
