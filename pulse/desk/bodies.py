"""What callers send to the desk."""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """A JSON body. A field nobody knows is refused: a misspelt one would silently mean something else."""

    model_config = ConfigDict(extra="forbid")
