"""Which passwords may be chosen: long ones of any letters, and none that everybody tries first."""

from __future__ import annotations

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from pulse.passwords import NotAPassword, PasswordCheck, TooCommon, hash_password, require_uncommon


def test_none_of_the_most_common_ones_is_taken() -> None:
    """ASVS 5.0, 6.2.4 asks for 3,000 of those that are long enough at all."""
    common = [password for password in FREQUENCY_LISTS["passwords"] if len(password) >= 8][:3000]
    assert len(common) == 3000
    for password in common:
        for spelled in (password, password.upper(), password.capitalize()):
            with pytest.raises(TooCommon):
                require_uncommon(spelled)


@pytest.mark.parametrize(
    "password", ["password1", "P@ssw0rd", "qwertyuiop", "aaaaaaaaaaaa", "12345678", "anna@shop.example"]
)
def test_nor_is_what_is_guessed_next(password: str) -> None:
    with pytest.raises(TooCommon):
        require_uncommon(password, "anna@shop.example", "Anna")


@pytest.mark.parametrize(
    "password",
    [
        "a long walk to the sea",
        "долгая прогулка к морю",
        "x8#kQ!z2",
        "🦊🐢🐝🦉🐇🦔🐿🦡",
        " spaces at its ends ",
        "k9" * 300 + "q",
    ],
)
async def test_any_letters_will_do(password: str) -> None:
    """Also the 64 characters and more of a password manager, pasted (ASVS 5.0, 6.2.1, 6.2.7, 6.2.9)."""
    passwords = PasswordCheck()
    hashed = await passwords.hash_new(password) if len(set(password)) > 5 else hash_password(password)
    assert await passwords.matches(hashed, password)
    assert not await passwords.matches(hashed, password + "x")
    assert not await passwords.matches(hashed, password.strip() + ("" if password != password.strip() else "x"))
    passwords.close()


@pytest.mark.parametrize("password", ["", "seven 7", "x" * 1025])
def test_but_not_any_length(password: str) -> None:
    with pytest.raises(NotAPassword):
        hash_password(password)
