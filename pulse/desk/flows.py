"""People on their way to a provider and back. What they left with lies sealed in a cookie of ten minutes, for one use."""

from __future__ import annotations

import msgspec
from fastapi import Request, Response

from pulse.desk.guard import Guard
from pulse.desk.used_once import UsedOnce
from pulse.limits import Rate, network_of
from pulse.vault import Vault, WrongKey
from pulse.ways import FLOW_LIFE, Fields, Flow, Theirs, Way, refuse
from pulse.ways.offered import Ways

PURPOSE = "sign-in flow"
COOKIE_LIMIT = 4096
LEEWAY = 60  # our processes' clocks may differ
# Sealed text is base64; browsers and servers disagree on these signs in a cookie.
TO_COOKIE, FROM_COOKIE = str.maketrans("+/", "-_", "="), str.maketrans("-_", "+/")


class Flows:
    """The cookie is Lax, because people come back from another site; a stranger's browser has none."""

    def __init__(self, guard: Guard, vault: Vault, ways: Ways) -> None:
        self.guard = guard
        self.ways = ways
        self.used = UsedOnce(guard.reads)
        self.cookie = "__Host-pulse_flow" if guard.secure else "pulse_flow"
        self._vault = vault
        self._addresses = Rate(per_second=1, burst=60)

    def require_rate(self, request: Request) -> None:
        """Raises TooOften."""
        self._addresses.require(network_of(request.client.host if request.client else ""))

    def begin(self, way: Way, *, goes_to: str = "", session: str = "") -> Flow:
        return Flow.begin(way.name, way.method, goes_to=goes_to, session=session, now=self.guard.clock())

    def address(self, flow: Flow) -> str:
        """Where the person goes now. Raises ProviderOff."""
        way = self.ways.find(flow.provider, flow.method)
        return way.address(flow, self.ways.back(way))

    def keep(self, flow: Flow, response: Response) -> None:
        """Gives the flow to the browser, which can't read it."""
        sealed = self._vault.seal(msgspec.json.encode(flow), PURPOSE).translate(TO_COOKIE)
        response.set_cookie(
            self.cookie, sealed, max_age=int(FLOW_LIFE.total_seconds()), httponly=True, secure=self.guard.secure,
            samesite="lax", path="/",
        )  # fmt: skip

    def drop(self, response: Response) -> None:
        response.delete_cookie(self.cookie, path="/", secure=self.guard.secure, httponly=True, samesite="lax")

    def of(self, request: Request, provider: str) -> Flow:
        """What this browser left with, for that provider, in the last ten minutes. Raises ProviderOff, NotSignedIn."""
        self.ways.find(provider)
        sealed = request.cookies.get(self.cookie, "")[:COOKIE_LIMIT].translate(FROM_COOKIE)
        try:
            opened = self._vault.unseal(sealed + "=" * (-len(sealed) % 4), PURPOSE)
            flow = msgspec.json.decode(opened, type=Flow)
        except (WrongKey, msgspec.MsgspecError):
            refuse("no flow")
        age = self.guard.clock().timestamp() - flow.issued
        if flow.provider != provider or not -LEEWAY <= age <= FLOW_LIFE.total_seconds():
            refuse("the flow is over")
        return flow

    async def finish(self, flow: Flow, fields: Fields) -> Theirs:
        """Who came back. Of all who come with the same state or signature, only the first is heard.

        Raises NotSignedIn, ProviderOff, NoAnswer, ReadsDown.
        """
        way = self.ways.find(flow.provider, flow.method)
        way.require_own(fields, flow)
        await self._take(f"state:{flow.state}")
        theirs = await way.identify(fields, flow, self.ways.back(way))
        if theirs.once:
            await self._take(f"{way.name}:{theirs.once}")
        return theirs

    async def _take(self, what: str) -> None:
        # A widget's signature may be dated five minutes ahead, so it can come for ten; a second more for rounding.
        if not await self.used.take(what, now=self.guard.clock(), life=FLOW_LIFE * 1.1):
            refuse("used before")
