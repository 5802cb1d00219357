"""The HTTP doors: webhooks, the widget, producers, and the desk."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import httpx2
from fastapi import APIRouter
from starlette.types import ASGIApp

from pulse.aggregates.subscriber import Subscriber
from pulse.attention import Attention
from pulse.blobs import Blobs
from pulse.delivery.post import ping
from pulse.desk.app import http_app
from pulse.desk.attention import attention_routes
from pulse.desk.blocking import blocking_routes
from pulse.desk.broadcasting import broadcasting_routes
from pulse.desk.callbacks import callback_routes
from pulse.desk.canned_replies import canned_reply_routes
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.chat_history import chat_history_routes
from pulse.desk.chat_replies import chat_reply_routes, stuck_reply_routes
from pulse.desk.chat_standing import chat_closing_routes, chat_standing_routes
from pulse.desk.chat_work import chat_snoozing_routes, chat_sorting_routes
from pulse.desk.chats import chat_routes
from pulse.desk.colleagues import colleague_routes
from pulse.desk.customers import CustomerDesk, customer_routes
from pulse.desk.deliveries import delivery_routes
from pulse.desk.departments import archive_routes, department_routes, member_routes
from pulse.desk.drafts import Drafts, draft_routes
from pulse.desk.files import file_routes
from pulse.desk.flows import Flows
from pulse.desk.guard import Guard
from pulse.desk.hours import hour_routes
from pulse.desk.identities import identity_routes
from pulse.desk.invitations import invitation_routes
from pulse.desk.login import Login, login_routes
from pulse.desk.logout import logout_routes
from pulse.desk.me import me_routes
from pulse.desk.my_sessions import my_session_routes
from pulse.desk.notifications import notification_routes
from pulse.desk.own_password import OwnPassword
from pulse.desk.pagers import pager_routes
from pulse.desk.pages import page_routes
from pulse.desk.producers import producer_routes, producer_secret_routes
from pulse.desk.profile import password_routes, profile_routes
from pulse.desk.providers import provider_routes
from pulse.desk.reports import report_routes
from pulse.desk.retention import retention_routes
from pulse.desk.room_desk import RoomDesk
from pulse.desk.room_search import room_search_routes
from pulse.desk.rooms import room_command_routes, room_list_routes
from pulse.desk.routing import routing_routes
from pulse.desk.saved_views import saved_view_routes
from pulse.desk.search import search_routes
from pulse.desk.second_factors import SecondFactors
from pulse.desk.sessions import Sessions
from pulse.desk.sign_in import SignIn
from pulse.desk.source_commands import SourceDesk, source_command_routes, source_secret_routes
from pulse.desk.source_providers import source_provider_routes
from pulse.desk.sources import source_routes
from pulse.desk.subscribers import Ping, subscriber_routes
from pulse.desk.tries import Tries
from pulse.desk.two_factor import OwnTwoFactor, two_factor_changes, two_factor_routes
from pulse.desk.users import account_routes, user_routes
from pulse.drivers import Drivers
from pulse.eventlog.notes import Notes
from pulse.eventlog.store import EventStore
from pulse.house import House, now
from pulse.http import Fork
from pulse.http_headers import AnswerHeaders
from pulse.ingest.again import Again
from pulse.ingest.intake import Intake
from pulse.ingest.openapi import PATHS, SECURITY
from pulse.ingest.producers import Producers
from pulse.ingest.publishing import PREFIX as EVENTS
from pulse.ingest.publishing import Publishing
from pulse.ingest.traces import Traces
from pulse.ingest.webhooks import PREFIX as WEBHOOKS
from pulse.ingest.webhooks import Webhooks
from pulse.ingest.widget import Widget
from pulse.ingest.widget_files import WidgetFiles
from pulse.linking import Linking
from pulse.passwords import PasswordCheck
from pulse.people import People
from pulse.presence import Presence
from pulse.producers import Producers as Registered
from pulse.progress import Progresses
from pulse.projections.reads import Reads
from pulse.providers.ways import Ways
from pulse.sources.connecting import Connecting
from pulse.sources.providers import Providers
from pulse.subscribing import Subscribing
from pulse.vault import Vault
from pulse.wiring.parts import again_of, connecting_in, providers_in, readable, subscribing_in, until_readable
from pulse.wiring.sign_ins import ways_in


def open_ingest(house: House, reads: Reads) -> None:
    """Webhooks, producers' events and the widget."""
    intake = Intake(house.store, house.blobs, now)
    drivers = Drivers(house.directory, house.vault)
    traces = Traces(house.log)
    house.webhooks = Webhooks(house.directory, drivers, intake, traces)
    house.publishing = Publishing(Producers(house.directory, house.vault), house.store, traces, now)
    widget = Widget(house.directory, drivers, intake, house.signer, reads, now, traces)
    house.routes += [*widget.routes(), *WidgetFiles(widget, house.blobs).routes()]


@dataclass(frozen=True)
class DeskParts:
    """What the desk's routes need besides a guard."""

    passwords: PasswordCheck
    store: EventStore
    reads: Reads
    blobs: Blobs
    again: Again
    subscribing: Subscribing
    progresses: Progresses
    attention: Attention
    ping: Ping
    push_key: str
    vault: Vault
    ways: Ways
    people: People
    presence: Presence
    producers: Registered
    public_url: str
    connecting: Connecting
    providers: Providers


def open_desk(house: House, reads: Reads, http: httpx2.AsyncClient) -> None:
    """The moderators' API; `http` asks providers."""
    settings, store, subscribing = house.settings, house.store, subscribing_in(house)
    guard = Guard(house.directory, Sessions(reads), house.signer, reads, now, secure=settings.secure_cookies)

    async def send_ping(subscriber: Subscriber) -> dict[str, Any]:
        return await ping(subscriber, house.vault, now, subscribing.inside)

    progresses = Progresses(Notes(house.log), house.epoch)
    attention, presence = Attention(house.log), Presence(house.log)
    house.tasks += [attention.run, presence.run]
    parts = DeskParts(
        passwords=PasswordCheck(),
        store=store,
        reads=reads,
        blobs=house.blobs,
        again=again_of(house),
        subscribing=subscribing,
        progresses=progresses,
        attention=attention,
        ping=send_ping,
        push_key=settings.push_key,
        vault=house.vault,
        ways=ways_in(house),
        people=People(store, now, house.directory.admins),
        presence=presence,
        producers=Registered(store, house.vault, now),
        public_url=settings.public_url or settings.http_address,
        connecting=(connecting := connecting_in(house)),
        providers=providers_in(house, connecting, http),
    )

    house.routers += desk_routers(guard, parts)
    house.checks["reads"] = lambda: readable(reads)
    house.begins.append(lambda: until_readable(reads))


def desk_routers(guard: Guard, parts: DeskParts) -> list[APIRouter]:
    """Every route of the moderators' API; it has no other list."""
    store, reads = parts.store, parts.reads
    desk, drafts = ChatDesk(guard, store, reads), Drafts(reads)
    flows, linking = Flows(guard, parts.vault, parts.ways), Linking(store, guard.clock)
    sources, rooms = SourceDesk(guard, parts.connecting, parts.providers), RoomDesk(guard, store, reads)
    return [
        *sign_in_routers(guard, parts),
        provider_routes(guard, flows, linking, SignIn(guard, store)),
        identity_routes(guard, flows, linking),
        chat_routes(guard, desk, reads),
        chat_history_routes(guard, desk),
        chat_reply_routes(guard, desk, drafts, reads),
        chat_standing_routes(guard, desk),
        chat_closing_routes(guard, desk),
        chat_snoozing_routes(guard, desk),
        chat_sorting_routes(guard, desk),
        draft_routes(guard, desk, drafts),
        canned_reply_routes(guard, desk),
        saved_view_routes(guard, store),
        attention_routes(guard, desk, parts.attention),
        blocking_routes(guard, desk, CustomerDesk(guard, store, reads)),
        stuck_reply_routes(guard, desk),
        search_routes(guard, desk, reads),
        room_search_routes(guard, rooms),
        file_routes(guard, store, reads, parts.blobs),
        customer_routes(guard, store, reads),
        callback_routes(guard, store, reads),
        routing_routes(guard, store),
        hour_routes(guard, store),
        report_routes(guard, reads),
        me_routes(guard, store),
        room_list_routes(guard, rooms, reads),
        room_command_routes(guard, rooms),
        notification_routes(guard, store, reads),
        pager_routes(guard, store),
        source_routes(guard, reads, parts.providers),
        source_command_routes(guard, sources),
        source_secret_routes(guard, sources),
        source_provider_routes(guard, sources),
        delivery_routes(guard, reads, store, parts.again),
        subscriber_routes(guard, parts.subscribing, parts.progresses, parts.ping),
        *admin_routers(guard, parts),
        broadcasting_routes(guard, store, parts.push_key),
    ]


def sign_in_routers(guard: Guard, parts: DeskParts) -> list[APIRouter]:
    """Signing in, and what people set about themselves."""
    store, passwords = parts.store, parts.passwords
    tries, factors = Tries(parts.reads), SecondFactors(parts.vault, guard.clock)
    login = Login(guard, store, passwords, tries, factors)
    own_password = OwnPassword(guard, passwords, tries)
    own = OwnTwoFactor(guard, store, own_password, factors)
    return [
        login_routes(login),
        page_routes(guard, login, parts.ways),
        logout_routes(guard, store),
        my_session_routes(guard, store),
        two_factor_routes(guard, own),
        two_factor_changes(guard, own),
        profile_routes(guard, store),
        password_routes(guard, store, own_password),
    ]


def admin_routers(guard: Guard, parts: DeskParts) -> list[APIRouter]:
    """People, departments, producers, and how long files are kept."""
    store = parts.store
    return [
        user_routes(guard, parts.people, parts.presence),
        account_routes(guard, parts.people, parts.presence),
        invitation_routes(guard, parts.people),
        colleague_routes(guard, parts.presence),
        department_routes(guard, store),
        archive_routes(guard, store, parts.reads),
        member_routes(guard, store),
        producer_routes(guard, parts.producers, parts.public_url),
        producer_secret_routes(guard, parts.producers),
        retention_routes(guard, store),
    ]


def openapi() -> dict[str, Any]:
    """The HTTP API's document, made without any server."""
    nothing: Any = None
    guard = Guard(nothing, nothing, nothing, nothing, now, secure=False)
    parts = DeskParts(**{part.name: nothing for part in fields(DeskParts)})
    return http_app(desk_routers(guard, parts), [], nothing, PATHS, SECURITY).openapi()


def whole_app(house: House) -> ASGIApp:
    """Whatever routes this process has."""
    app: ASGIApp = http_app(
        house.routers, house.routes, house.check, PATHS, SECURITY, proxies=house.settings.trusted_proxies
    )
    if house.webhooks is not None and house.publishing is not None:
        app = Fork(WEBHOOKS, Fork(EVENTS, house.publishing, house.webhooks), app)
    return AnswerHeaders(app, tls=house.settings.secure_cookies)
