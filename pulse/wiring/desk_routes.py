"""Every route of the moderators' API, by what it is about. It has no other list."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from pulse.desk.attention import attention_routes
from pulse.desk.blocking import chat_blocking_routes, customer_blocking_routes
from pulse.desk.broadcasting import broadcasting_routes
from pulse.desk.callbacks import callback_routes
from pulse.desk.canned_replies import canned_reply_routes
from pulse.desk.chat_history import chat_history_routes
from pulse.desk.chat_notes import chat_note_routes
from pulse.desk.chat_replies import chat_reply_routes, stuck_reply_routes
from pulse.desk.chat_standing import chat_closing_routes, chat_standing_routes
from pulse.desk.chat_work import chat_snoozing_routes, chat_sorting_routes
from pulse.desk.chats import chat_routes
from pulse.desk.colleagues import colleague_routes
from pulse.desk.customer_joins import customer_join_routes
from pulse.desk.customers import customer_routes
from pulse.desk.deliveries import delivery_routes
from pulse.desk.departments import archive_routes, department_routes, member_routes
from pulse.desk.docs import docs_routes
from pulse.desk.drafts import draft_routes
from pulse.desk.dry_runs import dry_run_routes
from pulse.desk.files import file_routes
from pulse.desk.hours import hour_routes
from pulse.desk.identities import identity_routes
from pulse.desk.invitation_pages import invitation_page_routes
from pulse.desk.invitations import invitation_routes
from pulse.desk.login import login_routes
from pulse.desk.login_pages import code_page_routes, login_page_routes
from pulse.desk.logout import logout_routes
from pulse.desk.me import me_routes
from pulse.desk.my_sessions import my_session_routes
from pulse.desk.notifications import notification_routes
from pulse.desk.pagers import pager_routes
from pulse.desk.pages import page_routes
from pulse.desk.process_again import process_again_routes
from pulse.desk.producers import producer_routes, producer_secret_routes
from pulse.desk.profile import password_routes, profile_routes
from pulse.desk.reports import report_routes
from pulse.desk.retention import retention_routes
from pulse.desk.room_search import room_search_routes
from pulse.desk.rooms import room_command_routes, room_list_routes
from pulse.desk.routing import routing_routes
from pulse.desk.saved_views import saved_view_routes
from pulse.desk.search import search_routes
from pulse.desk.source_commands import source_command_routes, source_secret_routes
from pulse.desk.source_providers import source_provider_routes
from pulse.desk.sources import source_routes
from pulse.desk.subscriber_telling import subscriber_telling_routes
from pulse.desk.subscribers import subscriber_routes, subscriber_secret_routes
from pulse.desk.tags import tag_routes
from pulse.desk.threads import thread_routes
from pulse.desk.two_factor import two_factor_changes, two_factor_routes
from pulse.desk.user_sign_in import user_sign_in_routes
from pulse.desk.users import account_routes, user_routes
from pulse.desk.ways import way_routes
from pulse.wiring.desk_parts import DeskParts

Routers = list[APIRouter]


def desk_routers(desk: DeskParts) -> Routers:
    return [router for theme in THEMES for router in theme(desk)]


def signing_in(desk: DeskParts) -> Routers:
    return [
        login_routes(desk.login),
        login_page_routes(desk.pages, desk.login, desk.ways),
        code_page_routes(desk.pages, desk.login),
        page_routes(desk.pages),
        docs_routes(desk.pages, desk.push_port),
        logout_routes(desk.guard, desk.sign_in),
        way_routes(desk.guard, desk.flows, desk.linking, desk.sign_in),
    ]


def oneself(desk: DeskParts) -> Routers:
    return [
        my_session_routes(desk.guard, desk.sessions, desk.sign_in),
        two_factor_routes(desk.guard, desk.own_two_factor),
        two_factor_changes(desk.guard, desk.own_two_factor),
        profile_routes(desk.guard, desk.decisions),
        password_routes(desk.guard, desk.decisions, desk.own_password),
        identity_routes(desk.guard, desk.flows, desk.linking),
        me_routes(desk.guard, desk.decisions),
        pager_routes(desk.guard, desk.store, desk.decisions),
        notification_routes(desk.guard, desk.store, desk.reads),
    ]


def chats(desk: DeskParts) -> Routers:
    return [
        chat_routes(desk.guard, desk.chats, desk.reads),
        thread_routes(desk.guard, desk.chats),
        chat_history_routes(desk.guard, desk.chats),
        search_routes(desk.guard, desk.chats, desk.reads),
        file_routes(desk.guard, desk.store, desk.reads, desk.blobs),
        saved_view_routes(desk.guard, desk.store),
        tag_routes(desk.guard, desk.reads),
    ]


def answering(desk: DeskParts) -> Routers:
    return [
        chat_reply_routes(desk.guard, desk.writing),
        stuck_reply_routes(desk.guard, desk.chats),
        chat_note_routes(desk.guard, desk.writing),
        draft_routes(desk.guard, desk.chats, desk.drafts),
        canned_reply_routes(desk.guard, desk.chats),
        attention_routes(desk.guard, desk.chats, desk.attention),
    ]


def work_on_chats(desk: DeskParts) -> Routers:
    return [
        chat_standing_routes(desk.guard, desk.chats),
        chat_closing_routes(desk.guard, desk.chats),
        chat_snoozing_routes(desk.guard, desk.chats),
        chat_sorting_routes(desk.guard, desk.chats),
        chat_blocking_routes(desk.guard, desk.customers),
        callback_routes(desk.guard, desk.chats),
    ]


def customers(desk: DeskParts) -> Routers:
    return [
        customer_routes(desk.guard, desk.customers, desk.reads),
        customer_join_routes(desk.guard, desk.customers),
        customer_blocking_routes(desk.guard, desk.customers),
    ]


def colleagues(desk: DeskParts) -> Routers:
    return [
        colleague_routes(desk.guard, desk.presence),
        room_search_routes(desk.guard, desk.rooms),
        room_list_routes(desk.guard, desk.rooms, desk.reads),
        room_command_routes(desk.guard, desk.rooms),
    ]


def sources(desk: DeskParts) -> Routers:
    return [
        source_routes(desk.guard, desk.reads, desk.providers),
        source_command_routes(desk.guard, desk.sources),
        source_secret_routes(desk.guard, desk.sources),
        source_provider_routes(desk.guard, desk.sources),
        delivery_routes(desk.guard, desk.reads, desk.store, desk.again),
        process_again_routes(desk.guard, desk.again),
        retention_routes(desk.guard, desk.store),
    ]


def people(desk: DeskParts) -> Routers:
    return [
        user_routes(desk.guard, desk.people, desk.users),
        account_routes(desk.guard, desk.people, desk.users),
        user_sign_in_routes(desk.guard, desk.people, desk.sessions),
        invitation_routes(desk.invitations),
        invitation_page_routes(desk.pages, desk.invitations),
        department_routes(desk.guard, desk.store, desk.decisions),
        archive_routes(desk.guard, desk.store, desk.decisions, desk.reads),
        member_routes(desk.guard, desk.decisions),
        routing_routes(desk.guard, desk.decisions),
        dry_run_routes(desk.guard, desk.store),
        hour_routes(desk.guard, desk.decisions),
        report_routes(desk.guard, desk.reads),
    ]


def other_systems(desk: DeskParts) -> Routers:
    return [
        subscriber_routes(desk.guard, desk.subscribers),
        subscriber_secret_routes(desk.guard, desk.subscribers),
        subscriber_telling_routes(desk.guard, desk.subscribers, desk.ping),
        producer_routes(desk.guard, desk.producer_desk, desk.public_url),
        producer_secret_routes(desk.guard, desk.producer_desk),
        broadcasting_routes(desk.guard, desk.subscriptions),
    ]


THEMES: tuple[Callable[[DeskParts], Routers], ...] = (
    signing_in, oneself, chats, answering, work_on_chats, customers, colleagues, sources, people, other_systems,
)  # fmt: skip
