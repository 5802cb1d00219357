"""What the commands print."""

from __future__ import annotations

import pytest

from pulse.commands.terminal import show, show_rows


def test_a_secret_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    secret = "[bold]x[/bold] " + 200 * "s"
    show({"secret": secret}, as_json=False)
    assert capsys.readouterr().out == f"{'secret':14} {secret}\n"


def test_nothing_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    show({"webhook_url": None, "dead_letters": 0}, as_json=False)
    assert capsys.readouterr().out == f"{'webhook_url':14} –\n{'dead_letters':14} 0\n"


def test_rows_stand_in_columns_however_long_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "Vera", "departments": ["Sales", "Support"]}, {"name": "V" * 120, "departments": []}]
    show_rows(("name", "departments"), rows)
    assert capsys.readouterr().out.splitlines() == [
        f"{'name':120}  departments", f"{'Vera':120}  Sales, Support", f"{'V' * 120}  –",
    ]  # fmt: skip
