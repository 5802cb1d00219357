"""A Telegram that answers with the recorded payloads, keeps its real limits, and misbehaves when told to.

`calls` is all it was asked, in order; `messages` is what people got to see. A `Mood` is how it takes one call: queued with
`next`, for the next call of that method and chat. `hang_up`, `hold` and a recorded error all say whether the message was
taken before. Limits (Bot API FAQ): a message a second in a chat, after a short burst; 20 a minute in a group; 30 a second.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Any

import httpx2

RECORDED = Path(__file__).parent.parent / "payloads"
TOKEN = "7000000001:AAFakeFakeFakeFakeFakeFakeFakeFakeFak"
SECRET = "fake-telegram-secret"
FILES = ("photo", "document", "voice", "audio", "video", "animation")
FIRST_MESSAGE, FIRST_UPDATE = 1400, 418_220_501
TEXT_UNITS, CAPTION_UNITS = 4096, 1024
PHOTO_BYTES, UPLOAD_BYTES, DOWNLOAD_BYTES = 10 * 2**20, 50 * 2**20, 20 * 2**20
PER_CHAT, PER_GROUP, PER_BOT = (5, 1.0), (20, 20 / 60), (30, 30.0)  # at once, and a second after that


@dataclass(frozen=True)
class Reply:
    """What goes back on the wire. `cut`: the connection ends after this much of the body; 0 for no answer at all."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass(frozen=True)
class Mood:
    """How the next call is taken. `taken`: the message reaches the person. `answer`: instead of the true one."""

    answer: Reply | None = None
    taken: bool = False
    cut: int | None = None
    held: bool = False


@dataclass(frozen=True)
class Call:
    """A call as it came. `file` is the hash of the file's bytes, `at` the fake's clock, `message_id` what it became."""

    method: str
    chat_id: str
    text: str
    at: float
    fields: dict[str, Any]
    file: str | None = None
    file_name: str | None = None
    file_mime: str | None = None
    message_id: int | None = None


def recorded(name: str, **changed: Any) -> Reply:
    """An answer of the real one; `changed` replaces parts of its body."""
    kept = json.loads((RECORDED / "telegram-api" / f"{name}.json").read_bytes())
    body = kept["body_text"].encode() if "body_text" in kept else as_json({**kept["body"], **changed})
    return Reply(kept["http_status"], body, kept["headers"])


def error(name: str, *, taken: bool = False, **changed: Any) -> Mood:
    """A recorded error, such as `error_403_blocked`."""
    return Mood(recorded(name, **changed), taken=taken)


def busy(seconds: int) -> Mood:
    return Mood(too_many(seconds))


def hang_up(*, taken: bool = True, after: int = 0) -> Mood:
    """Ends the connection after so many bytes of the answer."""
    return Mood(taken=taken, cut=after)


def hold(*, taken: bool = True) -> Mood:
    """Answers only after `let_go`."""
    return Mood(taken=taken, held=True)


def says(body: bytes, status: int = 200, *, taken: bool = False, **headers: str) -> Mood:
    """Answers with anything."""
    return Mood(Reply(status, body, headers), taken=taken)


class Bucket:
    """So many at once, then so many a second."""

    def __init__(self, at_once: int, per_second: float) -> None:
        self.at_once, self.per_second = at_once, per_second
        self.room, self.at = float(at_once), 0.0

    def wait(self, now: float) -> float:
        """Seconds until there is room for one more; 0 if there is."""
        self.room = min(self.at_once, self.room + (now - self.at) * self.per_second)
        self.at = now
        return max(0.0, (1 - self.room) / self.per_second)


class FakeTelegram:
    def __init__(self, address: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.address, self.clock, self.tokens = address, clock, {TOKEN}
        self.calls: list[Call] = []
        self.messages: list[Call] = []
        self.blocked: set[str] = set()
        self.moved: dict[str, int] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.webhook, self.secret = "", SECRET
        self.told: dict[str, Any] = {}  # what getWebhookInfo says beside the address
        self.let_go = asyncio.Event()
        self.called = asyncio.Condition()
        self._moods: list[tuple[str | None, str | None, Mood]] = []
        self._last_message: defaultdict[str, int] = defaultdict(lambda: FIRST_MESSAGE - 1)
        self._last_update = FIRST_UPDATE - 1
        self._buckets: dict[str, Bucket] = {}

    # How it behaves

    def next(self, *moods: Mood, method: str | None = None, chat_id: object = None) -> None:
        """The next calls, one mood each; only those of this method and this chat, if given."""
        chat = None if chat_id is None else str(chat_id)
        self._moods += [(method, chat, mood) for mood in moods]

    def well(self) -> None:
        """Nothing is queued any more."""
        self._moods = []

    def block(self, chat_id: object) -> None:
        self.blocked.add(str(chat_id))

    def unblock(self, chat_id: object) -> None:
        self.blocked.discard(str(chat_id))

    def migrate(self, chat_id: object, to: int) -> None:
        """From now on a group has another id."""
        self.moved[str(chat_id)] = to

    def keep_file(self, file_id: str, content: bytes, path: str = "documents/file_17.pdf") -> None:
        self.files[file_id] = (path, content)

    async def until_called(self, times: int) -> None:
        """Returns once it was called so many times."""
        async with self.called:
            await self.called.wait_for(lambda: len(self.calls) >= times)

    def seen_in(self, chat_id: object) -> list[str]:
        """The texts that a chat shows."""
        return [call.text for call in self.messages if call.chat_id == str(chat_id)]

    # What people do

    async def message(self, person: int, text: str, *, name: str = "Vera") -> dict[str, Any]:
        """Somebody writes to the bot; the update goes to its webhook."""
        who = {"id": person, "is_bot": False, "first_name": name}
        chat = {"id": person, "type": "private", "first_name": name}
        number = self._next_message(str(person))
        said = {"message_id": number, "from": who, "chat": chat, "date": int(time.time()), "text": text}
        return await self.update(message=said)

    async def block_bot(self, person: int, *, blocked: bool = True) -> dict[str, Any]:
        """Somebody blocks or unblocks the bot, which its webhook is told."""
        (self.block if blocked else self.unblock)(person)
        name = "16_my_chat_member_blocked" if blocked else "17_my_chat_member_unblocked"
        change = json.loads((RECORDED / "telegram" / f"{name}.json").read_bytes())["my_chat_member"]
        for place in ("chat", "from"):
            change[place]["id"] = person
        return await self.update(my_chat_member={**change, "date": int(time.time())})

    async def update(self, **kind: Any) -> dict[str, Any]:
        self._last_update += 1
        sent = {"update_id": self._last_update, **kind}
        await self.post(sent)
        return sent

    async def post(self, update: dict[str, Any]) -> httpx2.Response:
        """Posts an update, also one again; the webhook must take it."""
        assert self.webhook, "no webhook was set"
        async with httpx2.AsyncClient(timeout=60) as client:
            proof = {"X-Telegram-Bot-Api-Secret-Token": self.secret}
            answer = await client.post(self.webhook, json=update, headers=proof)
            assert answer.is_success, answer.text
            return answer

    # The wire

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await whole_body(receive)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        reply = await self.answer(scope["path"], headers.get("content-type", ""), body)
        if reply.cut == 0:
            scope["extensions"]["connection"].abort()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        heads = {"content-type": "application/json", "content-length": str(len(reply.body))}
        heads |= {name.lower(): value for name, value in reply.headers.items()}
        listed = [(name.encode(), value.encode()) for name, value in heads.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": listed})
        await send({"type": "http.response.body", "body": reply.body[: reply.cut], "more_body": reply.cut is not None})
        if reply.cut is not None:
            scope["extensions"]["connection"].close()

    async def answer(self, path: str, content_type: str, body: bytes) -> Reply:
        asked = re.fullmatch(r"(/file)?/bot([^/]+)/(.+)", path)
        if asked is None or not re.fullmatch(r"\d+:[\w-]+", asked[2]):
            return recorded("error_404_bad_token_or_method")
        if asked[2] not in self.tokens:
            return recorded("error_401")
        if asked[1]:
            return self._download(asked[3])
        call = read_call(asked[3], content_type, body, self.clock())
        async with self.called:
            self.calls.append(call)
            self.called.notify_all()
        return await self._take(call)

    async def _take(self, call: Call) -> Reply:
        mood = self._mood_for(call)
        reply = recorded("error_500_restart")
        if mood.taken:
            reply = self._refusal(call) or self._do(call)
        if mood.held:
            await self.let_go.wait()
        return replace(mood.answer or reply, cut=mood.cut)

    def _mood_for(self, call: Call) -> Mood:
        for at, (method, chat, mood) in enumerate(self._moods):
            if method in (None, call.method) and chat in (None, call.chat_id):
                del self._moods[at]
                return mood
        return Mood(taken=True)

    # Its rules

    def _refusal(self, call: Call) -> Reply | None:
        if not call.method.startswith("send"):
            return None
        if call.chat_id in self.moved:
            return recorded("error_400_migrated", parameters={"migrate_to_chat_id": self.moved[call.chat_id]})
        if call.chat_id in self.blocked:
            return recorded("error_403_blocked")
        if not re.fullmatch(r"-?[1-9]\d*", call.chat_id):
            return recorded("error_400_chat_not_found")
        return self._malformed(call) or self._too_fast(call)

    def _malformed(self, call: Call) -> Reply | None:
        units = len(call.text.encode("utf-16-le")) // 2
        if call.method == "sendMessage" and not call.text.strip():
            return bad_request("message text is empty")
        if units > (TEXT_UNITS if call.method == "sendMessage" else CAPTION_UNITS):
            return recorded("error_400_too_long")
        size = call.fields.get("file_size", 0)
        if size > UPLOAD_BYTES:
            return Reply(413, as_json({"ok": False, "error_code": 413, "description": "Request Entity Too Large"}))
        if call.method == "sendPhoto" and size > PHOTO_BYTES:
            return bad_request("file is too big for a photo")
        return None

    def _too_fast(self, call: Call) -> Reply | None:
        limits = {"": PER_BOT, call.chat_id: PER_CHAT}
        if call.chat_id.startswith("-"):
            limits[f"group {call.chat_id}"] = PER_GROUP
        buckets = [self._buckets.setdefault(name, Bucket(*limit)) for name, limit in limits.items()]
        longest = max(bucket.wait(call.at) for bucket in buckets)
        if longest > 0:
            return too_many(ceil(longest))
        for bucket in buckets:
            bucket.room -= 1
        return None

    def _do(self, call: Call) -> Reply:
        match call.method:
            case "getMe" | "sendChatAction":
                return recorded(f"{call.method}_ok")
            case "setWebhook":
                if not call.fields["url"].startswith(("https://", "http://127.0.0.1")):  # the latter is a test's
                    return bad_request("bad webhook: An HTTPS URL must be provided for webhook")
                self.webhook, self.secret = call.fields["url"], call.fields.get("secret_token", "")
                self.told = {"allowed_updates": call.fields.get("allowed_updates", []), "last_error_message": None}
                return recorded("setWebhook_ok")
            case "getWebhookInfo":
                known = json.loads(recorded("getWebhookInfo_with_error").body)["result"]
                return Reply(200, as_json({"ok": True, "result": {**known, "url": self.webhook, **self.told}}))
            case "getFile":
                return self._file(call.fields.get("file_id", ""))
            case _ if call.method.startswith("send"):
                return self._send(call)
        return recorded("error_404_bad_token_or_method")

    def _send(self, call: Call) -> Reply:
        """A sent message, told as the real one tells it."""
        number = self._next_message(call.chat_id)
        self.messages.append(replace(call, message_id=number))
        told = json.loads(recorded("sendMessage_ok").body)
        chat = {"id": int(call.chat_id), "type": "supergroup" if call.chat_id.startswith("-") else "private"}
        words = {"text" if call.method == "sendMessage" else "caption": call.text} if call.text else {}
        del told["result"]["text"]
        told["result"] |= {"message_id": number, "chat": chat, "date": int(time.time()), **words}
        if call.file is not None:
            held = {"file_id": call.file, "file_unique_id": call.file[:16], "file_size": call.fields["file_size"]}
            kind = call.method.removeprefix("send").lower()
            told["result"][kind] = [held] if kind == "photo" else {**held, "file_name": call.file_name}
        return Reply(200, as_json(told))

    def _file(self, file_id: str) -> Reply:
        if file_id not in self.files:
            return recorded("getFile_400_wrong_id")
        path, content = self.files[file_id]
        if len(content) > DOWNLOAD_BYTES:
            return recorded("getFile_400_too_big")
        known = json.loads(recorded("getFile_ok").body)["result"]
        found = {**known, "file_id": file_id, "file_path": path, "file_size": len(content)}
        return Reply(200, as_json({"ok": True, "result": found}))

    def _download(self, path: str) -> Reply:
        content = dict(self.files.values()).get(path)
        if content is None:
            return recorded("error_404_bad_token_or_method")
        return Reply(200, content, {"content-type": "application/octet-stream"})

    def _next_message(self, chat_id: str) -> int:
        self._last_message[chat_id] += 1
        return self._last_message[chat_id]


def too_many(seconds: int) -> Reply:
    words = f"Too Many Requests: retry after {seconds}"
    reply = recorded("error_429", description=words, parameters={"retry_after": seconds})
    return replace(reply, headers={"Retry-After": str(seconds)})


def bad_request(words: str) -> Reply:
    return Reply(400, as_json({"ok": False, "error_code": 400, "description": f"Bad Request: {words}"}))


def read_call(method: str, content_type: str, body: bytes, at: float) -> Call:
    """Bot API, Making requests: JSON, or multipart when a file goes up."""
    fields: dict[str, Any] = {}
    file: dict[str, Any] = {}
    if content_type.startswith("multipart/form-data"):
        fields, file = read_form(content_type, body)
    elif body:
        fields = json.loads(body)
    text = fields.get("text") or fields.get("caption") or ""
    return Call(method, str(fields.get("chat_id", "")), text, at, fields, **file)


def read_form(content_type: str, body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plain fields, and the file: its hash, name and MIME type; its size is a field."""
    fields: dict[str, Any] = {}
    file: dict[str, Any] = {}
    boundary = b"--" + content_type.partition("boundary=")[2].encode()
    for part in body.split(boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        named = dict(re.findall(r'(\w+)="([^"]*)"', head.decode()))
        if "filename" in named:
            assert named["name"] in FILES
            mime = re.search(r"Content-Type: (\S+)", head.decode(), re.IGNORECASE)
            file = {"file": sha256(content).hexdigest(), "file_name": named["filename"],
                    "file_mime": mime[1] if mime else None}  # fmt: skip
            fields |= {"file_size": len(content), "file_field": named["name"]}
        else:
            fields[named["name"]] = content.decode()
    return fields, file


async def whole_body(receive: Any) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            return bytes(body)


def as_json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
