"""The commands of `pulse`, a file for each kind; here they become one program."""

from __future__ import annotations

import typer

from pulse.commands import (
    app as app_commands,
)
from pulse.commands import (
    blobs,
    deliveries,
    identities,
    people,
    producers,
    retention,
    routing,
    sources,
    subscribers,
    up,
    upkeep,
)
from pulse.wiring import ROLES

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False,  # they may hold secrets
    help="Pulse: customer-support chat on an event log.",
)  # fmt: skip

app.command()(up.up)
for _name in ROLES:
    app.command(_name)(up.role(_name))
app.command()(upkeep.demo)
app.command()(upkeep.rebuild)
app.command()(upkeep.status)
sources.app.command("rules")(routing.source_rules)
people.users.command("link")(identities.link_identity)
people.users.command("unlink")(identities.unlink_identity)
people.departments.command("policy")(routing.department_policy)
app.add_typer(app_commands.app, name="app")
app.add_typer(blobs.app, name="blobs")
app.add_typer(sources.app, name="source")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(producers.app, name="producer")
app.add_typer(subscribers.app, name="subscriber")
app.add_typer(people.users, name="user")
app.add_typer(people.departments, name="department")
app.add_typer(retention.app, name="retention")
app.add_typer(routing.app, name="routing")
