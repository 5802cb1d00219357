"""What the `data` of each frame looks like. Nothing here runs: frames are made of dicts, and tests hold them to it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pulse.shapes import ABSENT, Shape


class Heard(Shape):
    """What any frame may say of itself."""

    cut: Annotated[bool, Field(examples=[True], description="texts are shortened: the rest is read over HTTP")] = ABSENT


class Cut(Shape):
    """All that is left of what fits into no frame, shortened or not: it is read over HTTP."""

    cut: Annotated[bool, Field(examples=[True])]
    chat_id: Annotated[str, Field(examples=["73803345-05ec-5922-81a8-7f2f572c0bdc"])] = ABSENT
