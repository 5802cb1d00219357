"""`/auth/{provider}/…`: signing in with Telegram and VK ID. No account is ever made by it."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Literal
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from pulse.access import by_moderator
from pulse.aggregates.identity import LinkedToAnother
from pulse.desk.answers import Responses, refuses
from pulse.desk.flows import Flows
from pulse.desk.guard import Caller, Guard
from pulse.desk.html import own_path
from pulse.desk.sign_in import CodeAsked, SignIn, address_of
from pulse.desk.way_pages import NotLinked, fragment_page, refused
from pulse.errors import BadInput, NotAuthentic, PulseError
from pulse.http import json_object
from pulse.linking import Linking
from pulse.outside import NoAnswer
from pulse.ways import Fields, Flow, NotSignedIn, ProviderOff, Theirs, refuse

DASHBOARD, PROFILE = "/dashboard", "/settings/profile"
FIELDS, FIELD_LIMIT = 20, 4096
SEE_OTHER = 303
NEXT_LIMIT = 512  # 6 KiB in an address, of the 16 that all headers may have
GOES: Responses = {303: {"description": "onwards"}, **refuses(ProviderOff)}
COMES_BACK = GOES | refuses(NotSignedIn, NotLinked, LinkedToAnother, NoAnswer)
PAGE = {"text/html": {"schema": {"type": "string", "examples": ["<!doctype html>…"]}}}
FETCHES: Responses = {
    200: {"description": "a page that brings what Telegram's widget says behind the #", "content": PAGE}
}
SAID = {
    "type": "object",
    "additionalProperties": {"type": ["string", "integer"]},
    "examples": [{"id": 5230011842, "auth_date": 1795165200, "hash": "0afb5f77…", "state": "mT5x2c0v…"}],
}
POSTED = {"content": {kind: {"schema": SAID} for kind in ("application/json", "application/x-www-form-urlencoded")}}

log = structlog.get_logger(__name__)

Method = Annotated[
    Literal["", "oidc", "widget", "oauth"],
    Query(description="one of a provider's ways, where there are several: Telegram has `oidc` and `widget`"),
]
Next = Annotated[
    str,
    Query(
        alias="next",
        max_length=NEXT_LIMIT,
        description="a path of this site to go to in the end",
        examples=["/dashboard"],
    ),
]


def way_routes(guard: Guard, flows: Flows, linking: Linking, sign_in: SignIn) -> APIRouter:
    router = APIRouter(prefix="/auth/{provider}", tags=["sign in"])
    arrivals = Arrivals(guard, flows, linking, sign_in)

    @router.get("/redirect", status_code=SEE_OTHER, response_class=RedirectResponse, responses=GOES)
    async def begin_provider_sign_in(
        provider: str, request: Request, method: Method = "", goes_to: Next = ""
    ) -> Response:
        """Sends the browser to the provider (`telegram`, `vk`), from where it comes back to the callback."""

        async def leave() -> Response:
            flows.require_rate(request)
            flow = flows.begin(flows.ways.find(provider, method), goes_to=own_path(goes_to, DASHBOARD))
            response = RedirectResponse(flows.address(flow), SEE_OTHER, {"Cache-Control": "no-store"})
            flows.keep(flow, response)
            return response

        return await answered(request, leave)

    @router.get("/callback", status_code=SEE_OTHER, response_class=RedirectResponse, responses=COMES_BACK | FETCHES)
    async def finish_provider_sign_in(provider: str, request: Request) -> Response:
        """Whoever comes back is signed in, if their account is linked to a person here; 403 `not-linked` else."""
        return await arrivals.answer(provider, request)

    @router.post(
        "/callback", status_code=SEE_OTHER, response_class=RedirectResponse, responses=COMES_BACK,
        openapi_extra={"requestBody": POSTED},
    )  # fmt: skip
    async def post_provider_answer(provider: str, request: Request) -> Response:
        """The same for a page of ours that has the answer itself, such as Telegram's widget: a form, or JSON."""
        return await arrivals.answer(provider, request)

    return router


class Arrivals:
    """Whoever comes back from a provider: signed in, or with an identity more."""

    def __init__(self, guard: Guard, flows: Flows, linking: Linking, sign_in: SignIn) -> None:
        self._guard = guard
        self._flows = flows
        self._linking = linking
        self._begins = sign_in

    async def answer(self, provider: str, request: Request) -> Response:
        """The end of a flow, whatever it is: a browser comes back once."""
        answer = await answered(request, lambda: self._arrive(provider, request))
        if answer.status_code != 200:  # the page that fetches a fragment is not the end yet
            self._flows.drop(answer)
        return answer

    async def _arrive(self, provider: str, request: Request) -> Response:
        self._flows.require_rate(request)
        self._guard.require_same_site(request)
        flow = self._flows.of(request, provider)
        fields = await fields_of(request)
        if flow.method == "widget" and request.method == "GET" and not fields.keys() - {"state"}:
            return fragment_page()  # whose state it is, is asked once it has brought the rest
        theirs = await self._flows.finish(flow, fields)
        return await (self._link(flow, theirs) if flow.session else self._sign_in(flow, theirs, request))

    async def _sign_in(self, flow: Flow, theirs: Theirs, request: Request) -> Response:
        """Raises NotLinked."""
        person = self._guard.directory.person_with(flow.provider, theirs.external_id)
        if person is None:
            log.warning("sign_in.refused", why="not linked", provider=flow.provider, address=address_of(request))
            raise NotLinked
        response = onwards(own_path(flow.goes_to, DASHBOARD))
        begun = await self._begins.begin(person, request, response)
        return self._begins.ask_code(begun) if isinstance(begun, CodeAsked) else response

    async def _link(self, flow: Flow, theirs: Theirs) -> Response:
        """Raises NotAuthentic if the session has ended meanwhile, LinkedToAnother."""
        person = (await whose(self._guard, flow.session)).person
        decided = await self._linking.link(
            person.id, flow.provider, theirs.external_id, name=theirs.name, by=by_moderator(person.id)
        )
        await self._guard.learn(decided.position)
        return onwards(own_path(flow.goes_to, PROFILE))


async def whose(guard: Guard, session: str) -> Caller:
    """The person of a live session, and the session. Raises NotAuthentic."""
    staff = await guard.sessions.of_cookie(session, now=guard.clock()) if session else None
    person = guard.directory.signed_in(staff) if staff else None
    if staff is None or person is None:
        raise NotAuthentic("Sign in first.")
    return Caller(person, staff.session)


async def answered(request: Request, act: Callable[[], Awaitable[Response]]) -> Response:
    """What comes of it, or the sentence that says why nothing does."""
    try:
        return await act()
    except PulseError as error:
        return refused(error, request)


async def fields_of(request: Request) -> Fields:
    """What the provider says, out of the query or the body. Raises NotSignedIn."""
    if request.method == "GET":
        return each_once(request.query_params.multi_items())
    body = await request.body()
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            said = json_object(body).items()
            return each_once((name, str(value)) for name, value in said if isinstance(value, (str, int)))
        return each_once(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS))
    except (BadInput, ValueError):
        refuse("body")


def each_once(pairs: Iterable[tuple[str, str]]) -> Fields:
    """Raises NotSignedIn: of a field that comes twice, one reader may take the first and another the second."""
    fields: dict[str, str] = {}
    for name, said in pairs:
        if name in fields or len(fields) == FIELDS or len(name) + len(said) > FIELD_LIMIT:
            refuse("fields")
        fields[name] = said
    return fields


def onwards(path: str) -> Response:
    return RedirectResponse(path, SEE_OTHER, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
