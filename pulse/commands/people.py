"""`pulse user …` and `pulse department …`: who answers, and where."""

from __future__ import annotations

import secrets as random_secrets
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import typer

from pulse.accounts import BY, Accounts
from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import ROLES, Moderator, UnknownRole, clean_email, moderator_id
from pulse.commands.running import ThereAlready, public_http, settings_here, with_house
from pulse.commands.terminal import Json, secret_of, show, show_rows, tell_of_argv, words_for_errors
from pulse.desk.invitations import shown
from pulse.errors import there
from pulse.eventlog.commands import Decided
from pulse.house import House, now
from pulse.people import Newcomer, People
from pulse.tokens import RESET_LIFE, Invitation

users = typer.Typer(no_args_is_help=True, help="Moderators and admins.")
departments = typer.Typer(no_args_is_help=True, help="Groups of moderators that chats are routed to.")


@users.command("add")
def add_user(
    email: str,
    name: str,
    role: Annotated[str, typer.Option(help="admin or moderator")] = "moderator",
    department: Annotated[list[str] | None, typer.Option(help="repeat for several")] = None,
    password: Annotated[str, typer.Option(envvar="PULSE_NEW_PASSWORD", help="empty: one is made; - asks for it")] = "",
    as_json: Json = False,
) -> None:
    """Adds a moderator or admin and prints the password if it was made up."""
    settings = settings_here()
    tell_of_argv(password=password)
    with words_for_errors():
        email = clean_email(email)
        if role not in ROLES:
            raise UnknownRole
        chosen = secret_of(password, "password") if password else random_secrets.token_urlsafe(12)

    async def invite(house: House) -> None:
        there_already = ThereAlready(f"{email} has an account already; nothing was changed.")
        if await house.store.load(Moderator, moderator_id(email)):
            raise there_already
        newcomer = Newcomer(email, name, role, house.directory.departments_named(department or []))
        if not (await _people(house).invite(newcomer, password=chosen, by=BY)).events:
            raise there_already

    with_house(settings, invite)
    show({"email": email, "role": role, "password": None if password else chosen}, as_json=as_json)


@users.command("list")
def list_users(as_json: Json = False) -> None:
    """Lists the people with their roles and departments."""
    rows: list[dict[str, Any]] = []

    async def look(house: House) -> None:
        for person in sorted(house.directory.moderators(), key=lambda known: known.email):
            theirs = [house.directory.department(department) for department in person.departments]
            rows.append({
                "id": str(person.id), "email": person.email, "name": person.name, "role": person.role,
                "departments": [department.name for department in theirs if department], "disabled": person.disabled,
                "two_factor": person.two_factor,
            })  # fmt: skip

    with_house(settings_here(), look)
    show_rows(("email", "name", "role", "departments", "disabled", "two_factor"), rows, as_json=as_json)


@users.command("reset-2fa")
def reset_two_factor(email: str, as_json: Json = False) -> None:
    """For somebody who lost phone and recovery codes: the password alone is enough again, and their sessions end."""
    settings = settings_here()
    with words_for_errors():
        email = clean_email(email)

    async def reset(house: House) -> None:
        if not (await _people(house).reset_two_factor(_find(house, email), by=BY)).events:
            raise ThereAlready(f"{email} signs in without a second factor; nothing was changed.")

    with_house(settings, reset)
    show({"email": email, "two_factor": False}, as_json=as_json)


@users.command("disable")
def disable_user(email: str, as_json: Json = False) -> None:
    """Takes away all access. Open chats this person holds become free. The last active admin stays."""

    async def disable(house: House) -> Decided:
        return await _people(house).disable(_find(house, email), by=BY)

    _change(email, disable, as_json=as_json)


@users.command("enable")
def enable_user(email: str, as_json: Json = False) -> None:
    """Gives the access back, with the password from before."""

    async def enable(house: House) -> Decided:
        return await _people(house).enable(_find(house, email), by=BY)

    _change(email, enable, as_json=as_json)


@users.command("reset")
def reset_password(email: str, as_json: Json = False) -> None:
    """Makes a link to a page where this person sets a password, once, within 24 hours, and prints it."""
    settings, answer = settings_here(), dict[str, Any]()

    async def reset(house: House) -> None:
        person = _find(house, email)
        made = await _people(house).make_link(person, by=BY)
        invitation = Invitation(person, made.version, int(now().timestamp()), int(RESET_LIFE.total_seconds()))
        link = shown(invitation, house.signer, public_http(settings))
        answer.update(email=clean_email(email), url=link["url"], token=link["token"])

    with_house(settings, reset)
    show(answer, as_json=as_json)


@departments.command("add")
def add_department(name: str, as_json: Json = False) -> None:
    """Makes a department."""
    made: dict[str, Any] = {}

    async def create(house: House) -> None:
        house.directory.require_name_free(name, department_id(name))
        if known := house.directory.department(department_id(name)):
            known.require_called(name)
        decided = await Accounts(house.store, house.vault, now).create_department(name)
        if not decided.events:
            raise ThereAlready(f"There is a department {name!r} already; nothing was changed.")
        made.update(id=str(department_id(name)), name=name.strip())

    with_house(settings_here(), create)
    show(made, as_json=as_json)


@departments.command("list")
def list_departments(as_json: Json = False) -> None:
    """Lists the departments."""
    rows: list[dict[str, Any]] = []

    async def look(house: House) -> None:
        found = sorted(house.directory.departments(), key=lambda known: known.name)
        rows.extend({"id": str(known.id), "name": known.name} for known in found)

    with_house(settings_here(), look)
    show_rows(("name", "id"), rows, as_json=as_json)


def _change(email: str, change: Callable[[House], Awaitable[Decided]], *, as_json: bool) -> None:
    answer: dict[str, Any] = {}

    async def once(house: House) -> None:
        answer.update(email=clean_email(email), changed=bool((await change(house)).events))

    with_house(settings_here(), once)
    show(answer, as_json=as_json)


def _people(house: House) -> People:
    return People(house.store, now, house.directory.admins)


def _find(house: House, email: str) -> UUID:
    """Also somebody who is disabled. Raises NotFound, NotAnEmail."""
    found = house.directory.find_moderator(moderator_id(clean_email(email)))
    return there(found, f"{email} has no account. `pulse user list` shows them all.").id
