"""The main job as an operator runs it: `pulse up --demo` as a process, HTTP in, both sockets out, servers killed.

Everything acknowledged must be there exactly once, in the same order everywhere.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.conftest import free_port
from tests.insisting import insist

PULSE = [sys.executable, "-m", "pulse.cli"]


@dataclass
class Installation:
    """A Pulse started by its command, and what its demo printed."""

    process: asyncio.subprocess.Process
    environment: dict[str, str]
    data_dir: Path
    http: httpx2.AsyncClient
    demo: dict[str, Any] = field(default_factory=dict)

    def source(self, channel: str) -> dict[str, Any]:
        return next(source for source in self.demo["sources"] if source["type"] == channel)

    async def command(self, *words: str, **more: str) -> tuple[int, str]:
        done = await asyncio.create_subprocess_exec(
            *PULSE,
            *words,
            env=self.environment | more,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await done.communicate()
        return done.returncode or 0, said.decode()

    async def sign_in(self, name: str) -> str:
        credentials = {"email": f"{name}@pulse.example", "password": "password"}
        answer = await until(lambda: self.http.post("/api/users/login", json=credentials), ok)
        return str(answer.json()["access_token"])

    def server(self, name: str) -> psutil.Process:
        """One of the servers it started, by name."""
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if name in Path(child.exe()).name)


async def until(ask: Callable[[], Awaitable[httpx2.Response]], good: Callable[[httpx2.Response], bool]) -> Any:
    """Asks a process that starts, or whose servers were just killed, until its answer is good."""
    return await insist(ask, good, despite=httpx2.HTTPError)


def ok(answer: httpx2.Response) -> bool:
    return answer.status_code < 300


@contextlib.asynccontextmanager
async def installed(data_dir: Path, *, http_port: int, push_port: int) -> AsyncIterator[Installation]:
    environment = {
        **os.environ, "PULSE_DATA_DIR": str(data_dir), "PULSE_HTTP_PORT": str(http_port),
        "PULSE_PUSH_PORT": str(push_port),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *PULSE, "up", "--demo", env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{http_port}", timeout=10) as http:
        running = Installation(process, environment, data_dir, http)
        await until(lambda: http.get("/healthz"), ok)
        _, said = await running.command("demo", "--json")
        running.demo = json.loads(said)
        try:
            yield running
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@pytest.fixture
async def installation(data_dir: Path) -> AsyncIterator[Installation]:
    place = data_dir / f"journey-{free_port()}"
    async with installed(place, http_port=free_port(), push_port=free_port()) as running:
        yield running


class Ear:
    """A client that keeps what it heard."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    async def until(self, enough: Callable[[list[dict[str, Any]]], bool]) -> None:
        while not enough(self.heard):
            self.heard.append(json.loads(await self.socket.recv()))


def texts(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["text"] for entry in entries]


def messages(heard: list[dict[str, Any]], chat: str) -> list[str]:
    return [f["data"]["text"] for f in heard if f["type"] == "chat.message" and f["session_id"] == chat]


@pytest.mark.timeout(180)
async def test_nothing_is_lost_or_doubled_while_both_servers_are_killed(installation: Installation) -> None:
    pulse = installation
    session = (await pulse.http.post("/api/widget/session", json={"source": "web_site", "name": "Vera"})).json()
    token, chat = await pulse.sign_in("anna"), session["session_id"]
    staff_url = f"{pulse.demo['push']}/channel/ws?type=staff&access_token={token}"
    visitor_url = f"{pulse.demo['push']}/channel/ws?session={chat}&token={session['token']}"
    bearer = {"Authorization": f"Bearer {session['chat_token']}"}
    acknowledged: list[str] = []

    async def write(text: str) -> None:
        """As a widget does: the same clientMsgId until there is an answer."""
        body = {"text": text, "clientMsgId": text}
        await until(lambda: pulse.http.post("/api/widget/messages", json=body, headers=bearer), ok)
        acknowledged.append(text)

    async with connect(staff_url, max_queue=None) as staff_socket, connect(visitor_url, max_queue=None) as socket:
        staff, visitor = Ear(staff_socket), Ear(socket)
        for number in range(60):
            if number == 20:
                pulse.server("nats-server").kill()
            if number == 40:
                pulse.server("postgres").kill()
            await write(f"message {number}")
        await visitor.until(lambda heard: len(messages(heard, chat)) >= 60)
        await staff.until(lambda heard: len(messages(heard, chat)) >= 60)
        token = await pulse.sign_in("anna")
        headers = {"Authorization": f"Bearer {token}"}
        thread_url = f"/api/chats/{chat}/messages?limit=200"
        thread = await until(
            lambda: pulse.http.get(thread_url, headers=headers),
            lambda answer: ok(answer) and len(answer.json()["items"]) >= 60,
        )
        reply = await pulse.http.post(f"/api/chats/{chat}/messages", json={"text": "Here"}, headers=headers)
        assert reply.status_code == 201
        await visitor.until(lambda heard: messages(heard, chat)[-1] == "Here")
    assert acknowledged == [f"message {number}" for number in range(60)]
    assert texts(thread.json()["items"]) == acknowledged
    assert messages(staff.heard, chat)[:60] == acknowledged
    assert messages(visitor.heard, chat) == [*acknowledged, "Here"]


@pytest.mark.timeout(180)
async def test_a_redelivery_after_kill_9_of_everything_is_still_one_message(data_dir: Path) -> None:
    place, ports = data_dir / f"journey-{free_port()}", {"http_port": free_port(), "push_port": free_port()}
    update = (Path(__file__).parent.parent / "payloads/telegram/01_text_private.json").read_bytes()
    secret = {"X-Telegram-Bot-Api-Secret-Token": "pulse-demo-telegram"}
    async with installed(place, **ports) as pulse:
        answers = await asyncio.gather(
            *(
                pulse.http.post(pulse.source("telegram")["webhook_url"], content=update, headers=secret)
                for _ in range(50)
            )
        )
        assert {answer.status_code for answer in answers} == {200}
        servers = [pulse.server("nats-server"), pulse.server("postgres")]
        for process in (*servers, psutil.Process(pulse.process.pid)):
            process.kill()
        await pulse.process.wait()
    async with installed(place, **ports) as pulse:
        again = await pulse.http.post(pulse.source("telegram")["webhook_url"], content=update, headers=secret)
        assert again.status_code == 200
        headers = {"Authorization": f"Bearer {await pulse.sign_in('anna')}"}
        chats = (await pulse.http.get("/api/chats", headers=headers)).json()["items"]
        assert [(chat["name"], chat["version"], chat["unread"]) for chat in chats] == [("Анна Кедрова", 2, 1)]


async def test_a_second_start_on_the_same_directory_says_so_and_exits_1(installation: Installation) -> None:
    code, said = await installation.command("up")
    assert code == 1
    assert "already runs" in said
    assert str(installation.process.pid) in said


async def test_asking_for_the_demo_again_changes_nothing(installation: Installation) -> None:
    status = json.loads((await installation.command("status", "--json"))[1])
    code, said = await installation.command("demo", "--json")
    assert (code, json.loads(said)) == (0, installation.demo)
    assert json.loads((await installation.command("status", "--json"))[1])["log_position"] == status["log_position"]
    assert [account["email"].split("@")[0] for account in installation.demo["accounts"]] == ["admin", "anna", "boris"]
    assert {s["type"]: s["secret"] for s in installation.demo["sources"]} == {
        "telegram": "pulse-demo-telegram", "vk": "pulse_demo_secret_Q7", "web": None, "simulator": None,
    }  # fmt: skip
    assert [producer["name"] for producer in installation.demo["producers"]] == ["campaigns", "money"]


async def test_a_second_terminal_is_told_where_pulse_answers(installation: Installation) -> None:
    elsewhere = {**installation.environment, "PULSE_HTTP_PORT": "8000", "PULSE_PUSH_PORT": "8001"}
    installation.environment = elsewhere
    assert json.loads((await installation.command("demo", "--json"))[1]) == installation.demo


async def test_ctrl_c_ends_everything_cleanly(installation: Installation) -> None:
    children = psutil.Process(installation.process.pid).children(recursive=True)
    installation.process.send_signal(signal.SIGINT)
    assert await installation.process.wait() == 0
    assert psutil.wait_procs(children, timeout=10)[1] == []


async def test_sources_and_people_are_added_while_it_runs(installation: Installation) -> None:
    pulse = installation
    await pulse.command("department", "add", "Night shift")
    _, said = await pulse.command("source", "add", "simulator", "second", "--department", "Night shift", "--json")
    made = json.loads(said)
    body = {"from": "vera", "message": "Hi", "type": "text", "message_id": "1", "timestamp": 1795165200}
    assert (await pulse.http.post(made["webhook_url"], json=body)).status_code == 401
    secret = {"X-Pulse-Secret": made["secret"]}
    await until(lambda: pulse.http.post(made["webhook_url"], json=body, headers=secret), ok)
    _, said = await pulse.command(
        "user",
        "add",
        "nina@pulse.example",
        "Nina",
        "--department",
        "Night shift",
        "--json",
        PULSE_NEW_PASSWORD="long enough",
    )
    assert json.loads(said) == {"email": "nina@pulse.example", "role": "moderator", "password": None}
    credentials = {"email": "nina@pulse.example", "password": "long enough"}
    nina = await until(lambda: pulse.http.post("/api/users/login", json=credentials), ok)
    headers = {"Authorization": f"Bearer {nina.json()['access_token']}"}
    assert [chat["last_text"] for chat in (await pulse.http.get("/api/chats", headers=headers)).json()["items"]] == [
        "Hi"
    ]


async def test_the_read_models_are_rebuilt_while_people_read(installation: Installation) -> None:
    pulse = installation
    headers = {"Authorization": f"Bearer {await pulse.sign_in('anna')}"}
    body = {"from": "vera", "message": "Hi", "type": "text", "message_id": "1", "timestamp": 1795165200}
    await pulse.http.post(pulse.source("simulator")["webhook_url"], json=body)
    rebuilding = asyncio.create_task(pulse.command("rebuild"))
    statuses = set()
    while not rebuilding.done():
        statuses.add((await pulse.http.get("/api/chats", headers=headers)).status_code)
    assert rebuilding.result()[0] == 0, rebuilding.result()[1]
    assert statuses == {200}
    assert len((await pulse.http.get("/api/chats", headers=headers)).json()["items"]) == 1
