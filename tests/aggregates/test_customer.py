"""A customer who leaves and returns."""

from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from pulse.aggregates.chat import chat_id
from pulse.aggregates.customer import Customer, CustomerLeft, CustomerReturned, customer_id
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
