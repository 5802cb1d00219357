"""A moderator's Telegram: linked by a code that counts once, in time, at its own bot."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from pulse.aggregates.notification import NotificationRead, Notifications, NotificationsRead
from pulse.aggregates.pager import (
    NoPager,
    Pager,
    PagerLinked,
    PagerOffered,
    PagerUnlinked,
    PagerWishesChanged,
    Wishes,
)
from pulse.pager_codes import CODE, new_code, whose_code
from tests.given import ANNA, BORIS, NOW, SHOP, given

CODE_OF_ANNA = new_code(ANNA)


def offered(pager: Pager) -> None:
    pager.make_offer(SHOP, CODE_OF_ANNA, now=NOW)


def links(code: str = CODE_OF_ANNA, source: UUID = SHOP, minutes: float = 1):
    at = NOW + timedelta(minutes=minutes)
    return lambda pager: pager.link(code, source_id=source, peer="77", name="Anna", language="ru", now=at)


def test_a_link_counts_once() -> None:
    pager = given(Pager.begin(ANNA, now=NOW), offered)
    linked = pager.when(links()).then(PagerLinked)
    assert (linked.aggregate.peer, linked.aggregate.language) == ("77", "ru")
    pager.when(links()).then_nothing()


@pytest.mark.parametrize("link", [links(new_code(ANNA)), links(source=UUID(int=8)), links(minutes=16), links("")])
def test_another_code_another_bot_or_a_late_one_link_nothing(link) -> None:
    given(Pager.begin(ANNA, now=NOW), offered).when(link).then_nothing()


def test_the_newest_offer_is_the_one_that_counts() -> None:
    newer = new_code(ANNA)
    pager = given(Pager.begin(ANNA, now=NOW), offered, lambda known: known.make_offer(SHOP, newer, now=NOW))
    pager.when(links()).then_nothing()
    pager.when(links(newer)).then(PagerLinked)


def test_the_log_never_holds_a_code() -> None:
    [event] = given(Pager.begin(ANNA, now=NOW)).when(offered).then(PagerOffered).events
    assert CODE_OF_ANNA not in repr(event)


def test_an_offer_can_be_taken_back() -> None:
    pager = given(Pager.begin(ANNA, now=NOW), offered, lambda known: known.unlink(now=NOW))
    pager.when(links()).then_nothing()


def test_wishes_need_a_linked_telegram() -> None:
    quiet = Wishes(new_chats=False)
    unlinked = given(Pager.begin(ANNA, now=NOW), offered)
    assert isinstance(unlinked.when(lambda pager: pager.wish(quiet, now=NOW)).refusal, NoPager)
    linked = given(Pager.begin(ANNA, now=NOW), offered, links())
    linked.when(lambda pager: pager.wish(quiet, now=NOW)).then(PagerWishesChanged)
    linked.when(lambda pager: pager.wish(quiet, now=NOW)).then_nothing()


def test_a_block_unlinks_only_the_telegram_it_came_from() -> None:
    pager = given(Pager.begin(ANNA, now=NOW), offered, links())
    pager.when(lambda known: known.unlink("blocked", peer="78", now=NOW)).then_nothing()
    pager.when(lambda known: known.unlink("blocked", peer="77", now=NOW)).then(PagerUnlinked)
    pager.when(lambda known: known.unlink("blocked", peer="77", now=NOW)).then_nothing()


def test_a_code_says_whose_it_is_and_fits_into_a_start_link() -> None:
    assert whose_code(CODE_OF_ANNA) == ANNA
    assert CODE.fullmatch(CODE_OF_ANNA)
    assert len(CODE_OF_ANNA) <= 64
    for other in (None, "", "promo", "pager-", CODE_OF_ANNA + "A", CODE_OF_ANNA[:-1], "pager-" + "!" * 43):
        assert whose_code(other) is None


def test_what_is_read_stays_read_and_is_read_once() -> None:
    mine = given(Notifications.begin(BORIS, now=NOW), lambda known: known.read(7, now=NOW))
    mine.when(lambda known: known.read(7, now=NOW)).then_nothing()
    mine.when(lambda known: known.read_all(9, now=NOW)).then(NotificationsRead)
    mine.when(lambda known: known.read(8, now=NOW)).then_nothing()
    mine.when(lambda known: known.read_all(9, now=NOW)).then_nothing()
    mine.when(lambda known: known.read(10, now=NOW)).then(NotificationRead)
