"""Callback requests: each list is one index."""

from __future__ import annotations

import psycopg

from pulse.projections import callbacks
from tests.given import ANNA, NOW, SALES, SUPPORT, VERA, a_chat, assigned_to
from tests.projections.conftest import append
from tests.projections.told import Told


def asks(chat) -> None:
    chat.request_callback(
        author=VERA, phone="+7 999", wanted_at=NOW, comment="", external_id="c1", raw="{}", now=NOW
    )  # fmt: skip


async def test_a_request_stands_where_its_chat_stands(log, projector, query):
    told = Told()
    chat = told.of(a_chat(), asks, assigned_to(ANNA), lambda c: c.transfer(SUPPORT, now=NOW))
    told.of(chat, lambda c: c.finish_callback(2, moderator_id=ANNA, outcome="reached", now=NOW))
    await append(log, told)
    await projector.catch_up()
    [row] = query("select * from callbacks")
    assert (row["version"], row["department_id"], row["holder_id"]) == (2, SUPPORT, None)
    assert (row["status"], row["outcome"], row["done_by"]) == ("done", "reached", ANNA)


FILL = """
insert into read.callbacks (chat_id, version, position, department_id, holder_id, status, phone, comment, at)
select gen_random_uuid(), 2, n,
    case when n %% 50 = 0 then %(sales)s when n %% 50 = 1 then %(support)s else gen_random_uuid() end,
    case when n %% 500 = 7 then %(anna)s end, case when n %% 97 = 0 then 'open' else 'done' end, '+7', '', now()
from generate_series(1, 50000) as n;
"""


async def test_fifty_thousand_requests_are_read_by_their_indexes(database_url, projector, query):
    await projector.catch_up()
    query(FILL, {"sales": SALES, "support": SUPPORT, "anna": ANNA})
    query(
        "insert into inbox (chat_id, source_id, channel, peer, customer_id, name, is_group, opened_at, last_at,"
        " last_position, version) select chat_id, chat_id, 'web', '1', chat_id, 'Vera', false, now(), now(), position, 1"
        " from callbacks"
    )
    query("analyze callbacks, inbox")
    who = {"departments": [SALES, SUPPORT], "holder": ANNA, "limit": 51, "status": "open", "position": 25_000}
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        for name in ("older_of_all", "newer_of_all", "older_of_mine", "newer_of_mine"):
            rows = connection.execute(f"explain {callbacks.SQL[name]}", who).fetchall()
            plan = "\n".join(line for (line,) in rows)
            assert "Seq Scan" not in plan, plan
            wanted = ("callbacks_by_status",) if name.endswith("all") else ("_by_department", "_by_holder")
            assert all(index in plan for index in wanted), plan
