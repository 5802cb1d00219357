"""VK's API, thinly: one call, its answer read, and each way it can fail as one raise of `calls.py`.

dev.vk.com, "API requests" and "Errors": POST of a form; HTTP says 200 even when VK refuses, so only the body tells.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import httpx2

from pulse.channels import Account, File, Unreadable
from pulse.channels.calls import BadPiece, CallFailed, MaybeSent, NeverDelivered, NotNow, SourceInTrouble
from pulse.channels.fields import Fields

T = TypeVar("T")

API_URL = "https://api.vk.ru/method/"
VERSION = "5.199"
HOSTS = (
    "vk.com", "*.vk.com", "vk.ru", "*.vk.ru", "*.userapi.com", "*.vkuser.net", "*.mycdn.me", "*.okcdn.ru",
)  # fmt: skip
ANSWER_LIMIT = 2**20
CALL_SECONDS, UPLOAD_SECONDS = 30.0, 600.0

TOKEN = re.compile(rb"[\x21-\x7e]+")
MIME = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
# A call ends with one of these before any of it has left us.
NEVER_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)


class VkApi:
    """One source's way to VK. Its token goes to VK only: no error, no log line and no redirect ever carries it.

    httpx2's errors hold the request, and VK's refusals may repeat it (`request_params`): neither is passed on.
    """

    def __init__(self, account: Account, http: httpx2.AsyncClient, *, call_seconds: float = CALL_SECONDS) -> None:
        self._account = account
        self._http = http
        self._token = account.secrets.get("token", b"")
        self._call_seconds = call_seconds

    async def call(self, method: str, read: Callable[[Fields], T], **fields: object) -> T:
        """What `read` finds in the answer. Raises CallFailed; MaybeSent wherever VK's answer does not say."""
        if not TOKEN.fullmatch(self._token):
            raise SourceInTrouble("It has no token, or one that can't be right.")
        form = {"v": VERSION} | {name: str(value) for name, value in fields.items()}
        proof = {b"Authorization": b"Bearer " + self._token}
        address = f"{api_url(self._account).rstrip('/')}/{method}"
        answer = await self._post(address, self._call_seconds, data=form, headers=proof)
        return understood(answer, lambda found: read(self._checked(found)))

    async def upload(self, address: str, key: str, file: File, read: Callable[[Fields], T]) -> T:
        """What `read` finds in an upload server's answer. Raises CallFailed; only VK's own hosts get the file."""
        if not may_serve(self._account, address):
            raise NeverDelivered("VK names an upload server that is none of VK's.")
        mime = file.mime if MIME.fullmatch(file.mime) else "application/octet-stream"
        held = {key: (file.name or file.kind, file.content, mime)}
        return understood(await self._post(address, UPLOAD_SECONDS, files=held), read)

    def refused(self, code: int, words: object) -> CallFailed:
        """The raise for one of VK's codes, with VK's own words."""
        said = " ".join(words.split()) if isinstance(words, str) else ""
        said = said.replace(self._token.decode(), "…")[:200].rstrip(".") or "no reason given"
        return REFUSALS.get(code, unknown)(f"VK refused: {said} (error {code}).", str(code))

    def _checked(self, answer: Fields) -> Fields:
        error = answer.maybe_child("error")
        if error is not None:
            raise self.refused(error.whole("error_code"), error.values.get("error_msg"))
        return answer

    async def _post(self, address: str, seconds: float, **content: Any) -> bytes | CallFailed:
        """The body of an answer. One that comes byte by byte ends after `seconds`, one without an end at a MiB."""
        try:
            async with (
                asyncio.timeout(seconds),
                self._http.stream("POST", address, follow_redirects=False, **content) as answer,
            ):
                return await body_of(answer)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            return SourceInTrouble("The address of this source's VK API (`api_url`) can't be one.")
        except NEVER_LEFT as error:
            return NotNow(f"VK can't be reached ({type(error).__name__}).")
        except (httpx2.HTTPError, TimeoutError) as error:
            return MaybeSent(f"VK did not answer, or not to the end ({type(error).__name__}).")


async def body_of(answer: httpx2.Response) -> bytes | CallFailed:
    """VK answers 200 whatever happens: any other status comes from something before it."""
    if answer.status_code == httpx2.codes.CONTENT_TOO_LARGE:
        return NeverDelivered("VK takes nothing as large as this.", "HTTP 413")
    if answer.status_code != httpx2.codes.OK:
        return MaybeSent("VK is in trouble and did not say what became of it.", f"HTTP {answer.status_code}")
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > ANSWER_LIMIT:
            return MaybeSent("VK's answer has no end.")
    return bytes(body)


def understood(answer: bytes | CallFailed, read: Callable[[Fields], T]) -> T:
    """Raises what the call ended with, here, where no other error is around for it to keep; and MaybeSent where the
    answer is not what VK promises.
    """
    if isinstance(answer, CallFailed):
        raise answer
    try:
        return read(Fields.of(answer))
    except Unreadable as error:
        unread = str(error)
    raise MaybeSent(f"VK's answer can't be read: {unread}")


def api_url(account: Account) -> str:
    return account.settings.get("api_url") or API_URL


def hosts_of(account: Account) -> tuple[str, ...]:
    """VK's hosts for files; a source that is pointed at another address has that one's too."""
    own = httpx2.URL(api_url(account)).host
    return HOSTS if is_on(HOSTS, own) else (*HOSTS, own)


def may_serve(account: Account, url: str) -> bool:
    """Is it an https address on a host of VK's, or one like the address that this source is pointed at?"""
    try:
        address, own = httpx2.URL(url), httpx2.URL(api_url(account))
    except httpx2.InvalidURL:
        return False
    like_own = address.host != "" and (address.scheme, address.host) == (own.scheme, own.host)
    return like_own or (address.scheme == "https" and is_on(HOSTS, address.host))


def is_on(hosts: tuple[str, ...], host: str) -> bool:
    """`*.vk.com` stands for every host below vk.com."""
    return any(host == known or (known.startswith("*.") and host.endswith(known[1:])) for known in hosts)


def for_an_admin(reason: str, code: str) -> NeverDelivered:
    return NeverDelivered(f"{reason} VK takes what this community sends for spam: an admin should look at it.", code)


def unknown(reason: str, code: str) -> NeverDelivered:
    """A refusal all the same, so nothing arrived; tried again it would loop, and shown as failed it is not lost."""
    return NeverDelivered(f"{reason} Pulse does not know this error.", code)


REFUSALS: dict[int, Callable[[str, str], CallFailed]] = {
    **dict.fromkeys((1, 10), MaybeSent),
    6: partial(NotNow, after=1, whole_source=True),
    9: partial(NotNow, after=180),
    29: partial(SourceInTrouble, after=4 * 3600),
    **dict.fromkeys((5, 7, 14, 15, 17, 27, 28), SourceInTrouble),
    **dict.fromkeys((900, 901, 902, 1021), partial(NeverDelivered, unreachable=True)),
    **dict.fromkeys((917, 922, 925, 927, 932, 936, 945, 946, 1012), NeverDelivered),
    **dict.fromkeys((911, 912), BadPiece),
    **dict.fromkeys((100, 910, 913, 914, 921), NeverDelivered),
    **dict.fromkeys((943, 944, 984), for_an_admin),
}
