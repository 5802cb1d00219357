"""A chat and its customer: their name, whether they can be reached, what each moderator has not seen, and callbacks."""

from __future__ import annotations

from datetime import timedelta

from pulse.aggregates.chat import OPEN_CALLBACKS, Chat, CustomerUnreachable, NoSuchCallback, TooManyCallbacks
from pulse.aggregates.chat_events import (
    CallbackDone,
    CallbackRequested,
    ChatAssigned,
    ChatRenamed,
    ChatReopened,
    CustomerFound,
    CustomerLost,
    MessageReceived,
    ReplyWritten,
    SeenByStaff,
)
from pulse.message import Author, Incoming
from tests.given import ANNA, BORIS, NOW, SALES, SHOP, VERA, a_chat, closed_by, given, replies, vera_writes


def a_group() -> Chat:
    return Chat.open(
        source_id=SHOP, channel="telegram", peer="-5", title="Neighbours", group=True, department_id=SALES,
        customer_id=a_chat().customer_id, now=NOW,
    )  # fmt: skip


# Names


def writes_as(author: Author, external_id: str = "1"):
    return lambda chat: chat.receive(Incoming(external_id, author, "Hello"), raw="{}", now=NOW)


def test_a_chat_knows_its_customer_as_they_last_wrote():
    chat = given(a_chat(), writes_as(VERA)).aggregate
    assert not chat.brings_news(VERA)
    assert not chat.brings_news(Author("77"))
    for news in (Author("77", "Vera Smirnova"), Author("77", "Vera", "vera"), Author("77", "Vera", phone="+7 999")):
        assert chat.brings_news(news)


def test_a_phone_number_is_news_once():
    chat = given(a_chat(), writes_as(Author("77", "Vera", phone="+7 999")), writes_as(VERA, "2")).aggregate
    assert not chat.brings_news(VERA)
    assert not chat.brings_news(Author("77", "Vera", phone="+7 999"))


def test_nobody_is_news_in_a_group():
    assert not given(a_group(), writes_as(VERA)).aggregate.brings_news(Author("78", "Kirill"))


def test_a_chat_goes_by_its_customers_name_and_a_group_by_its_own():
    chat = given(a_chat(), writes_as(Author("77", "Vera Smirnova")))
    chat.when(lambda c: c.rename("Vera Smirnova", now=NOW)).then_nothing()
    chat.when(lambda c: c.rename("", now=NOW)).then_nothing()
    chat.when(lambda c: c.rename("Вера", now=NOW)).then(ChatRenamed).now(title="Вера")
    given(a_group(), writes_as(VERA)).when(lambda c: c.rename("Вера", now=NOW)).then_nothing().now(title="Neighbours")


# Reach


def loses(chat: Chat) -> None:
    chat.lose_customer("blocked the bot", now=NOW)


def finds(chat: Chat) -> None:
    chat.find_customer(now=NOW)


def test_an_unreachable_customer_gets_no_reply_until_they_write():
    chat = given(a_chat(), vera_writes("1"), replies(ANNA, client_msg_id="r1"))
    chat.when(loses).then(CustomerLost).now(reachable=False)
    chat.when(loses).then_nothing()
    refusal = chat.when(replies(ANNA)).then_refused(CustomerUnreachable)
    assert "can't be written to" in str(refusal)
    chat.when(replies(ANNA, client_msg_id="r1")).then_nothing()  # it was written while they were there
    chat.when(vera_writes("2")).then(MessageReceived).now(reachable=True)
    chat.when(replies(ANNA)).then(ReplyWritten)


def test_a_customer_who_comes_back_without_a_word_can_be_answered():
    chat = given(a_chat(), vera_writes("1"), loses)
    chat.when(finds).then(CustomerFound)
    chat.when(finds).then_nothing()
    chat.when(replies(ANNA)).then(ChatAssigned, ReplyWritten)


def test_a_group_outlives_one_who_left():
    given(a_group(), writes_as(VERA)).when(loses).then_nothing()


# What each moderator has not seen


def unseen(chat: Chat, who: object) -> int:
    return chat.unseen_after(chat.seen_by.get(who, 0))  # type: ignore[arg-type]


def test_each_moderator_has_seen_as_much_as_they_looked_at():
    chat = given(a_chat(), *(vera_writes(str(number)) for number in range(1, 4))).aggregate
    assert (unseen(chat, ANNA), unseen(chat, BORIS)) == (3, 3)
    chat.see(ANNA, 3, now=NOW)
    assert (unseen(chat, ANNA), unseen(chat, BORIS)) == (1, 3)
    [seen] = [event for event in chat.collect_events() if isinstance(event, SeenByStaff)]
    assert seen.unseen == 1


def test_who_answers_has_seen_everything_up_to_there():
    chat = given(a_chat(), vera_writes("1"), vera_writes("2"), replies(ANNA), vera_writes("3")).aggregate
    assert (unseen(chat, ANNA), unseen(chat, BORIS)) == (1, 3)


def test_what_came_before_the_last_close_waits_for_nobody():
    chat = given(a_chat(), vera_writes("1"), closed_by(ANNA), vera_writes("2")).aggregate
    assert (unseen(chat, ANNA), unseen(chat, BORIS)) == (1, 1)
    assert chat.received == 2


def test_a_word_that_was_taken_back_waits_for_whoever_never_looked():
    chat = given(
        a_chat(), vera_writes("1", "m1"), lambda c: c.see(ANNA, 2, now=NOW),
        lambda c: c.delete(("m1",), external_id="2", raw="{}", now=NOW),
    ).aggregate  # fmt: skip
    assert chat.unread == []  # nobody has to answer it
    assert (unseen(chat, ANNA), unseen(chat, BORIS)) == (0, 1)


# Callbacks


def asks(external_id: str = "c1", phone: str = "+7 999", comment: str = "", hours: int = 0):
    wanted = NOW + timedelta(hours=hours) if hours else None
    return lambda chat: chat.request_callback(
        author=VERA, phone=phone, wanted_at=wanted, comment=comment, external_id=external_id, raw="{}", now=NOW
    )


def called(of: int, outcome: str = "reached"):
    return lambda chat: chat.finish_callback(of, moderator_id=ANNA, outcome=outcome, now=NOW)


def test_a_callback_is_asked_for_once_and_is_a_word_that_waits():
    chat = given(a_chat())
    chat.when(asks("c1")).then(CallbackRequested).now(unread=[2], received=1)
    chat.when(asks("c2")).then_nothing()
    chat.when(asks("c3", hours=2)).then(CallbackRequested)


def test_a_callback_that_is_done_keeps_its_outcome_and_may_be_asked_for_again():
    chat = given(a_chat(), asks("c1"))
    chat.when(called(2)).then(CallbackDone).now(callbacks={2: None})
    chat.when(called(2, "nobody answered")).then_nothing()
    chat.when(asks("c2")).then(CallbackRequested)
    chat.when(called(99)).then_refused(NoSuchCallback)


def test_a_closed_chat_opens_for_a_callback():
    given(a_chat(), closed_by(ANNA)).when(asks()).then(ChatReopened, CallbackRequested)


def test_nobody_asks_without_end():
    several = [asks(str(number), phone=f"+7 999 {number}") for number in range(OPEN_CALLBACKS)]
    chat = given(a_chat(), *several)
    chat.when(asks("more", phone="+7 000")).then_refused(TooManyCallbacks)
    chat.when(called(2)).then(CallbackDone)
    chat.when(asks("more", phone="+7 000")).then(CallbackRequested)
