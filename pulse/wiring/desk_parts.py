"""What stands behind the desk's routes: each part that several share is made here, once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import httpx2

from pulse.aggregates.subscriber import Subscriber
from pulse.attention import Attention
from pulse.blobs import Blobs
from pulse.delivery.post import ping
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.chat_writing import ChatWriting
from pulse.desk.customer_desk import CustomerDesk
from pulse.desk.decisions import Decisions
from pulse.desk.drafts import Drafts
from pulse.desk.flows import Flows
from pulse.desk.guard import Guard
from pulse.desk.invitations import Invitations
from pulse.desk.login import Login
from pulse.desk.own_password import OwnPassword
from pulse.desk.page_desk import PageDesk
from pulse.desk.process_again import Again
from pulse.desk.producers import ProducerDesk
from pulse.desk.room_desk import RoomDesk
from pulse.desk.second_factors import SecondFactors
from pulse.desk.session_desk import SessionDesk
from pulse.desk.sessions import Sessions
from pulse.desk.sign_in import SignIn
from pulse.desk.source_commands import SourceDesk
from pulse.desk.subscriber_desk import SubscriberDesk
from pulse.desk.subscriber_telling import Ping
from pulse.desk.subscription_desk import SubscriptionDesk
from pulse.desk.tries import Tries
from pulse.desk.two_factor import OwnTwoFactor
from pulse.desk.users import UserDesk
from pulse.eventlog.notes import Notes
from pulse.eventlog.store import EventStore
from pulse.house import House, now
from pulse.linking import Linking
from pulse.passwords import PasswordCheck
from pulse.people import People
from pulse.presence import Presence
from pulse.producers import Producers
from pulse.progress import Progresses
from pulse.projections.reads import Reads
from pulse.pusher_app import PusherApp
from pulse.sources.connecting import Connecting
from pulse.sources.providers import Providers
from pulse.subscribing import Subscribing
from pulse.vault import Vault
from pulse.ways.offered import Ways
from pulse.wiring.parts import again_of, connecting_in, providers_in, subscribing_in
from pulse.wiring.sign_ins import ways_in


@dataclass(frozen=True)
class DeskParts:
    """First what is the house's, then what the desk makes of it for several routes."""

    guard: Guard
    store: EventStore
    reads: Reads
    blobs: Blobs
    vault: Vault
    passwords: PasswordCheck
    ways: Ways
    again: Again
    attention: Attention
    presence: Presence
    people: People
    producers: Producers
    subscribing: Subscribing
    progresses: Progresses
    ping: Ping
    connecting: Connecting
    providers: Providers
    app: PusherApp
    push_port: int
    public_url: str

    @cached_property
    def decisions(self) -> Decisions:
        return Decisions(self.guard, self.store)

    @cached_property
    def chats(self) -> ChatDesk:
        return ChatDesk(self.guard, self.store, self.reads)

    @cached_property
    def drafts(self) -> Drafts:
        return Drafts(self.reads)

    @cached_property
    def writing(self) -> ChatWriting:
        return ChatWriting(self.chats, self.drafts, self.reads)

    @cached_property
    def customers(self) -> CustomerDesk:
        return CustomerDesk(self.chats)

    @cached_property
    def rooms(self) -> RoomDesk:
        return RoomDesk(self.guard, self.store, self.reads)

    @cached_property
    def subscriptions(self) -> SubscriptionDesk:
        return SubscriptionDesk(self.guard, self.store, self.app)

    @cached_property
    def sources(self) -> SourceDesk:
        return SourceDesk(self.guard, self.connecting, self.providers)

    @cached_property
    def subscribers(self) -> SubscriberDesk:
        return SubscriberDesk(self.guard, self.subscribing, self.progresses)

    @cached_property
    def sign_in(self) -> SignIn:
        return SignIn(self.guard, self.decisions)

    @cached_property
    def sessions(self) -> SessionDesk:
        return SessionDesk(self.guard, self.decisions)

    @cached_property
    def flows(self) -> Flows:
        return Flows(self.guard, self.vault, self.ways)

    @cached_property
    def linking(self) -> Linking:
        return Linking(self.store, self.guard.clock)

    @cached_property
    def tries(self) -> Tries:
        return Tries(self.reads)

    @cached_property
    def factors(self) -> SecondFactors:
        return SecondFactors(self.vault, self.guard.clock)

    @cached_property
    def login(self) -> Login:
        return Login(self.sign_in, self.decisions, self.passwords, self.tries, self.factors)

    @cached_property
    def producer_desk(self) -> ProducerDesk:
        return ProducerDesk(self.guard, self.producers)

    @cached_property
    def pages(self) -> PageDesk:
        return PageDesk(self.guard)

    @cached_property
    def invitations(self) -> Invitations:
        return Invitations(self.guard, self.people, self.public_url)

    @cached_property
    def users(self) -> UserDesk:
        return UserDesk(self.guard, self.presence, self.invitations)

    @cached_property
    def own_password(self) -> OwnPassword:
        return OwnPassword(self.guard, self.passwords, self.tries)

    @cached_property
    def own_two_factor(self) -> OwnTwoFactor:
        return OwnTwoFactor(self.decisions, self.own_password, self.factors)


def desk_parts(house: House, reads: Reads, http: httpx2.AsyncClient) -> DeskParts:
    """`http` asks providers."""
    settings, store, subscribing, connecting = house.settings, house.store, subscribing_in(house), connecting_in(house)

    async def send_ping(subscriber: Subscriber) -> dict[str, Any]:
        return await ping(subscriber, house.vault, now, subscribing.inside)

    return DeskParts(
        guard=Guard(house.directory, Sessions(reads), house.signer, reads, now, secure=settings.secure_cookies),
        store=store,
        reads=reads,
        blobs=house.blobs,
        vault=house.vault,
        passwords=PasswordCheck(),
        ways=ways_in(house),
        again=again_of(house),
        attention=Attention(house.log),
        presence=house.presence,
        people=People(store, now, house.directory.admins),
        producers=Producers(store, house.vault, now),
        subscribing=subscribing,
        progresses=Progresses(Notes(house.log), house.epoch),
        ping=send_ping,
        connecting=connecting,
        providers=providers_in(house, connecting, http),
        app=house.app,
        push_port=settings.push_port,
        public_url=settings.public_url or settings.http_address,
    )


def no_desk_parts() -> DeskParts:
    """For the API's document: routes with nothing behind them."""
    nothing: Any = None
    parts = {part.name: nothing for part in fields(DeskParts)}
    return DeskParts(**parts | {"guard": Guard(nothing, nothing, nothing, nothing, now, secure=False)})
