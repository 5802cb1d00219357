"""The Bot API, one call at a time. The token stays in here: no error, log line or traceback shows it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import httpx2

from pulse.channels import Account, File, Located
from pulse.channels.calls import BadPiece, CallFailed, MaybeSent, NotNow, SourceInTrouble
from pulse.channels.telegram_answers import Answer, result_of, whole

API_URL = "https://api.telegram.org"
ANSWER_BYTES = 2**20
ANSWER_SECONDS = 30
TOKEN = re.compile(rb"[0-9]{1,20}:[A-Za-z0-9_-]{1,256}")
MIME = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
FILE_PATH = re.compile(r"(?!.*\.\.)[\w-][\w./-]*", re.ASCII)

# A call ends with one of these before any of it has left us.
NEVER_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)


class TelegramApi:
    """One bot's calls. `http` brings the time limits."""

    def __init__(self, account: Account, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._token = account.secrets.get("token", b"")
        self._address = (account.settings.get("api_url") or API_URL).rstrip("/")

    async def call(self, method: str, fields: Mapping[str, Any], file: File | None = None) -> Any:
        """Returns the answer's `result`; a file goes up in the field that its kind names.

        Raises what `channels/calls.py` knows, and nothing else; what raised it is dropped, because it knows the token.
        """
        if not TOKEN.fullmatch(self._token):
            raise SourceInTrouble("It has no token, or one that can't be right.")
        answer = await self._exchange(method, fields, file)
        if isinstance(answer, CallFailed):
            raise answer  # only here, where no other error is being handled that it would keep as its context
        return result_of(answer)

    async def locate(self, file_id: str) -> Located:
        """Bot API, getFile: where to fetch a file within the hour. Asking changes nothing, so it may be asked again."""
        try:
            found = await self.call("getFile", {"file_id": file_id})
        except (MaybeSent, BadPiece) as unclear:
            raise NotNow(unclear.reason, unclear.provider_code) from None
        path, size = (found.get("file_path"), found.get("file_size")) if isinstance(found, dict) else (None, None)
        if not isinstance(path, str) or not FILE_PATH.fullmatch(path):
            raise NotNow("Telegram does not say where the file is.")
        host = httpx2.URL(self._address).host
        return Located(f"{self._address}/file/bot{self._token.decode()}/{path}", whole(size), (host,))

    async def _exchange(self, method: str, fields: Mapping[str, Any], file: File | None) -> Answer | CallFailed:
        content: dict[str, Any] = {"json": fields} if file is None else {"data": fields, "files": upload(file)}
        try:
            async with (
                self._http.stream(
                    "POST", self._address, headers={"Accept-Encoding": "identity"}, follow_redirects=False,
                    extensions={"target": self._target(method)}, **content,
                ) as answer,
                asyncio.timeout(ANSWER_SECONDS),
            ):  # fmt: skip
                # An answer may quote the address it was asked at.
                body = (await limited(answer)).replace(self._token, b"<token>")
                return Answer(answer.status_code, answer.headers.get("retry-after", ""), body)
        except NEVER_LEFT:
            return NotNow("Telegram can't be reached.")
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            return SourceInTrouble("The address of this bot's Bot API (`api_url`) can't be one.")
        except (httpx2.HTTPError, TimeoutError):
            return MaybeSent("Telegram did not answer, or not to the end.")

    def _target(self, method: str) -> bytes:
        """The path with the token in it. Handed over beside the URL, which httpx2 writes into its log and its errors."""
        return httpx2.URL(self._address).raw_path.rstrip(b"/") + b"/bot" + self._token + b"/" + method.encode()


async def limited(answer: httpx2.Response) -> bytes:
    """The body; of one that is too large nothing, which reads as no answer at all."""
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > ANSWER_BYTES:
            return b""
    return bytes(body)


def upload(file: File) -> dict[str, tuple[str, bytes, str]]:
    mime = file.mime if MIME.fullmatch(file.mime) else "application/octet-stream"
    return {file.kind: (file.name or file.kind, file.content, mime)}
