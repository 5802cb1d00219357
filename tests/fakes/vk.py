"""VK with one community, answering from the recorded payloads: its API, its upload servers, its callback events.

`calls` is all it was asked, in order; `messages` is what people got to see. A `Mood` (`vk_moods.py`) is how it takes one
call, queued with `next`. It keeps VK's limits: 20 calls a second per key, a text of 4,096 characters, and one message per
`random_id` among those of a dialogue's last hour and last hundred.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from tests.fakes.serving import served
from tests.fakes.vk_moods import Mood, as_json, recorded, recorded_event, refusal, refusal_for_peer

GROUP, TOKEN, SECRET = 219900123, "vk1.a.FakeFakeFakeFake", "pulse_demo_secret_Q7"
SEND = "messages.send"
FIRST_NUMBER, FIRST_ID = 41, 2312
SERVER, MOST_SERVERS = ("title", "creator_id", "url", "secret_key", "status"), 10
CALLS_A_SECOND, KEPT_SECONDS, KEPT_MESSAGES, TEXT_LIMIT = 20, 3600, 100, 4096


class Refuses(Exception):
    """VK's error of this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it came. An upload's method is `upload.photo` or `upload.doc`."""

    method: str
    fields: dict[str, str]
    token: str

    @property
    def peer(self) -> str:
        return self.fields.get("peer_ids") or self.fields.get("peer_id", "")


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a dialogue. `number` is its conversation_message_id; `ours`: the community wrote it."""

    peer: int
    text: str
    number: int
    id: int
    at: float
    ours: bool
    random_id: int = 0
    attachment: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: the form's field, the file's name, its MIME type, its bytes."""

    key: str
    name: str
    mime: str
    content: bytes


class FakeVk:
    """`webhook` gets the callback events; `echoes` says when message_reply goes there: `before` or `after` the answer of
    messages.send, or not at all. `clock` is in seconds. `people` are users and (negative) communities by id.
    """

    def __init__(self, address: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.address, self.clock = address, clock
        self.group, self.token, self.secret = GROUP, TOKEN, SECRET
        self.webhook, self.echoes = "", ""
        self.calls: list[Call] = []
        self.messages: list[Message] = []
        self.uploads: list[Upload] = []
        self.events: list[dict[str, Any]] = []
        self.people: dict[int, dict[str, Any]] = {615550142: recorded("users_get_ok")["response"][0]}
        self.refusals: dict[int, int] = {}
        self.servers: dict[int, dict[str, Any]] = {}
        self.confirms = True
        self.let_go = asyncio.Event()
        self.called = asyncio.Condition()
        self._moods: list[tuple[str | None, str | None, Mood]] = []
        self._always: list[tuple[str | None, str | None, Mood]] = []
        self._dialogues: defaultdict[int, list[Message]] = defaultdict(list)
        self._made: deque[float] = deque(maxlen=CALLS_A_SECOND)
        self._saved: set[str] = set()
        self._ids = count(FIRST_ID)
        self._echoing: set[asyncio.Task[Any]] = set()

    @property
    def api_url(self) -> str:
        """What a source's setting of this name says."""
        return f"{self.address}/method/"

    # How it behaves

    def next(self, *moods: Mood, method: str | None = None, peer: object = None) -> None:
        """The next calls, one mood each; only those of this method and this peer, if given."""
        self._moods += [(method, None if peer is None else str(peer), mood) for mood in moods]

    def always(self, mood: Mood, *, method: str | None = None, peer: object = None) -> None:
        """Every such call from now on, until `well`."""
        self._always.append((method, None if peer is None else str(peer), mood))

    def well(self) -> None:
        self._moods, self._always = [], []

    def refuse(self, peer: int, code: int = 901) -> None:
        """From now on this peer takes no messages, until they write or allow them."""
        self.refusals[peer] = code

    async def until_called(self, times: int, method: str = SEND) -> None:
        """Returns once it was called so many times."""
        async with self.called:
            await self.called.wait_for(lambda: len(self.fields_of(method)) >= times)

    async def until_echoed(self) -> None:
        """Returns once echoes that come after their answers have come."""
        await asyncio.gather(*self._echoing)

    def fields_of(self, method: str = SEND) -> list[dict[str, str]]:
        """What each call of a method said."""
        return [call.fields for call in self.calls if call.method == method]

    def seen_in(self, peer: int) -> list[str]:
        """The texts that a person got from the community, each as often as they got it."""
        return [message.text for message in self.messages if message.peer == peer]

    # What people do

    async def message(self, person: int, text: str) -> httpx2.Response:
        """Somebody writes to the community, which may answer them from now on."""
        self.refusals.pop(person, None)
        said = self._keep(person, text, ours=False)
        event = recorded_event("03_message_new_text")
        event["object"]["message"] |= {"from_id": person, "peer_id": person, **told(said)}
        return await self.post(event)

    async def answer_in_vk(self, person: int, text: str, admin: int = 77100555) -> httpx2.Response:
        """An admin of the community answers in VK itself."""
        said = self._keep(person, text, ours=True)
        event = recorded_event("16_message_reply_by_human_admin")
        event["object"] |= {"from_id": -self.group, "peer_id": person, "admin_author_id": admin, **told(said)}
        return await self.post(event)

    async def read(self, person: int, number: int | None = None) -> httpx2.Response:
        """Somebody reads up to a message, or all there is."""
        last = self._dialogues[person][-1]
        event = recorded_event("21_message_read")
        event["object"] |= {"from_id": person, "peer_id": person, "read_message_id": last.id,
                            "conversation_message_id": number or last.number}  # fmt: skip
        return await self.post(event)

    async def allow(self, person: int) -> httpx2.Response:
        self.refusals.pop(person, None)
        return await self._reach("18_message_allow", person)

    async def deny(self, person: int) -> httpx2.Response:
        self.refuse(person)
        return await self._reach("19_message_deny", person)

    async def post(self, event: dict[str, Any]) -> httpx2.Response:
        """Posts an event under an id of its own, unless it has one of us; the webhook must take it."""
        assert self.webhook, "no webhook was set"
        if event not in self.events:
            event |= {"event_id": f"{len(self.events) + 1:040x}", "group_id": self.group, "secret": self.secret}
            self.events.append(event)
        async with httpx2.AsyncClient(timeout=60) as client:
            answer = await client.post(self.webhook, json=event)
        assert (answer.status_code, answer.text) == (200, "ok"), answer.text
        return answer

    async def echo(self, said: Message) -> httpx2.Response:
        """Tells the webhook what the community sent by API."""
        event = recorded_event("15_message_reply_own_api_send")
        event["object"] |= {"from_id": -self.group, "peer_id": said.peer, **told(said)}
        return await self.post(event)

    async def _reach(self, name: str, person: int) -> httpx2.Response:
        event = recorded_event(name)
        event["object"]["user_id"] = person
        return await self.post(event)

    # The wire

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        call = self._read(scope, await whole_body(receive))
        async with self.called:
            self.calls.append(call)
            self.called.notify_all()
        mood = self._mood_for(call)
        body = await self._take(call) if mood.taken else b""
        if mood.held:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.let_go.wait(), mood.seconds)
        body = body if mood.answer is None else mood.answer
        if mood.cut == 0:
            scope["extensions"]["connection"].abort()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": mood.status, "headers": head})
        await send({"type": "http.response.body", "body": body[: mood.cut], "more_body": mood.cut is not None})
        if mood.cut is not None:
            scope["extensions"]["connection"].close()

    def _read(self, scope: Any, body: bytes) -> Call:
        """VK reads forms only."""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        kind = headers.get("content-type", "")
        _, place, name = scope["path"].split("/")
        if place == "upload":
            self.uploads.append(read_file(kind, body))
            return Call(f"upload.{name}", dict(parse_qsl(scope["query_string"].decode())), "")
        form = body.decode() if kind == "application/x-www-form-urlencoded" else ""
        token = headers.get("authorization", "").removeprefix("Bearer ")
        return Call(name, dict(parse_qsl(form, keep_blank_values=True)), token)

    def _mood_for(self, call: Call) -> Mood:
        for queued in (self._moods, self._always):
            for place, (method, peer, mood) in enumerate(queued):
                if method in (None, call.method) and peer in (None, call.peer):
                    if queued is self._moods:
                        del queued[place]
                    return mood
        return Mood(taken=True)

    async def _take(self, call: Call) -> bytes:
        known = len(self.messages)
        try:
            if not call.method.startswith("upload."):
                self._check(call)
            told = METHODS[call.method](self, call.fields)
        except Refuses as refused:
            return as_json(refusal(refused.code))
        await self._echo(self.messages[known:])
        return as_json(told)

    # Its rules

    def _check(self, call: Call) -> None:
        """VK: the key first, then how often it called; a call too many counts as none."""
        now = self.clock()
        if call.token != self.token:
            raise Refuses(5)
        if len(self._made) == CALLS_A_SECOND and now - self._made[0] < 1:
            raise Refuses(6)
        self._made.append(now)
        if call.fields.get("v") != "5.199" or call.method not in METHODS:
            raise Refuses(100)

    def send(self, fields: dict[str, str]) -> dict[str, Any]:
        text, attachment = fields.get("message", ""), fields.get("attachment", "")
        if not (text or attachment) or not fields.get("random_id") or not fields.get("peer_ids"):
            raise Refuses(100)
        if attachment and attachment not in self._saved:
            raise Refuses(100)
        if len(text) > TEXT_LIMIT:
            raise Refuses(914)
        peers = [int(peer) for peer in fields["peer_ids"].split(",")]
        return {"response": [self._send(peer, text, attachment, int(fields["random_id"])) for peer in peers]}

    def _send(self, peer: int, text: str, attachment: str, random_id: int) -> dict[str, Any]:
        if peer in self.refusals:
            return {**refusal_for_peer(self.refusals[peer]), "peer_id": peer}
        said = self._repeated(peer, random_id)
        if said is None:
            said = self._keep(peer, text, ours=True, random_id=random_id, attachment=attachment)
            self.messages.append(said)
        [item] = recorded("messages_send_peer_ids_ok")["response"]
        return {**item, "peer_id": peer, "message_id": said.id, "conversation_message_id": said.number}

    def _repeated(self, peer: int, random_id: int) -> Message | None:
        """VK: 0 protects from nothing."""
        kept = [one for one in self._dialogues[peer][-KEPT_MESSAGES:] if self.clock() - one.at < KEPT_SECONDS]
        return next((one for one in kept if one.ours and one.random_id == random_id != 0), None)

    def _keep(self, peer: int, text: str, **more: Any) -> Message:
        number = len(self._dialogues[peer]) + FIRST_NUMBER
        said = Message(peer, text, number, next(self._ids), self.clock(), **more)
        self._dialogues[peer].append(said)
        return said

    async def _echo(self, messages: list[Message]) -> None:
        for said in messages if self.echoes else ():
            echo = asyncio.create_task(self.echo(said))
            self._echoing.add(echo)
            if self.echoes == "before":
                await echo

    def upload_server(self, kind: str, known: dict[str, Any], type_: str) -> dict[str, Any]:
        query = known["response"]["upload_url"].partition("?")[2]
        return {"response": {"upload_url": f"{self.address}/upload/{kind}?{query}&wanted={type_}"}}

    def save_photo(self, fields: dict[str, str]) -> dict[str, Any]:
        given = {key: str(value) for key, value in recorded("photos_upload_ok").items()}
        if given.items() - fields.items():
            raise Refuses(100)
        saved = recorded("photos_saveMessagesPhoto_ok")["response"][0]
        saved["id"] += len(self._saved)
        self._saved.add(f"photo{saved['owner_id']}_{saved['id']}_{saved['access_key']}")
        return {"response": [saved]}

    def save_document(self, fields: dict[str, str]) -> dict[str, Any]:
        wanted, _, given = fields["file"].partition("|")
        if given != recorded("docs_upload_ok")["file"]:
            raise Refuses(100)
        saved = recorded("docs_save_ok")["response"]["doc"]
        saved |= {"id": saved["id"] + len(self._saved), "title": fields.get("title", "")}
        self._saved.add(f"doc{saved['owner_id']}_{saved['id']}")
        return {"response": {"type": wanted, wanted: saved}}

    def get_user(self, fields: dict[str, str]) -> dict[str, Any]:
        found = self.people.get(int(fields["user_ids"]))
        return {"response": [found]} if found else recorded("users_get_empty")

    def get_group(self, fields: dict[str, str]) -> dict[str, Any]:
        """VK: asked about nobody, with a community's key, it tells of that community."""
        own = {"id": self.group, "name": "Shop", "screen_name": "shop"}
        found = self.people.get(-int(fields["group_ids"])) if "group_ids" in fields else own
        return {"response": {"groups": [found] if found else [], "profiles": []}}

    # Its Callback API servers, as dev.vk.com documents groups.*CallbackServer and groups.*CallbackSettings

    def get_servers(self, fields: dict[str, str]) -> dict[str, Any]:
        self._of_own_group(fields)
        listed = [{name: server[name] for name in SERVER} | {"id": number} for number, server in self.servers.items()]
        return {"response": {"count": len(listed), "items": listed}}

    def add_server(self, fields: dict[str, str]) -> dict[str, Any]:
        """VK: at most ten of them."""
        self._of_own_group(fields)
        if len(self.servers) == MOST_SERVERS:
            raise Refuses(2000)
        number = len(self.servers) + 1
        self._keep_server(number, fields)
        return {"response": {"server_id": number}}

    def edit_server(self, fields: dict[str, str]) -> dict[str, Any]:
        self._of_own_group(fields)
        self._keep_server(int(fields["server_id"]), fields)
        return {"response": 1}

    def get_settings(self, fields: dict[str, str]) -> dict[str, Any]:
        self._of_own_group(fields)
        server = self.servers[int(fields["server_id"])]
        return {"response": {"api_version": server["api_version"], "events": server["events"]}}

    def set_settings(self, fields: dict[str, str]) -> dict[str, Any]:
        """VK: the names of events, each 0 or 1."""
        self._of_own_group(fields)
        own = ("group_id", "server_id", "api_version", "v")
        server = self.servers[int(fields["server_id"])]
        server["events"] |= {name: int(on) for name, on in fields.items() if name not in own}
        server["api_version"] = fields["api_version"]
        return {"response": 1}

    def get_code(self, fields: dict[str, str]) -> dict[str, Any]:
        self._of_own_group(fields)
        return recorded("groups_getCallbackConfirmationCode_ok")

    def _of_own_group(self, fields: dict[str, str]) -> None:
        if fields.get("group_id") != str(self.group):
            raise Refuses(15)

    def _keep_server(self, number: int, fields: dict[str, str]) -> None:
        """VK: a title of 1 to 14 characters, a secret of up to 50."""
        if not 1 <= len(fields.get("title", "")) <= 14 or len(fields.get("secret_key", "")) > 50:
            raise Refuses(100)
        known = self.servers.get(number, {"events": {}, "api_version": "5.80", "creator_id": 1})
        given = {name: fields[name] for name in ("url", "title", "secret_key")}
        self.servers[number] = known | given | {"status": "ok" if self.confirms else "failed"}

    def set_activity(self, fields: dict[str, str]) -> dict[str, Any]:
        if fields.get("type") != "typing" or not fields.get("peer_id"):
            raise Refuses(100)
        return {"response": 1}


METHODS: dict[str, Callable[[FakeVk, dict[str, str]], dict[str, Any]]] = {
    SEND: FakeVk.send,
    "messages.setActivity": FakeVk.set_activity,
    "photos.getMessagesUploadServer": lambda vk, _: vk.upload_server(
        "photo", recorded("photos_getMessagesUploadServer_ok"), "photo"
    ),
    "docs.getMessagesUploadServer": lambda vk, fields: vk.upload_server(
        "doc", recorded("docs_getMessagesUploadServer_ok"), fields["type"]
    ),
    "upload.photo": lambda *_: recorded("photos_upload_ok"),
    "upload.doc": lambda _, query: {"file": f"{query['wanted']}|{recorded('docs_upload_ok')['file']}"},
    "photos.saveMessagesPhoto": FakeVk.save_photo,
    "docs.save": FakeVk.save_document,
    "users.get": FakeVk.get_user,
    "groups.getById": FakeVk.get_group,
    "groups.getCallbackServers": FakeVk.get_servers,
    "groups.addCallbackServer": FakeVk.add_server,
    "groups.editCallbackServer": FakeVk.edit_server,
    "groups.getCallbackSettings": FakeVk.get_settings,
    "groups.setCallbackSettings": FakeVk.set_settings,
    "groups.getCallbackConfirmationCode": FakeVk.get_code,
}


def told(said: Message) -> dict[str, Any]:
    """A message as events tell it."""
    return {"text": said.text, "id": said.id, "conversation_message_id": said.number, "random_id": said.random_id}


def read_file(kind: str, body: bytes) -> Upload:
    """The one file of a multipart form."""
    boundary = b"--" + kind.partition("boundary=")[2].encode()
    head, _, content = body.removeprefix(boundary).partition(b"\r\n\r\n")
    named = dict(re.findall(r'(\w+)="([^"]*)"', head.decode()))
    mime = re.search(r"\r\nContent-Type: (.*)", head.decode())
    assert mime, head
    return Upload(named["name"], named["filename"], mime[1], content[: content.rindex(b"\r\n" + boundary)])


async def whole_body(receive: Any) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            return bytes(body)


@asynccontextmanager
async def a_fake_vk() -> AsyncIterator[FakeVk]:
    """On a loopback port; a source whose `api_url` is the fake's talks to it."""
    fake = FakeVk()
    async with served(fake) as fake.address:
        yield fake
        fake.let_go.set()  # whoever is still held back
        await fake.until_echoed()
