"""`pulse source rules`, `pulse department policy` and `pulse routing dry-run`: who gets new chats."""

from __future__ import annotations

import dataclasses
import json
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer
from pydantic import ValidationError

from pulse.accounts import BY
from pulse.aggregates.department import Department
from pulse.aggregates.department_policy import Policy, require_policy
from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.source import Source
from pulse.aggregates.source_rules import NotARule, Rule, require_rules
from pulse.commands.running import settings_here, with_house
from pulse.commands.sources import find_source
from pulse.commands.terminal import Json, err, out, show, show_json, show_rows, words_for_errors
from pulse.desk.dry_runs import name_in
from pulse.desk.faults import in_words
from pulse.desk.routing import Rules
from pulse.directory import Directory
from pulse.dry_run import ASSUMED, DryRun, Question, shown
from pulse.errors import BadInput
from pulse.house import House, now

app = typer.Typer(no_args_is_help=True, help="Who gets new chats.")

MOST_EVENTS = 10**12  # a terminal may wait; Ctrl-C ends it
COLUMNS = ("chat_id", "opened_at", "department", "by_rules", "rule", "by_policy")

Assign = Annotated[str, typer.Argument(help="none, round-robin or least-busy")]
MaxChats = Annotated[int | None, typer.Option(help="nobody gets more than so many open chats")]


def source_rules(
    source: Annotated[str, typer.Argument(metavar="ID", help="as `pulse source list` shows it")],
    file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="a JSON list; without it they are shown")
    ] = None,
    as_json: Json = False,
) -> None:
    """Sets the rules that send a source's new chats to its departments, or shows them."""
    said: dict[str, Any] = {}

    async def change(house: House) -> None:
        found = find_source(house, source)
        if file is None:
            said["rules"] = [_written(rule) for rule in found.rules]
            return
        rules = read_rules(file, house.directory)
        decided = await house.store.decide_known(Source, found.id, lambda it: it.change_rules(rules, now=now()), by=BY)
        said.update(rules=len(rules), changed=bool(decided.events))

    with_house(settings_here(), change)
    if file is None and not as_json:
        out.print_json(json.dumps(said["rules"]))
    else:
        show(said, as_json=as_json)


def department_policy(name: str, assign: Assign, max_chats: MaxChats = None, as_json: Json = False) -> None:
    """Sets how a department's free chats find their moderators."""
    said: dict[str, Any] = {}
    with words_for_errors():
        require_policy(policy := Policy(assign, max_chats))

    async def change(house: House) -> None:
        [department] = house.directory.departments_named([name])
        decided = await house.store.decide_known(
            Department, department, lambda it: it.change_policy(policy, now=now()), by=BY
        )
        said.update(assign=assign, max_chats=max_chats, changed=bool(decided.events))

    with_house(settings_here(), change)
    show(said, as_json=as_json)


@app.command("dry-run")
def dry_run(
    source: Annotated[str | None, typer.Option(metavar="ID", help="only this source's chats")] = None,
    rules: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="in place of its own")] = None,
    policy: Annotated[str | None, typer.Option(help="none, round-robin or least-busy, for all departments")] = None,
    max_chats: MaxChats = None,
    since: Annotated[datetime | None, typer.Option("--from", help="UTC")] = None,
    until: Annotated[datetime | None, typer.Option("--to", help="UTC")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="chats")] = 1000,
    moderator: Annotated[
        list[str] | None, typer.Option(help="an email; repeat. Without it, all of a department")
    ] = None,
    as_json: Json = False,
) -> None:
    """Shows who would have got the recorded chats. Changes nothing."""
    rows: list[dict[str, Any]] = []
    people = None if moderator is None else frozenset(map(moderator_id, moderator))
    asked = Question(since=_utc(since), until=_utc(until), limit=limit, moderators=people)

    async def run(house: House) -> None:
        whole = dataclasses.replace(asked, **_wanted(house, source, rules), policy=_policy(policy, max_chats))
        goal, dry = await house.log.last_position(), DryRun(house.log, house.directory, whole)
        with err.status("Reading …") as status:
            verdicts = dry.verdicts(MOST_EVENTS, lambda at: status.update(f"Reading … {at:,} of {goal:,} events"))
            async with aclosing(verdicts) as found:
                rows.extend([shown(verdict, name_in(house.directory)) async for verdict in found])

    with_house(settings_here(), run)
    if as_json:
        show_json({"items": rows, "assumed_online": ASSUMED})
        return
    show_rows(COLUMNS, [_flat(row) for row in rows])
    err.print(f"Online: {ASSUMED}.", soft_wrap=True, markup=False, highlight=False)


def read_rules(file: Path, directory: Directory) -> tuple[Rule, ...]:
    """The rules in a file, where departments may go by their names. Raises NotARule, UnknownDepartment."""
    try:
        parsed = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise NotARule(f"{file} is not JSON: {error}.") from None
    if not isinstance(parsed, list):
        raise NotARule(f"{file} holds no list of rules.")
    try:
        return Rules.model_validate({"rules": [_with_department(rule, directory) for rule in parsed]}).rules
    except ValidationError as error:
        fault = error.errors()[0]
        _, index, *place = fault["loc"]
        field = ".".join(map(str, place))
        raise NotARule(
            f"In rule {int(index) + 1}, {field or 'it'}: {in_words(fault)}", index=index, field=field
        ) from None


def _with_department(rule: Any, directory: Directory) -> Any:
    """With the id of a department that goes by its name."""
    if not isinstance(rule, dict) or not isinstance(rule.get("department"), str):
        return rule
    try:
        return rule | {"department": UUID(rule["department"])}
    except ValueError:
        return rule | {"department": directory.departments_named([rule["department"]])[0]}


def _wanted(house: House, source: str | None, rules: Path | None) -> dict[str, Any]:
    """Raises NotFound, NotARule, BadInput."""
    found = None if source is None else find_source(house, source)
    if rules is None:
        return {"source": found and found.id}
    if found is None:
        raise BadInput("Rules are of one source; say which with --source.")
    read = read_rules(rules, house.directory)
    require_rules(read, found.departments)
    return {"source": found.id, "rules": read}


def _policy(assign: str | None, max_chats: int | None) -> Policy | None:
    """Raises NotAPolicy."""
    if assign is None:
        return None
    require_policy(policy := Policy(assign, max_chats))
    return policy


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC)


def _written(rule: Rule) -> dict[str, Any]:
    """As a file of rules has it: only what the rule names."""
    said = {name: value for name, value in dataclasses.asdict(rule).items() if value not in (None, ())}
    return said | {"department": str(rule.department)}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    def name(one: dict[str, Any] | None) -> str | None:
        return None if one is None else str(one["name"])

    return {
        "chat_id": row["chat_id"], "opened_at": row["opened_at"][:19], "department": name(row["department"]),
        "by_rules": name(row["by_rules"]["department"]), "rule": row["by_rules"]["rule"],
        "by_policy": name(row["by_policy"]["moderator"]),
    }  # fmt: skip
