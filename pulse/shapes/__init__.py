"""What rows and entries look like to people, described once: for the API's document, and for frames."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

# Of a field that need not be there, and is never null when it is.
ABSENT: Any = None


class Shape(BaseModel):
    """A thing as people are shown it. Its fields carry `examples`, of which documents make whole ones.

    Nothing is built of it before somebody asks for a document: what is sent is encoded from dicts as they are, and tests
    hold it to its shape.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)


class Change(Shape):
    """A row of which only what changed is told, but for the fields that are there `ALWAYS`."""

    ALWAYS: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        for name, field in cls.model_fields.items():
            if name not in cls.ALWAYS and field.is_required():
                field.default = ABSENT
