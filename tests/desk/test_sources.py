"""`/api/sources`: admins connect accounts, change them, switch them off, and see how they do."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from pulse.aggregates.chat import chat_id
from pulse.aggregates.department import department_id
from pulse.aggregates.source import Source, source_id
from pulse.desk import source_commands
from pulse.desk.source_rows import MEND, Connected, MySource, Rotated, SourceHealth, SourceRow, SourceTest
from pulse.errors import ReadsDown
from pulse.house import now
from pulse.projections import health
from tests.conftest import Pulse
from tests.world import PROOF, SALES, SUPPORT, Desk, a_bot, a_name, accounts, is_problem, settled, since, update

LIST = "/api/sources"
ASKED = [
    ("GET", ""), ("POST", ""), ("GET", "/{id}"), ("PATCH", "/{id}"), ("GET", "/{id}/health"), ("POST", "/{id}/disable"),
    ("POST", "/{id}/enable"), ("POST", "/{id}/resume"), ("POST", "/{id}/secrets"), ("POST", "/{id}/test"),
    ("POST", "/{id}/webhook"),
]  # fmt: skip
NEW: dict[str, Any] = {"type": "simulator", "identifier": "shop", "departments": [str(SALES)]}
BODIES: dict[str, Any] = {"": NEW, "/{id}": {"title": "x"}, "/{id}/secrets": {}}


async def ask(desk: Desk, who: str, method: str, address: str, body: object = None) -> httpx2.Response:
    return await desk.pulse.http.request(method, LIST + address, json=body, headers=await desk.headers(who))


async def connected(desk: Desk, **more: object) -> dict[str, Any]:
    answer = await ask(desk, "admin", "POST", "", NEW | {"identifier": a_name("shop")} | more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def shown(desk: Desk, source: str) -> dict[str, Any]:
    answer = await ask(desk, "admin", "GET", f"/{source}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def say(desk: Desk, source: dict[str, Any], secret: str, peer: str = "vera") -> httpx2.Response:
    """A customer of a simulator writes."""
    body = {"from": peer, "message": "Hello", "message_id": a_name("m")}
    address = f"/webhook/simulator/{source['id']}"
    return await desk.pulse.http.post(address, json=body, headers={"X-Pulse-Secret": secret})


async def test_a_connected_source_is_shown_with_its_address_and_takes_messages(shared: Pulse, desk: Desk) -> None:
    name = a_name("shop")
    made = await connected(desk, identifier=name, title="The shop", settings={"behaviour": "busy 5"})
    assert made["id"] == str(source_id("simulator", name))
    assert made["webhook_url"] == f"{shared.house.settings.http_address}/webhook/simulator/{made['id']}"
    one = await shown(desk, made["id"])
    assert {key: one[key] for key in ("type", "identifier", "title", "departments", "settings", "secrets")} == {
        "type": "simulator", "identifier": name, "title": "The shop", "departments": [str(SALES)],
        "settings": {"behaviour": "busy 5"}, "secrets": ["secret"],
    }  # fmt: skip
    assert (one["disabled"], one["halted"], one["webhook_url"]) == (False, None, made["webhook_url"])
    assert (await say(desk, made, made["secret"])).status_code == 200
    assert (await say(desk, made, "another")).status_code == 401
    listed = (await ask(desk, "admin", "GET", "")).json()["items"]
    assert made["id"] in [row["id"] for row in listed]


async def test_connecting_the_same_account_again_changes_nothing_and_tells_no_secret(desk: Desk) -> None:
    made = await connected(desk, identifier=(name := a_name("shop")))
    again = await ask(desk, "admin", "POST", "", NEW | {"identifier": f" {name} ", "title": "Another"})
    assert (again.status_code, again.json()["secret"], again.json()["position"]) == (200, None, made["position"])
    assert (await shown(desk, made["id"]))["title"] == name


async def test_a_given_secret_is_not_told_back(shared: Pulse, desk: Desk) -> None:
    made = await connected(desk, secrets={"secret": "given-by-anna"})
    assert made["secret"] is None
    assert (await say(desk, made, "given-by-anna")).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"type": "fax"}, 400, "unknown-channel"),
        ({"type": "telegram", "identifier": "shop_bot"}, 400, "not-an-identifier"),
        ({"departments": [str(UUID(int=9))]}, 400, "unknown-department"),
        ({"departments": []}, 422, "invalid"),
        ({"settings": {"mode": "x"}}, 400, "not-its-field"),
        ({"secrets": {"token": "t"}}, 400, "not-its-field"),
        ({"settings": {"behaviour": "sulky"}}, 400, "bad-input"),
        ({"type": "web", "settings": {"origins": "https://shop.example/page"}}, 400, "bad-input"),
        ({"type": "telegram", "identifier": "7", "secrets": {"secret": "a b"}}, 400, "not-a-secret"),
        ({"type": "telegram", "identifier": "7", "settings": {"api_url": "http://169.254.169.254/"}}, 400, "forbidden-address"),
        ({"label": "x"}, 422, "invalid"),
    ],
    ids=str,
)  # fmt: skip
async def test_what_can_not_be_connected_leaves_nothing(
    shared: Pulse, desk: Desk, wrong: dict[str, Any], status: int, code: str
) -> None:
    before = await shared.house.log.last_position()
    is_problem(await ask(desk, "admin", "POST", "", NEW | {"identifier": a_name("no")} | wrong), status, code)
    assert await shared.house.log.last_position() == before


async def test_there_is_room_for_so_many_and_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await connected(desk, identifier=(name := a_name("shop")))
    monkeypatch.setattr(source_commands, "SOURCES_LIMIT", 1)
    is_problem(await ask(desk, "admin", "POST", "", NEW | {"identifier": a_name("no")}), 409, "too-many-sources")
    assert (await ask(desk, "admin", "POST", "", NEW | {"identifier": name})).status_code == 200


async def test_what_is_given_is_changed_and_the_rest_stays(shared: Pulse, desk: Desk) -> None:
    made = await connected(desk, settings={"behaviour": "away"})
    wanted = {"title": "Shop", "departments": [str(SUPPORT), str(SALES)], "settings": {"file_limit_mb": "5"}}
    first = await ask(desk, "admin", "PATCH", f"/{made['id']}", wanted)
    again = await ask(desk, "admin", "PATCH", f"/{made['id']}", wanted)
    assert first.json()["position"] == again.json()["position"]
    one = await shown(desk, made["id"])
    assert (one["title"], one["departments"]) == ("Shop", [str(SUPPORT), str(SALES)])
    assert one["settings"] == {"behaviour": "away", "file_limit_mb": "5"}
    events = await since(shared, made["position"])
    assert {event.envelope.by.partition(":")[0] for event in events} == {"moderator"}


async def test_a_token_is_replaced_at_once_and_never_shown(shared: Pulse, desk: Desk) -> None:
    made = await connected(
        desk, type="telegram", identifier=a_name("7").replace("-", ""), secrets={"token": "7:first-token"}
    )
    changed = await ask(desk, "admin", "PATCH", f"/{made['id']}", {"secrets": {"token": "7:second-token"}})
    assert changed.status_code == 200
    source = shared.house.directory.source(source_id("telegram", (await shown(desk, made["id"]))["identifier"]))
    assert shared.house.vault.unseal(source.secrets["token"], source.seal_purpose("token")) == b"7:second-token"
    assert source.old_secrets == ()


# Switched off on purpose


async def test_a_source_that_is_switched_off_answers_like_an_unknown_one(shared: Pulse, desk: Desk) -> None:
    made = await connected(desk)
    for _ in range(2):
        assert (await ask(desk, "admin", "POST", f"/{made['id']}/disable")).status_code == 200
    before = await shared.house.log.last_position()
    off = await say(desk, made, made["secret"])
    stranger = await say(desk, {"id": str(uuid4())}, made["secret"])
    is_problem(off, 401, "not-authentic")
    assert (off.status_code, off.content) == (stranger.status_code, stranger.content)
    assert await shared.house.log.last_position() == before
    assert (await shown(desk, made["id"]))["disabled"] is True
    await ask(desk, "admin", "POST", f"/{made['id']}/enable")
    assert (await say(desk, made, made["secret"])).status_code == 200
    told = [event.envelope.type for event in await since(shared, made["position"]) if event.kind == "source"]
    assert told == ["source.disabled", "source.enabled"]


async def test_a_website_that_is_switched_off_takes_no_visitors_in_old_or_new(shared: Pulse, desk: Desk) -> None:
    name = a_name("site")
    made = await connected(desk, type="web", identifier=name)
    opened = (await shared.http.post("/api/widget/session", json={"source": name})).json()
    await ask(desk, "admin", "POST", f"/{made['id']}/disable")
    visitor = {"Authorization": f"Bearer {opened['chat_token']}"}
    for answer in (
        await shared.http.post("/api/widget/session", json={"source": name}),
        await shared.http.post("/api/widget/session", json={"chat_token": opened["chat_token"]}),
        await shared.http.post("/api/widget/messages", json={"text": "Hello"}, headers=visitor),
        await shared.http.get("/api/widget/messages", headers=visitor),
    ):
        is_problem(answer, 404, "not-found")
    await ask(desk, "admin", "POST", f"/{made['id']}/enable")
    said = await shared.http.post("/api/widget/messages", json={"text": "Hello"}, headers=visitor)
    assert said.status_code == 201


# Secrets


async def test_a_replaced_secret_is_good_beside_the_new_one_for_a_while(shared: Pulse, desk: Desk) -> None:
    made = await connected(desk)
    rotated = (await ask(desk, "admin", "POST", f"/{made['id']}/secrets", {})).json()
    assert rotated["secret"] not in (None, made["secret"])
    for secret in (made["secret"], rotated["secret"]):
        assert (await say(desk, made, secret)).status_code == 200
    [old] = (await shown(desk, made["id"]))["old_secrets"]
    assert (old["name"], old["until"] > now().isoformat()) == ("secret", True)
    is_problem(await ask(desk, "admin", "POST", f"/{made['id']}/secrets", {"value": "a"}), 400, "not-a-secret")
    ended = (await ask(desk, "admin", "POST", f"/{made['id']}/secrets", {"value": "of-our-own", "oldHours": 0})).json()
    assert ended["secret"] is None
    taken = [
        (await say(desk, made, secret)).status_code for secret in (made["secret"], rotated["secret"], "of-our-own")
    ]
    assert taken == [401, 401, 200]
    assert (await shown(desk, made["id"]))["old_secrets"] == []


async def test_both_secrets_of_a_telegram_bot_and_of_a_vk_community_are_good(shared: Pulse, desk: Desk) -> None:
    bot = await connected(desk, type="telegram", identifier="7000000777")
    new = (await ask(desk, "admin", "POST", f"/{bot['id']}/secrets", {})).json()["secret"]
    for number, secret in enumerate((bot["secret"], new)):
        address = f"/webhook/telegram/{bot['id']}"
        answer = await shared.http.post(address, json=update(9100 + number), headers={PROOF: secret})
        assert answer.status_code == 200
    vk = await connected(desk, type="vk", identifier="777")
    new = (await ask(desk, "admin", "POST", f"/{vk['id']}/secrets", {})).json()["secret"]
    for number, secret in enumerate((vk["secret"], new)):
        event = {"type": "group_join", "group_id": 777, "event_id": f"e{number}", "object": {}, "secret": secret}
        assert (await shared.http.post(f"/webhook/vk/{vk['id']}", json=event)).text == "ok"


async def test_a_given_secret_that_is_sent_twice_is_one_change(desk: Desk) -> None:
    made = await connected(desk)
    first, again = [
        (await ask(desk, "admin", "POST", f"/{made['id']}/secrets", {"value": "the-same"})).json() for _ in range(2)
    ]
    assert first == again
    assert len((await shown(desk, made["id"]))["old_secrets"]) == 1


@pytest.mark.parametrize(
    ("channel", "body", "status", "code"),
    [
        ("telegram", {"name": "token", "value": "7:x"}, 400, "not-rotated"),
        ("telegram", {"value": "a b"}, 400, "not-a-secret"),
        ("web", {}, 400, "not-its-field"),
        ("simulator", {"name": "nonsense"}, 400, "not-its-field"),
        ("simulator", {"oldHours": 169}, 422, "invalid"),
    ],
)
async def test_only_a_webhooks_secret_is_rotated(
    desk: Desk, channel: str, body: dict[str, Any], status: int, code: str
) -> None:
    made = await connected(desk, type=channel, identifier=a_name("7").replace("-", ""))
    is_problem(await ask(desk, "admin", "POST", f"/{made['id']}/secrets", body), status, code)


async def test_no_secret_is_in_an_answer_or_an_event(shared: Pulse, desk: Desk) -> None:
    hidden = {"secret": "planted-secret-1", "token": "7:planted-secret-2"}
    made = await connected(desk, type="telegram", identifier=a_name("7").replace("-", ""), secrets=hidden)
    await ask(desk, "admin", "POST", f"/{made['id']}/secrets", {"value": "planted-secret-3"})
    made_up = (await ask(desk, "admin", "POST", f"/{made['id']}/secrets", {})).json()["secret"]
    wrong = {"secrets": {"secret": "planted secret 4"}}
    refused = [
        await ask(desk, "admin", "PATCH", f"/{made['id']}", wrong),
        await ask(desk, "admin", "POST", f"/{made['id']}/secrets", {"value": ["planted-secret-5"]}),
        await ask(desk, "admin", "POST", f"/{made['id']}/test", {"secrets": {"other": "planted-secret-6"}}),
    ]
    said = [answer.text for answer in refused]
    addresses = ("", f"/{made['id']}", f"/{made['id']}/health", "/mine")
    said += [(await ask(desk, "admin", "GET", address)).text for address in addresses]
    said += [stored.body.decode() for stored in await shared.house.log.read_all(">", made["position"])]
    for text in said:
        assert "planted" not in text
        assert made_up not in text


# How they do


async def test_health_tells_the_last_delivery_the_last_event_and_what_waits(shared: Pulse, desk: Desk) -> None:
    made = await connected(desk)
    fresh = (await desk.get("admin", f"{LIST}/{made['id']}/health", at=made["position"])).json()
    assert (fresh["delivery"], fresh["event"]["type"], fresh["pending"]) == (None, "source.connected", 0)
    assert (await say(desk, made, made["secret"])).status_code == 200
    came = await shared.house.log.last_position()
    reply = await desk.reply(
        "anna", chat_id(source_id("simulator", (await shown(desk, made["id"]))["identifier"]), "vera")
    )
    assert reply.status_code == 201, reply.text
    await settled(shared)
    does = (await ask(desk, "admin", "GET", f"/{made['id']}/health")).json()
    assert does["delivery"]["position"] <= came < does["event"]["position"]
    assert (does["event"]["type"], does["pending"], does["error"]) == ("chat.reply-written", 1, None)
    assert does["oldest_pending_at"] is not None
    assert does["lag_seconds"] >= 0
    assert (does["disabled"], does["halted"], does["provider"]) == (False, None, None)
    whole = await shown(desk, made["id"])
    assert whole["health"] == {name: does[name] for name in whole["health"]} | {
        "lag_seconds": whole["health"]["lag_seconds"]
    }


async def test_a_delivery_that_can_not_be_read_is_the_last_error(shared: Pulse, desk: Desk) -> None:
    made = await connected(desk)
    address = f"/webhook/simulator/{made['id']}"
    await shared.http.post(address, content=b"{", headers={"X-Pulse-Secret": made["secret"]})
    await settled(shared)
    error = (await shown(desk, made["id"]))["health"]["error"]
    assert "not JSON" in error["reason"]


async def test_asking_about_a_source_without_a_provider_tells_of_none(desk: Desk) -> None:
    made = await connected(desk)
    does = (await desk.get("admin", f"{LIST}/{made['id']}/health", ask=1)).json()
    assert does["provider"] is None
    tested = (await ask(desk, "admin", "POST", f"/{made['id']}/test")).json()
    assert (tested["asked"], tested["works"], tested["faults"]) == (False, False, [])
    assert "nothing to test" in tested["note"]
    is_problem(await ask(desk, "admin", "POST", f"/{made['id']}/webhook"), 409, "no-provider")


async def test_a_webhook_can_not_be_set_without_a_public_address(desk: Desk) -> None:
    made = await connected(desk, type="telegram", identifier=a_name("7").replace("-", ""))
    told = is_problem(await ask(desk, "admin", "POST", f"/{made['id']}/webhook"), 409, "no-public-address")
    assert "PULSE_PUBLIC_URL" in told["title"]


async def test_answers_are_as_the_document_says(shared: Pulse, desk: Desk) -> None:
    made = await connected(desk)
    Connected.model_validate(made)
    await say(desk, made, made["secret"])
    Rotated.model_validate((await ask(desk, "admin", "POST", f"/{made['id']}/secrets", {})).json())
    await settled(shared)
    for row in (await ask(desk, "admin", "GET", "")).json()["items"]:
        SourceRow.model_validate(row)
    for row in (await ask(desk, "anna", "GET", "/mine")).json()["items"]:
        MySource.model_validate(row)
    SourceHealth.model_validate((await ask(desk, "admin", "GET", f"/{made['id']}/health")).json())
    SourceTest.model_validate((await ask(desk, "admin", "POST", f"/{made['id']}/test")).json())


# Who may


async def test_moderators_know_of_their_departments_sources_whether_they_send(shared: Pulse, desk: Desk) -> None:
    billing = a_name("Billing")
    await shared.house.directory.wait_for((await accounts(shared).create_department(billing)).position)
    theirs = await connected(desk, title="Sales only")
    others = await connected(desk, departments=[str(department_id(billing))])
    await ask(desk, "admin", "POST", f"/{theirs['id']}/disable")

    async def mine(who: str) -> dict[str, Any]:
        answer = await ask(desk, who, "GET", "/mine")
        assert answer.status_code == 200
        return {row["id"]: row for row in answer.json()["items"]}

    annas, admins = await mine("anna"), await mine("admin")
    assert annas[theirs["id"]] == {
        "id": theirs["id"], "type": "simulator", "title": "Sales only", "disabled": True, "missing": [], "halted": None,
    }  # fmt: skip
    assert others["id"] not in annas
    assert {theirs["id"], others["id"]} <= admins.keys()


async def test_moderators_learn_why_a_source_is_halted(shared: Pulse, desk: Desk) -> None:
    made = await connected(desk)

    def halt(source: Source | None) -> Source:
        assert source is not None
        source.halt("Unauthorized", code="401", until=None, now=now())
        return source

    decided = await shared.house.store.decide(Source, UUID(made["id"]), halt, by="system")
    await shared.house.directory.wait_for(decided.position)
    rows = (await ask(desk, "anna", "GET", "/mine")).json()["items"]
    assert {row["id"]: row["halted"] for row in rows}[made["id"]] == "Unauthorized"
    await settled(shared)
    does = (await ask(desk, "admin", "GET", f"/{made['id']}/health")).json()
    assert (does["halted"], does["error"]["reason"]) == (
        {"reason": "Unauthorized", "until": None, "advice": MEND}, "Unauthorized"
    )  # fmt: skip


async def test_a_source_without_a_token_is_shown_as_such(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    whole = (await desk.get("admin", f"/api/sources/{bot.id}")).json()
    mine = (await desk.get("anna", "/api/sources/mine")).json()["items"]
    assert (whole["secrets"], whole["missing"]) == (["secret"], ["token"])
    assert {row["id"]: row["missing"] for row in mine}[str(bot.id)] == ["token"]


async def test_sources_are_listed_also_while_postgres_is_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: object) -> None:
        raise ReadsDown

    made = await connected(desk)
    monkeypatch.setattr(health, "of_all", away)
    assert (await shown(desk, made["id"]))["health"] is None


@pytest.mark.parametrize(("method", "address"), ASKED, ids=str)
async def test_it_is_for_admins(desk: Desk, method: str, address: str) -> None:
    answer = await ask(desk, "anna", method, address.format(id=uuid4()), BODIES.get(address))
    is_problem(answer, 403, "admins-only")


@pytest.mark.parametrize(("method", "address"), ASKED[2:], ids=str)
async def test_one_that_is_not_there_is_not_found(desk: Desk, method: str, address: str) -> None:
    answer = await ask(desk, "admin", method, address.format(id=uuid4()), BODIES.get(address))
    is_problem(answer, 404, "not-found")
