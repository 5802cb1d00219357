"""What people send, and how a chat remembers it."""

from hypothesis import given
from hypothesis import strategies as st

from pulse.message import id_key

NUMBERS = st.integers(0, 10**18 - 1)


@given(NUMBERS)
def test_a_number_stands_for_itself(number: int) -> None:
    assert id_key(str(number)) == number


@given(st.lists(st.one_of(st.text(max_size=20), st.text("0123456789٣ -+_", max_size=20)), max_size=30))
def test_ids_are_told_apart(ids: list[str]) -> None:
    assert len({id_key(each) for each in ids}) == len(set(ids))


@given(
    st.one_of(st.text(max_size=5), st.integers(10**18).map(str), NUMBERS.map("0{}".format), NUMBERS.map("-{}".format))
)
def test_what_is_no_plain_number_lies_below_zero_and_is_small(external_id: str) -> None:
    key = id_key(external_id)
    assert key < 0 or str(key) == external_id
    assert key.bit_length() <= 60
