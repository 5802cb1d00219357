"""What `.env.example` says is what the code reads."""

from pathlib import Path

from pulse.settings import Settings

EXAMPLE = Path(__file__).parent.parent / ".env.example"


def test_the_example_lists_every_setting_with_its_default() -> None:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")]
    listed = dict(line.removeprefix("PULSE_").split("=", 1) for line in lines)
    assert set(listed) == {name.upper() for name in Settings.model_fields}
    assert Settings(_env_file=EXAMPLE) == Settings(_env_file=None)
