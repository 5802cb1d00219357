"""What callers send to the desk."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from pulse.projections.thread import END

# Postgres can't store NUL, so an event that holds one would park its chat.
WITHOUT_NUL = r"^[^\x00]*$"

Limit = Annotated[int, Query(ge=1, le=200, description="how many, 200 at most")]
Cursor = Annotated[str | None, Query()]
Bound = Annotated[int | None, Query(ge=0, le=END, examples=[7])]
Claim = Annotated[str, Field(max_length=4096)]
ClientId = Annotated[str, Field(min_length=1, max_length=128, pattern=WITHOUT_NUL, examples=["a1"])]
Text = Annotated[str, Field(max_length=32_000, pattern=WITHOUT_NUL)]


class Body(BaseModel):
    """A JSON body. A field nobody knows is refused: a misspelt one would silently mean something else."""

    model_config = ConfigDict(extra="forbid")
