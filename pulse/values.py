"""Values: small frozen things that pass from hand to hand, many of them for each message."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """A frozen dataclass. Only the type checker holds it: at run time the constructor would be three times slower."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
