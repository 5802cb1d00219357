"""A customer: who they are, whether they can be reached, and who is the same person."""

from uuid import UUID

from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from pulse.aggregates.chat import chat_id
from pulse.aggregates.customer import (
    MOST_JOINED,
    Customer,
    CustomerJoined,
    CustomerLeft,
    CustomerLookedUp,
    CustomerParted,
    CustomerProfileChanged,
    CustomerReturned,
    JoinedToItself,
    JoinedTooOften,
    customer_id,
)
from tests.given import NOW, SHOP, given


def vera() -> Customer:
    return Customer.meet(source_id=SHOP, peer="77", name="Vera", username=None, language="ru", now=NOW)


def leaves(external_id: str):
    return lambda customer: customer.leave(reason="blocked", external_id=external_id, raw="{}", now=NOW)


def returns(external_id: str):
    return lambda customer: customer.come_back(reason="allowed", external_id=external_id, raw="{}", now=NOW)


def test_a_customers_id_is_not_the_id_of_their_chat():
    assert vera().id == customer_id(SHOP, "77") != chat_id(SHOP, "77")


def test_a_customer_who_left_can_not_be_reached_until_they_return():
    customer = given(vera())
    customer.when(leaves("1")).then(CustomerLeft).now(reachable=False)
    customer.when(returns("2")).then(CustomerReturned).now(reachable=True)


def test_a_late_repeat_of_leaving_does_not_undo_the_return():
    given(vera(), leaves("1"), returns("2")).when(leaves("1")).then_nothing().now(reachable=True)


@hypothesis_given(st.lists(st.tuples(st.sampled_from([leaves, returns]), st.sampled_from("abcd")), max_size=20))
def test_in_any_order_each_delivery_counts_once(sequence):
    customer = vera()
    for act, external_id in sequence:
        act(external_id)(customer)
    _, *events = customer.collect_events()
    first = {}
    for act, external_id in sequence:
        first.setdefault(external_id, act)
    assert [event.external_id for event in events] == list(first)
    last = next(reversed(first.values()), returns)
    assert customer.reachable is (last is returns)


# Who they are


def introduces(**told: str | None):
    return lambda customer: customer.introduce(**told, now=NOW)


def test_what_a_channel_tells_of_somebody_is_known_once():
    customer = given(vera())
    customer.when(introduces(name="Vera", language="ru")).then_nothing()
    customer.when(introduces(name="Vera Smirnova", phone="+7 999")).then(CustomerProfileChanged).now(
        name="Vera Smirnova", phone="+7 999", language="ru"
    )
    customer.when(introduces()).then_nothing().now(name="Vera Smirnova", phone="+7 999")


def test_a_look_up_is_remembered_whatever_it_brings():
    customer = given(vera())
    customer.when(lambda c: c.look_up(now=NOW)).then(CustomerLookedUp).now(looked_up_at=NOW, name="Vera")
    customer.when(lambda c: c.look_up(name="Вера", username="vera", now=NOW)).then(
        CustomerProfileChanged, CustomerLookedUp
    ).now(name="Вера", username="vera")


# Whether they can be reached


def test_whom_a_channel_refuses_can_not_be_reached_until_they_write():
    customer = given(vera())
    customer.when(lambda c: c.unreachable("blocked the bot", now=NOW)).then(CustomerLeft).now(reachable=False)
    customer.when(lambda c: c.unreachable("blocked the bot", now=NOW)).then_nothing()
    customer.when(lambda c: c.write(now=NOW)).then(CustomerReturned).now(reachable=True)
    customer.when(lambda c: c.write(now=NOW)).then_nothing()


# Who is the same person

OTHER, THIRD = UUID(int=2), UUID(int=3)


def joins(other: UUID):
    return lambda customer: customer.join(other, now=NOW)


def parts(other: UUID):
    return lambda customer: customer.part(other, now=NOW)


def test_a_join_is_taken_back_and_leaves_the_others():
    customer = given(vera(), joins(OTHER))
    customer.when(joins(OTHER)).then_nothing()
    customer.when(joins(THIRD)).then(CustomerJoined).now(joined={OTHER, THIRD})
    customer.when(parts(OTHER)).then(CustomerParted).now(joined={THIRD})
    customer.when(parts(OTHER)).then_nothing()


def test_a_customer_can_not_be_joined_with_itself_nor_with_a_crowd():
    given(vera()).when(joins(vera().id)).then_refused(JoinedToItself)
    crowd = [joins(UUID(int=number)) for number in range(1, MOST_JOINED + 1)]
    given(vera(), *crowd).when(joins(UUID(int=99))).then_refused(JoinedTooOften)
