"""What this process itself has: how many connections sit where, and what of it the others have not been told."""

from __future__ import annotations

from collections.abc import Iterator

from pulse.roster.merged import Merged
from pulse.roster.words import Beat, Info, Line, News, Seat, Whole, pages


class Own:
    """Its lines lie in the merged table, like those of every other process."""

    def __init__(self, process: str, merged: Merged) -> None:
        self.process = process
        self.number = 0
        self._merged = merged
        self._connections: dict[Seat, int] = {}
        self._untold: dict[Seat, None] = {}

    def add(self, seat: Seat, info: Info | None, now: float) -> None:
        """One connection more. The newest that says anything of its person is believed."""
        many = self._connections[seat] = self._connections.get(seat, 0) + 1
        known = self._merged.held(self.process, seat)
        if seat[1] is None:
            self._put((*seat, many), now)
        elif known is None or (info and info != known):
            self._put((*seat, info or {}), now)

    def take(self, seat: Seat, now: float) -> None:
        """One connection less; nothing where there was none."""
        many = self._connections.pop(seat, 0) - 1
        if many > 0:
            self._connections[seat] = many
        if many == 0 or (many > 0 and seat[1] is None):
            self._put((*seat, many or None), now)

    @property
    def is_told(self) -> bool:
        return not self._untold

    def tell(self) -> Iterator[News]:
        """What has changed; from now on it counts as told."""
        untold, self._untold = self._untold, {}
        for page in pages((*seat, self._merged.held(self.process, seat)) for seat in untold):
            self.number += 1
            yield News(self.process, self.number, page)

    def beat(self) -> Beat:
        return Beat(self.process, self.number)

    def whole(self) -> list[Whole]:
        """Everything. Call it when all is told: what one number says must be the same for whoever asks."""
        assert self.is_told
        found = list(pages(self._merged.lines(self.process))) or [[]]
        return [Whole(self.process, self.number, part, len(found), page) for part, page in enumerate(found)]

    def _put(self, line: Line, now: float) -> None:
        self._merged.put(self.process, line, now)
        self._untold[line[:2]] = None
