"""A list shows somebody exactly the chats that they may see, whoever they are and wherever the chats stand."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulse.access import Person, Place, may_see, reach_of
from pulse.projections import chat_list
from pulse.projections.chat_filters import Filters

FEW = [UUID(int=number) for number in range(1, 5)]
ids = st.sampled_from(FEW)
people = st.builds(Person, ids, st.just("Anna"), st.sampled_from(["admin", "moderator", ""]), st.frozensets(ids))
places = st.builds(Place, st.none() | ids, st.none() | ids)

FILL = """
insert into inbox (chat_id, source_id, channel, peer, customer_id, name, is_group, department_id, holder_id,
    opened_at, last_at, last_position, version)
select gen_random_uuid(), gen_random_uuid(), 'web', n::text, gen_random_uuid(), 'Vera', false,
    department, holder, now(), now(), n, 1
from unnest(%(departments)s::uuid[], %(holders)s::uuid[]) with ordinality as place(department, holder, n)
"""


@pytest.fixture
async def inbox_url(projector, database_url):
    """Tables, still empty."""
    await projector.catch_up()
    return f"{database_url}&options=-c%20search_path%3Dread"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(person=people, chats=st.lists(places, max_size=12), limit=st.integers(1, 13))
async def test_the_list_and_may_see_agree(inbox_url, reads, person, chats, limit):
    stood = {"departments": [chat.department for chat in chats], "holders": [chat.holder for chat in chats]}
    with psycopg.connect(inbox_url) as connection:
        connection.execute("truncate inbox")
        connection.execute(FILL, stood)
    wanted = [str(n) for n, chat in reversed(list(enumerate(chats, 1))) if may_see(person, chat)]
    page = await chat_list.page(reads, reach_of(person), Filters(), limit=limit, cursor=None)
    down = list(page.items)
    while page.next:
        page = await chat_list.page(reads, reach_of(person), Filters(), limit=limit, cursor=page.next)
        down += page.items
    assert [chat["peer"] for chat in down] == wanted
