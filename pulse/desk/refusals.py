"""Which errors an operation of the API can be answered with: this one place says it, by what the operation takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from pulse.desk.guard import SAFE, AdminsOnly, Guard, NotFromHere
from pulse.errors import (
    BadInput,
    LogDown,
    NotAllowed,
    NotAuthentic,
    NotFound,
    PulseError,
    ReadsDown,
    Refusal,
    TooLarge,
)
from pulse.files.uploads import NotThisType
from pulse.http import Invalid
from pulse.limits import TooOften

# The one an example shows, where several have the same status.
BY_STATUS: Mapping[int, type[PulseError]] = {
    error.status: error
    for error in (
        BadInput,
        NotAuthentic,
        NotAllowed,
        NotFound,
        Refusal,
        TooLarge,
        NotThisType,
        Invalid,
        TooOften,
        LogDown,
    )
}
ADMINS = frozenset({Guard.admin, Guard.admin_caller, Guard.reading_admin})

Operation = dict[str, Any]
Guards = Mapping[tuple[str, str], frozenset[Callable[..., Any]]]


def guards_of(routers: Iterable[APIRouter]) -> Guards:
    """Which of the guard's questions each route asks, by its address and method."""
    return {
        (route.path_format, method): frozenset(asked(route.dependant))
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def asked(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    """The guard's questions, also those that are asked on the way to another dependency."""
    for each in dependant.dependencies:
        if isinstance(getattr(each.call, "__self__", None), Guard):
            yield each.call.__func__  # type: ignore[union-attr]
        yield from asked(each)


def refusals_of(operation: Operation, method: str, guards: frozenset[Callable[..., Any]]) -> list[type[PulseError]]:
    """Of several with one status, the first is shown."""
    found: list[type[PulseError]] = [TooOften]
    if guards:
        found += [NotAuthentic]
        found += [AdminsOnly] if guards & ADMINS else []
        found += [NotFromHere] if method not in SAFE else []
    if "requestBody" in operation:
        found += [BadInput, TooLarge, Invalid]
    if operation.get("parameters"):
        found += [BadInput, Invalid]
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        found += [NotFound]
    return found + ([ReadsDown] if method in SAFE else [Refusal, LogDown])
