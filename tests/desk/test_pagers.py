"""A moderator links their Telegram, over HTTP and by what the bot's webhook hears."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx2

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.pager import Pager, pager_id
from pulse.pager_codes import new_code
from tests.conftest import Pulse
from tests.desk.test_chats import someone
from tests.desk.test_rooms import who
from tests.world import Bot, Desk, a_bot, accounts, is_problem, kinds, settled, since, update

ADDRESS = "/api/settings/telegram"
PEOPLE = iter(range(9_000_000, 10_000_000))
UPDATES = iter(range(500_000, 600_000))

Headers = dict[str, str]


async def offered(pulse: Pulse, headers: Headers, bot: Bot) -> dict[str, Any]:
    answer = await pulse.http.post(ADDRESS, json={"source": str(bot.id)}, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def starts(bot: Bot, code: str, person: int) -> httpx2.Response:
    return await bot.post(update(next(UPDATES), f"/start {code}", person=person))


async def pager(pulse: Pulse, headers: Headers) -> Pager:
    found = await pulse.house.store.load(Pager, pager_id(await who(pulse, headers)))
    assert found is not None
    return found


async def shown(pulse: Pulse, headers: Headers) -> dict[str, Any]:
    found: dict[str, Any] = (await pulse.http.get(ADDRESS, headers=headers)).json()
    return found


async def test_opening_the_link_links_and_is_no_customers_word(shared: Pulse) -> None:
    bot, nina, person = await a_bot(shared), await someone(shared, "Sales"), next(PEOPLE)
    assert (await shown(shared, nina))["linked"] is False
    code = (await offered(shared, nina, bot))["code"]
    before = await shared.house.log.last_position()
    assert (await starts(bot, code, person)).status_code == 200
    assert kinds(await since(shared, before)) == ["pager.linked"]
    assert await shared.house.store.load(Chat, chat_id(bot.id, str(person))) is None
    linked = await pager(shared, nina)
    assert (linked.peer, linked.source_id, linked.name) == (str(person), bot.id, "Vera")
    assert (await shown(shared, nina))["linked"] is True


async def test_the_link_names_the_bot_where_pulse_knows_it(shared: Pulse) -> None:
    bot, nina = await a_bot(shared), await someone(shared, "Sales")
    assert (await offered(shared, nina, bot))["link"] is None
    changed = await accounts(shared).change_source(bot.id, settings={"username": "pulse_bot"}, secrets={})
    await shared.house.directory.wait_for(changed.position)
    told = await offered(shared, nina, bot)
    assert told["link"] == f"https://t.me/pulse_bot?start={told['code']}"


async def test_a_link_that_does_not_count_is_no_customers_word_either(shared: Pulse) -> None:
    bot, other, nina, person = await a_bot(shared), await a_bot(shared), await someone(shared, "Sales"), next(PEOPLE)
    code = (await offered(shared, nina, bot))["code"]
    before = await shared.house.log.last_position()
    assert (await starts(other, code, person)).status_code == 200
    assert (await starts(bot, new_code(await who(shared, nina)), person)).status_code == 200
    assert (await starts(bot, new_code(uuid4()), person)).status_code == 200
    assert kinds(await since(shared, before)) == ["delivery.kept"] * 3
    assert (await shown(shared, nina))["linked"] is False


async def test_a_delivery_that_comes_twice_links_once_and_reading_it_again_opens_no_chat(
    shared: Pulse, desk: Desk
) -> None:
    bot, nina, person = await a_bot(shared), await someone(shared, "Sales"), next(PEOPLE)
    body = update(next(UPDATES), f"/start {(await offered(shared, nina, bot))['code']}", person=person)
    before = await shared.house.log.last_position()
    for _ in range(2):
        assert (await bot.post(body)).status_code == 200
    assert kinds(await since(shared, before)) == ["pager.linked", "delivery.kept"]
    kept = (await since(shared, before))[-1].position
    seen = await desk.post("admin", "/api/deliveries/process-again", {"ids": [kept]})
    assert seen.json()["items"][0]["result"] == "nothing"


async def test_a_code_in_a_group_links_nothing(shared: Pulse) -> None:
    bot, nina, person = await a_bot(shared), await someone(shared, "Sales"), next(PEOPLE)
    body = update(next(UPDATES), f"/start {(await offered(shared, nina, bot))['code']}", person=person)
    body["message"]["chat"] = {"id": -100123, "type": "supergroup", "title": "Neighbours"}
    await bot.post(body)
    assert (await shown(shared, nina))["linked"] is False


async def test_any_other_start_is_a_customers_first_word(shared: Pulse) -> None:
    bot, person = await a_bot(shared), next(PEOPLE)
    await starts(bot, "pager-spring", person)
    assert await shared.house.store.load(Chat, chat_id(bot.id, str(person))) is not None


async def test_one_wishes_what_one_is_told_and_lets_go(shared: Pulse) -> None:
    bot, nina, person = await a_bot(shared), await someone(shared, "Sales"), next(PEOPLE)
    quiet = {"new_chats": False}
    is_problem(await shared.http.patch(ADDRESS, json=quiet, headers=nina), 404, "not-found")
    await starts(bot, (await offered(shared, nina, bot))["code"], person)
    assert (await shared.http.patch(ADDRESS, json=quiet, headers=nina)).status_code == 200
    now_wanted = await shown(shared, nina)
    assert (now_wanted["new_chats"], now_wanted["mentions"]) == (False, True)
    assert (await shared.http.delete(ADDRESS, headers=nina)).status_code == 200
    assert (await shown(shared, nina))["linked"] is False
    is_problem(await shared.http.patch(ADDRESS, json=quiet, headers=nina), 409, "no-pager")
    await settled(shared)
    assert (await shared.http.get("/api/notifications", headers=nina)).json()["items"] == []


async def test_a_bot_is_a_connected_telegram_source(shared: Pulse, desk: Desk) -> None:
    for wrong in (UUID(int=5), next(s.id for s in shared.house.directory.sources() if s.channel == "vk")):
        is_problem(await desk.post("anna", ADDRESS, {"source": str(wrong)}), 404, "not-found")
    assert (await desk.post("anna", ADDRESS)).json()["code"].startswith("pager-")


async def test_a_bot_that_is_switched_off_is_not_offered(shared: Pulse, desk: Desk) -> None:
    bot, nina = await a_bot(shared), await someone(shared, "Sales")
    assert (await offered(shared, nina, bot))["code"]
    for how, status in (("disable", 404), ("enable", 200)):
        answer = await desk.post("admin", f"/api/sources/{bot.id}/{how}")
        assert answer.status_code == 200, answer.text
        answer = await shared.http.post(ADDRESS, json={"source": str(bot.id)}, headers=nina)
        assert answer.status_code == status
