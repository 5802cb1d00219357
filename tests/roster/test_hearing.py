"""Words between processes that are lost, late, doubled or too many; processes that end, fall silent and begin again."""

from __future__ import annotations

from typing import Any

from pulse.roster import GRACE_SECONDS, Roster
from pulse.roster.others import ASK_SECONDS, BEAT_SECONDS, LIFE_SECONDS
from pulse.roster.words import PAGE_BYTES, Ask, Beat, News, Whole, read, written
from tests.roster.wires import Clock, Wires, two

CHAT = "presence-chat.1"
WORD_BYTES = 256 * 1024


def test_whoever_misses_a_number_asks_for_everything() -> None:
    wires, one, two_ = two()
    one.join("lost")
    wires.speak()
    wires.waiting.clear()
    one.join("heard")
    wires.speak()
    assert kinds(wires, two_) == [News]
    wires.settle()
    assert sorted(two_.channels()) == ["heard", "lost"]


def test_a_word_that_was_lost_is_missed_by_the_next_beat() -> None:
    wires, one, two_ = two()
    one.join("lost")
    wires.speak()
    wires.waiting.clear()
    wires.pass_seconds(BEAT_SECONDS)
    assert two_.channels() == ["lost"]


def test_an_answer_that_was_lost_is_asked_for_again() -> None:
    wires, one, two_ = two()
    one.join("lost")
    wires.speak()
    wires.waiting.clear()
    one.join("heard")
    wires.speak()
    wires.carry()
    wires.speak()
    assert kinds(wires, one) == [Ask]
    wires.carry()
    wires.speak()
    assert kinds(wires, two_) == [Whole]
    wires.waiting.clear()
    wires.settle()
    assert two_.channels() == []
    wires.pass_seconds(ASK_SECONDS)
    assert sorted(two_.channels()) == ["heard", "lost"]


def test_words_that_overtook_each_other_are_put_in_order() -> None:
    wires, one, two_ = two()
    for act in (one.join, one.leave, one.join):
        act("news")
        wires.speak()
    wires.waiting.reverse()
    wires.waiting *= 2
    wires.carry()
    assert two_.subscription_count("news") == 1


def test_who_begins_later_asks_everybody_and_is_told_without_waiting_for_a_beat() -> None:
    wires, one, two_ = two()
    one.join(CHAT, "anna", {"name": "Anna"})
    two_.join("news")
    wires.settle()
    late = wires.roster()
    wires.settle()
    assert late.members(CHAT) == {"anna": {"name": "Anna"}}
    assert sorted(late.channels()) == ["news", CHAT]


def test_who_begins_and_has_nothing_is_asked_nothing() -> None:
    wires, one, two_ = two()
    assert not [word for roster in (one, two_) for word in kinds(wires, roster)]
    two_.join("news")
    wires.speak()
    wires.carry()
    wires.speak()
    assert kinds(wires, one) == kinds(wires, two_) == []


def test_everything_is_told_in_pieces_that_nats_takes() -> None:
    wires, one, _ = two()
    for number in range(900):
        one.join(f"{CHAT}.{number % 9}", f"user {number}", {"about": "x" * 1000})
    wires.settle()
    sizes: list[int] = []
    late = wires.roster()
    for _ in range(10):
        wires.speak()
        sizes += [len(body) for to, body in wires.waiting if to is late]
        wires.carry()
    assert all_of(late) == all_of(one)
    assert len(all_of(late)) == 900
    assert max(sizes) <= WORD_BYTES
    assert len([size for size in sizes if size > PAGE_BYTES / 2]) >= 3


def test_a_piece_that_got_lost_makes_no_half_truth() -> None:
    wires, one, _ = two()
    for number in range(900):
        one.join(f"{CHAT}.{number % 9}", f"user {number}", {"about": "x" * 1000})
    wires.settle()
    late = wires.roster()
    while Whole not in kinds(wires, late):
        wires.carry()
        wires.speak()
    [*pieces, last] = [word for word in wires.waiting if word[0] is late and isinstance(read(word[1]), Whole)]
    wires.waiting = pieces
    wires.carry()
    assert all_of(late) == {}
    wires.waiting.append(last)
    wires.carry()
    assert len(all_of(late)) == 900


def all_of(roster: Roster) -> dict[str, Any]:
    return {user: info for number in range(9) for user, info in roster.members(f"{CHAT}.{number}").items()}


def test_an_old_answer_changes_nothing_any_more() -> None:
    one = Roster(Clock())
    one.hear(written(Beat("x", 7)))
    one.hear(written(Whole("x", 7, 0, 1, [("new", None, 1)])))
    one.hear(written(Whole("x", 5, 0, 1, [("old", None, 1)])))
    one.hear(written(News("x", 8, [("newer", None, 1)])))
    one.hear(written(Whole("x", 7, 0, 1, [("new", None, 1)])))
    assert one.channels() == ["new", "newer"]
    assert one.subscription_count("newer") == 1


def test_pieces_of_an_older_answer_are_not_put_among_those_of_a_newer_one() -> None:
    one = Roster(Clock())
    one.hear(written(Beat("x", 7)))
    one.hear(written(Whole("x", 7, 0, 2, [("first", None, 1)])))
    one.hear(written(Whole("x", 5, 1, 2, [("old", None, 1)])))
    assert one.channels() == []
    one.hear(written(Whole("x", 7, 1, 2, [("second", None, 1)])))
    assert one.channels() == ["first", "second"]


def test_ten_thousand_channels_cost_one_small_word_every_few_seconds() -> None:
    wires, one, two_ = two()
    for number in range(10_000):
        one.join(f"private-chat.{number}")
    wires.settle()
    wires.clock.now += BEAT_SECONDS
    said = one.says()
    assert [read(body) for _, body in said] == [Beat(one.process, 2)]  # all of them were told in two words
    assert len(said[0][1]) < 100
    assert len(two_.channels()) == 10_000


def test_a_process_that_says_good_bye_is_believed_until_the_grace_is_over() -> None:
    wires, one, two_ = two()
    one.join(CHAT, "anna")
    wires.settle()
    wires.ends(one, bye=True)
    wires.settle()
    assert (two_.here(CHAT), list(two_.members(CHAT))) == ([], ["anna"])
    wires.pass_seconds(GRACE_SECONDS)
    assert two_.members(CHAT) == {}


def test_a_process_that_falls_silent_is_dropped_after_a_while() -> None:
    wires, one, two_ = two()
    one.join(CHAT, "anna")
    wires.settle()
    wires.pass_seconds(BEAT_SECONDS)
    wires.ends(one, bye=False)
    wires.pass_seconds(LIFE_SECONDS - 1)
    assert two_.here(CHAT) == ["anna"]
    wires.pass_seconds(1 + BEAT_SECONDS)
    assert two_.here(CHAT) == []


def test_a_process_that_was_dropped_and_speaks_again_is_asked_for_everything() -> None:
    wires, one, two_ = two()
    one.join(CHAT, "anna")
    wires.settle()
    for _ in range(30):
        wires.clock.now += 0.5
        wires.speak()
        wires.waiting = [(to, body) for to, body in wires.waiting if read_process(body) == two_.process]
        wires.carry()
    assert two_.here(CHAT) == []
    wires.pass_seconds(BEAT_SECONDS)
    assert two_.here(CHAT) == ["anna"]


def test_nobody_is_dropped_while_our_own_connection_brings_nothing() -> None:
    """Not even our own words. When it is back, everybody has their time to speak."""
    wires, one, two_ = two()
    one.join(CHAT, "anna")
    wires.settle()
    cut_off(wires, 60)
    assert two_.here(CHAT) == ["anna"]
    wires.ends(one, bye=False)
    wires.pass_seconds(LIFE_SECONDS - 1)
    assert two_.here(CHAT) == ["anna"]
    wires.pass_seconds(1 + 2 * BEAT_SECONDS)
    assert two_.here(CHAT) == []


def test_a_short_loss_of_the_connection_gives_time_again_too() -> None:
    wires, one, two_ = two()
    one.join(CHAT, "anna")
    wires.settle()
    wires.ends(one, bye=False)
    wires.pass_seconds(LIFE_SECONDS - 1)
    two_.lose()
    wires.pass_seconds(LIFE_SECONDS - 1)
    assert two_.here(CHAT) == ["anna"]
    wires.pass_seconds(1 + 2 * BEAT_SECONDS)
    assert two_.here(CHAT) == []


def cut_off(wires: Wires, seconds: int) -> None:
    """Nothing that anybody says arrives anywhere."""
    for _ in range(seconds):
        wires.clock.now += 1
        wires.speak()
        wires.waiting.clear()


def test_what_can_not_be_read_is_passed_over() -> None:
    _, one, two_ = two()
    bodies = (b"", b"[]", b'{"says":"sings"}', b'{"says":"told","process":"x","number":1,"lines":[["news",null]]}')
    nonsense = (
        b'{"says":"told","process":"x","number":1,"lines":[["news",null,{}],["news","anna",1],["news",null,null]]}'
    )
    for body in (*bodies, nonsense):
        one.hear(body)
    assert one.channels() == two_.channels() == []
    assert one.members("news") == {}


def kinds(wires: Wires, to: Roster) -> list[type[object]]:
    """Of the words that wait for somebody from somebody else."""
    words = [read(body) for at, body in wires.waiting if at is to]
    return [type(word) for word in words if word is not None and word.process != to.process]


def read_process(body: bytes) -> str | None:
    word = read(body)
    return word.process if word is not None else None
