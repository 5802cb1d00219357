"""Which words meet: what people write and what they search for."""

from __future__ import annotations

import pytest

from pulse.projections.word_forms import forms

FAMILIES = [
    "подарок подарка подарки подаркам", "посылка посылок посылке", "деньги денег деньгами", "вернуть вернули вернул",
    "ботинок ботинки ботинок", "скидка скидок", "ошибка ошибок", "окно окон", "день дня дней", "конец конца",
    "отправить отправили отправлен", "оплатить оплатил оплачен", "заказать заказал закажу", "чек чеков", "человек люди",
    "ребенок дети детям", "child children", "mouse mice", "pay paid pays", "go went goes", "buy bought", "order orders ordered",
]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_every_form_of_a_word_is_found_by_every_other(family: str) -> None:
    words = family.split()
    for written in words:
        for asked in words:
            assert set(forms(written)) & set(forms(asked)), (written, asked)


@pytest.mark.parametrize(
    ("written", "asked"), [("чек", "чай"), ("день", "деньги"), ("paid", "pain"), ("скидка", "скука")]
)
def test_other_words_are_not(written: str, asked: str) -> None:
    assert not set(forms(written)) & set(forms(asked))


@pytest.mark.parametrize("word", ["15", "anna2", "ї", "日本", "vera_1"])
def test_what_is_of_neither_language_stays_as_it_is(word: str) -> None:
    assert forms(word) == (word,)


def test_a_word_that_no_dictionary_knows_is_guessed_by_its_ending() -> None:
    assert "гаджетрон" in forms("гаджетронами")
