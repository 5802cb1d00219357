"""How texts become words, and how a question is put."""

from __future__ import annotations

import pytest

from pulse.errors import BadInput
from pulse.projections.words import question_of, searchable, snippet, spoken


def joined(parts: list[dict]) -> str:
    return "".join(f"[{part['text']}]" if part["hit"] else part["text"] for part in parts)


def test_words_are_apart_without_case_and_with_one_e():
    assert spoken("Ещё раз: «Заказ» №5, order_17!") == ["еще", "раз", "заказ", "5", "order", "17"]
    assert spoken("й и\u0306") == ["й"]  # a letter and its parts are the same


def test_each_word_counts_once_and_no_longer_than_the_longest():
    assert spoken("да да " + "я" * 100) == ["да", "я" * 64]


def test_a_text_is_found_by_its_words_and_by_what_they_are_forms_of():
    assert searchable("Посылок 15 от Anna2", None) == ["посылок", "посылка", "15", "от", "anna2"]


@pytest.mark.parametrize("written", ["+7 (999) 555-01-42", "8 999 555 01 42", "89995550142", "7-999-555-01-42"])
def test_a_phone_is_found_by_its_digits_with_its_country_and_without(written):
    assert {"79995550142", "9995550142"} <= set(searchable(f"call {written}, please"))


def test_two_numbers_of_a_text_are_no_phone():
    assert searchable("4276 1234 5678 9012 3456") == ["4276", "1234", "5678", "9012", "3456"]


def test_the_last_word_may_be_only_begun():
    assert question_of("my pa").lexemes() == "('my') & ('pa' | 'pa':*)"
    assert question_of("my pa ").lexemes() == "('my') & ('pa')"


def test_one_letter_is_a_word_and_no_beginning():
    assert question_of("я").lexemes() == "('я')"


def test_a_number_may_be_a_phone_that_begins_so():
    assert question_of("+7 999 555").numbers == ("7999555",)
    assert question_of("8 999").numbers == ()  # four digits are no phone yet
    assert question_of("8 (999) 5").numbers == ("89995", "79995")


def test_an_id_is_taken_as_it_is_however_it_is_written():
    wanted = "82f07ad449c356f2b5b68475e93b86e2"
    assert question_of("82f07ad4-49c3-56f2-b5b6-8475e93b86e2").id == wanted == question_of(wanted.upper()).id


@pytest.mark.parametrize("nothing", ["!!!", " ", "_", "👍"])
def test_a_question_needs_a_word(nothing):
    with pytest.raises(BadInput, match="letter or a digit"):
        question_of(nothing)


@pytest.mark.parametrize("text", ["it's", "a & b | !c", "x:* <-> y", "o\\'", "a') | ('b"])
def test_nothing_of_a_question_is_syntax(text):
    inner = question_of(text).lexemes().translate(str.maketrans("", "", "()&|:* "))
    assert all(word.isalnum() for word in inner.strip("'").split("''"))


def test_a_snippet_marks_every_form_and_is_the_text_otherwise():
    parts = snippet("Два заказа, и ещё заказ!", question_of("заказы "))
    assert joined(parts) == "Два [заказа], и ещё [заказ]!"


def test_a_snippet_is_cut_around_its_first_hit():
    parts = snippet("a " * 200 + "needle " + "b " * 200, question_of("needle"))
    assert joined(parts).startswith("…")
    assert "[needle]" in joined(parts)
    assert joined(parts).endswith("…")
    assert sum(len(part["text"]) for part in parts) < 210


def test_a_snippet_marks_a_phone_as_a_whole():
    assert joined(snippet("Call +7 (999) 555-01-42 now", question_of("8999555"))) == "Call [+7 (999) 555-01-42] now"


def test_a_text_without_a_hit_is_shown_from_its_beginning():
    assert joined(snippet("Hello", question_of("other"))) == "Hello"
