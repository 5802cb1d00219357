"""Law: every error stands in the tree on top of errors.py, belongs to one family, and has a sentence for people."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import pulse
from pulse import errors
from pulse.errors import BadInput, NotAuthentic, NotFound, PulseError, Refusal, Trouble, sentence

FAMILIES = {Refusal, BadInput, Trouble, NotAuthentic, NotFound}
BRANCH = re.compile(r"^(?P<depth>[│ ]*)(?P<end>[├└])── (?P<name>\w+)", re.MULTILINE)

for found in pkgutil.walk_packages(pulse.__path__, "pulse."):
    importlib.import_module(found.name)


def below(error: type[PulseError]) -> Iterator[type[PulseError]]:
    for child in error.__subclasses__():
        if child.__module__.startswith("pulse."):
            yield child
            yield from below(child)


ERRORS = list(below(PulseError))


def drawn() -> list[tuple[str, str]]:
    """Each error of the drawing, and the one it hangs from."""
    found, path = [], ["PulseError"]
    for branch in BRANCH.finditer(errors.__doc__ or ""):
        depth = len(branch["depth"]) // 4 + 1
        path = [*path[:depth], branch["name"]]
        found.append((branch["name"], path[-2]))
    return found


def test_the_tree_on_top_of_errors_shows_them_all_where_they_hang_and_once() -> None:
    assert sorted(drawn()) == sorted((error.__name__, error.__base__.__name__) for error in ERRORS if error.__base__)


def test_no_branch_of_the_tree_grows_under_its_end() -> None:
    under: list[str] = []
    for branch in reversed(list(BRANCH.finditer(errors.__doc__ or ""))):  # from below: what hangs lower is known
        depth = len(branch["depth"]) // 4
        beside = under[: depth + 1] + [" "] * (depth + 1 - len(under))
        assert branch["depth"] == "".join(f"{line}   " for line in beside[:depth]), branch["name"]
        assert branch["end"] == ("└" if beside[depth] == " " else "├"), branch["name"]
        under = [*beside[:depth], "│"]


def test_there_are_three_families_beside_not_authentic_and_not_found() -> None:
    assert {error for error in ERRORS if error.__base__ is PulseError} == FAMILIES


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_is_in_one_family_and_answered_as_its_family_is(error: type[PulseError]) -> None:
    [family] = [family for family in FAMILIES if issubclass(error, family)]
    assert error.status // 100 == (5 if family is Trouble and error.status != 429 else 4)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_has_a_sentence_for_people(error: type[PulseError]) -> None:
    assert "__doc__" in vars(error), "its family's sentence says too little"
    said = sentence(error)
    assert re.fullmatch(r"\w[^\n]{8,200}\.", said), said
    assert said[0].isupper() or said.startswith("nats-server"), said
    assert "Raises" not in said


def test_no_two_errors_have_the_same_code() -> None:
    codes = [error.__name__ for error in ERRORS]
    assert len(codes) == len(set(codes))
