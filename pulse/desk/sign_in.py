"""`/api/users/login` and what belongs to it. No account is ever made by signing in."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from pulse.access import Person
from pulse.aggregates.moderator import moderator_id
from pulse.desk.answers import Shown, refuses
from pulse.desk.bodies import Body
from pulse.desk.guard import Guard, NotFromHere
from pulse.desk.sessions import LIFE
from pulse.errors import NotAuthentic
from pulse.limits import Rate, network_of
from pulse.passwords import PasswordCheck


class WrongPassword(NotAuthentic):
    """Email or password is wrong."""


class Credentials(Body):
    email: Annotated[str, Field(max_length=254, examples=["anna@pulse.example"])]
    password: Annotated[str, Field(max_length=1024, examples=["correct horse battery staple"])]


class PersonShown(Shown):
    """A moderator or admin."""

    id: UUID
    name: Annotated[str, Field(examples=["Anna"])]
    role: Literal["admin", "moderator"]
    departments: list[UUID]
    away: bool


class SignedIn(Shown):
    """The person, and a token of five minutes for the staff socket and other services."""

    user: PersonShown
    access_token: Annotated[str, Field(examples=["eyJhbGciOiJIUzI1NiJ9…"])]


class Tries:
    """How often somebody may try: per account, or many addresses guess one password; per address, or one guesses all."""

    def __init__(self) -> None:
        self._accounts = Rate(per_second=0.2, burst=20, name="sign-ins-of-account")
        self._addresses = Rate(per_second=2, burst=200, name="sign-ins")

    def require(self, address: str, email: str) -> None:
        """Raises TooOften. An address that is out of tries uses up nobody's account."""
        self._addresses.require(network_of(address))
        self._accounts.require(moderator_id(email))


class ByPassword:
    """Signs in with email and password: the API's way and the form's alike."""

    def __init__(self, guard: Guard, passwords: PasswordCheck) -> None:
        self.guard = guard
        self.passwords = passwords
        self.tries = Tries()

    async def __call__(self, email: str, password: str, request: Request, response: Response) -> SignedIn:
        """Sets the session cookie. Raises NotFromHere, TooOften, WrongPassword."""
        guard = self.guard
        guard.require_same_site(request)  # or another website could sign people in as somebody else
        address = request.client.host if request.client else ""
        self.tries.require(address, email)
        moderator = guard.directory.moderator_by_email(email)
        known_hash = moderator.password_hash if moderator else None
        if not await self.passwords.matches(known_hash, password):
            raise WrongPassword
        person = guard.directory.person(moderator_id(email))
        if person is None:
            raise WrongPassword
        agent = request.headers.get("user-agent", "")
        cookie = await guard.sessions.begin(person.id, now=guard.clock(), address=address, agent=agent)
        response.set_cookie(
            guard.cookie, cookie, max_age=int(LIFE.total_seconds()), httponly=True, secure=guard.secure,
            samesite="strict", path="/",
        )  # fmt: skip
        return signed_in(guard, person)


def signed_in(guard: Guard, person: Person) -> SignedIn:
    token = guard.signer.staff_token(person.id, guard.clock())
    return SignedIn(user=PersonShown.model_validate(shown(person)), access_token=token)


def sign_in_routes(guard: Guard, by_password: ByPassword) -> APIRouter:
    router = APIRouter(prefix="/api/users", tags=["sign in"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/login", responses=refuses(WrongPassword, NotFromHere))
    async def sign_in(credentials: Credentials, request: Request, response: Response) -> SignedIn:
        """Signs in with email and password and sets the session cookie."""
        return await by_password(credentials.email, credentials.password, request, response)

    @router.get("/me")
    async def show_me(person: Asking) -> SignedIn:
        """Who is signed in, and a fresh token."""
        return signed_in(guard, person)

    @router.post("/logout", status_code=204, response_class=Response)
    async def sign_out(person: Asking, request: Request, response: Response) -> None:
        """Ends this session."""
        if cookie := request.cookies.get(guard.cookie):
            await guard.sessions.end(cookie)
        # Browsers drop a __Host- cookie only when told with the flags it was set with.
        response.delete_cookie(guard.cookie, path="/", secure=guard.secure, httponly=True, samesite="strict")

    return router


def shown(person: Person) -> dict[str, Any]:
    """A person as the API shows them."""
    departments = sorted(str(department) for department in person.departments)
    said = {"id": str(person.id), "name": person.name, "role": person.role, "departments": departments}
    return said | {"away": person.away}
