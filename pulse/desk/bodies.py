"""What callers send to the desk."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict

# Postgres can't store NUL, so an event that holds one would park its chat.
WITHOUT_NUL = r"^[^\x00]*$"

Limit = Annotated[int, Query(ge=1, le=200, description="how many, 200 at most")]


class Body(BaseModel):
    """A JSON body. A field nobody knows is refused: a misspelt one would silently mean something else."""

    model_config = ConfigDict(extra="forbid")
