"""Signing in on an installation of its own: the first time, and behind TLS."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from pulse import house
from pulse.aggregates.moderator import moderator_id
from pulse.desk import sessions, tries
from pulse.desk.sessions import Sessions
from pulse.desk.tries import Knock, Tries
from pulse.projections.reads import Reads
from pulse.tokens import Staff
from tests.conftest import Pulse
from tests.desk.test_sign_in import sign_in
from tests.world import is_problem, rows


async def test_ten_people_may_be_the_first_to_sign_in(pulse: Pulse) -> None:
    """On a database where nobody ever signed in, and where an old cookie is only unknown."""
    is_problem(await pulse.http.get("/api/chats", headers={"Cookie": "pulse_session=old"}), 401, "not-authentic")
    answers = await asyncio.gather(*(sign_in(pulse) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}


async def test_eight_sessions_may_be_the_first(pulse: Pulse) -> None:
    anna, now = uuid4(), house.now()
    async with Reads.open(pulse.house.addresses.database_url, pulse.house.log) as reads:
        await asyncio.gather(*(reads.fetch("select pg_sleep(0.1)") for _ in range(8)))  # so that all are connected
        begun = (Sessions(reads).begin(anna, since=3, now=now, address="", agent="") for _ in range(8))
        for cookie, session in await asyncio.gather(*begun):
            assert await Sessions(reads).of_cookie(cookie, now=now) == Staff(anna, session)
            assert await Sessions(reads).of_id(session.id, now=now) == Staff(anna, session)


OLDER = """
create schema desk;
create table desk.sessions (
    token_hash bytea primary key, moderator_id uuid not null, created_at timestamptz not null,
    expires_at timestamptz not null, address text not null, agent text not null
);
insert into desk.sessions values (sha256('older'), %(anna)s, now(), now() + interval '1 day', '192.0.2.1', 'Laptop');
"""


MANY = """
with signed as (
    insert into desk.sessions (token_hash, moderator_id, created_at, expires_at, address, agent)
    select sha256(n::text::bytea), (%(people)s::uuid[])[1 + n %% 20], now() - n * interval '1 second',
        now() + interval '1 day', '', ''
    from generate_series(1, 5000) as n)
insert into desk.tries (key, tries, at, until)
select n, 1, now() + interval '1 hour', '-infinity' from generate_series(1, 5000) as n
"""


async def test_sign_ins_of_an_older_pulse_stay_good(pulse: Pulse) -> None:
    for statement in OLDER.split(";\n")[:-1]:
        await rows(
            pulse, statement, **({"anna": moderator_id("anna@pulse.example")} if "%(anna)s" in statement else {})
        )
    cookie = {"Cookie": "pulse_session=older"}
    me = await pulse.http.get("/api/users/me", headers=cookie)
    assert me.json()["user"]["name"] == "Anna"
    [row] = (await pulse.http.get("/api/settings/sessions", headers=cookie)).json()["items"]
    assert (row["agent"], row["this"]) == ("Laptop", True)


INDEXED = "select indexname from pg_indexes where schemaname = 'desk' order by indexname"
LATER = "drop index desk.sessions_by_age, desk.sessions_by_end; drop index desk.tries_by_time"


async def test_tables_of_an_older_pulse_get_the_indexes_they_lack(pulse: Pulse) -> None:
    async with Reads.open(pulse.house.addresses.database_url, pulse.house.log) as reads:
        for new in (True, False):
            if not new:
                await reads.fetch(LATER)
            await Sessions(reads).begin(uuid4(), since=3, now=house.now(), address="", agent="")
            await Tries(reads).require(Knock(uuid4(), "192.0.2.1"), house.now())
            found = {row["indexname"] for row in await reads.fetch(INDEXED)}
            assert {"sessions_by_age", "sessions_by_end", "tries_by_time"} <= found


async def test_what_is_over_and_who_came_last_are_found_by_indexes(pulse: Pulse) -> None:
    people, now = [uuid4() for _ in range(20)], house.now()
    async with Reads.open(pulse.house.addresses.database_url, pulse.house.log) as reads:
        await Sessions(reads).begin(people[0], since=3, now=now, address="", agent="")
        await Tries(reads).require(Knock(uuid4(), "192.0.2.1"), now)
        await reads.fetch(MANY, people=people)
        await reads.fetch("analyze desk.sessions, desk.tries")
        asked = {
            "newest": (sessions.SQL, {"people": people}), "prune": (sessions.SQL, {"now": now, "idle": now - sessions.IDLE_LIFE}),
            "end_oldest": (sessions.SQL, {"moderator_id": people[0], "kept": sessions.MOST}),
        }  # fmt: skip
        for name, (sql, values) in [*asked.items(), ("prune", (tries.SQL, {"before": now}))]:
            plan = await reads.fetch(f"explain {sql[name].rstrip(';')}", **values)
            assert "Seq Scan" not in str(plan), name


async def test_of_a_persons_sessions_the_oldest_end_where_there_are_too_many(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 3)
    anna, boris, now = uuid4(), uuid4(), house.now()
    async with Reads.open(pulse.house.addresses.database_url, pulse.house.log) as reads:
        kept = Sessions(reads)
        cookies = []
        for person in (boris, *[anna] * 5):
            now += timedelta(seconds=1)
            cookies.append((await kept.begin(person, since=3, now=now, address="", agent=""))[0])
        held = [await kept.of_cookie(cookie, now=now) is not None for cookie in cookies]
        assert held == [True, False, False, True, True, True]
        assert await kept.newest([anna, uuid4()]) == {anna: now}


@pytest.fixture
def behind_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SECURE_COOKIES", "true")


@pytest.mark.usefixtures("behind_tls")
async def test_behind_tls_the_cookie_is_bound_to_the_host(pulse: Pulse) -> None:
    """RFC 6265bis: a __Host- cookie is Secure, has the path / and no domain; what ends it needs the same."""
    made, device = (await sign_in(pulse)).headers.get_list("set-cookie")
    name, _, value = made.split(";")[0].partition("=")
    assert name == "__Host-pulse_session"
    cookie = {"Cookie": f"{name}={value}"}
    assert (await pulse.http.get("/api/chats", headers=cookie)).status_code == 200
    ended = (await pulse.http.post("/api/users/logout", headers=cookie)).headers["set-cookie"]
    assert device.startswith("__Host-pulse_device=v1.")
    for told in (made, device, ended):
        flags = {flag.strip().lower() for flag in told.split(";")[1:]}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= flags
        assert not any(flag.startswith("domain") for flag in flags)
    unbound = {"Cookie": f"pulse_session={value}"}
    is_problem(await pulse.http.get("/api/chats", headers=unbound), 401, "not-authentic")
