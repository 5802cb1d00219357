"""What `.env.example` says is what the code reads, and a bad setting is named with what it must be."""

from pathlib import Path

import pytest

from pulse.setting_faults import MUST_BE, BadSetting
from pulse.settings import Settings, read_settings

EXAMPLE = Path(__file__).parent.parent / ".env.example"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory without a `.env`."""
    monkeypatch.chdir(tmp_path)


def test_the_example_lists_every_setting_with_its_default() -> None:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")]
    listed = dict(line.removeprefix("PULSE_").split("=", 1) for line in lines)
    assert set(listed) == {name.upper() for name in Settings.model_fields}
    assert Settings(_env_file=EXAMPLE) == Settings(_env_file=None)


def test_it_is_known_of_every_setting_what_it_must_be() -> None:
    assert set(MUST_BE) == set(Settings.model_fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "99999"), ("HTTP_PORT", "abc"), ("HTTP_PORT", "0"), ("PUSH_PORT", "-1"), ("HTTP_HOST", ""),
        ("LOG_LEVEL", "loud"), ("SECURE_COOKIES", "maybe"), ("PUBLIC_URL", "chat.example.org"), ("PUSH_KEY", "a/b"),
        ("NATS_MONITOR_URL", "http://"), ("DATA_DIR", ""), ("TRUSTED_PROXIES", "nginx, 10.0.0.0/8"),
        ("BLOBS_URL", "/var/files"), ("BLOBS_URL", "s3://"), ("BLOBS_ENDPOINT", "minio:9000"), ("BLOBS_REGION", ""),
        ("TRUSTED_HOSTS", "bot-api"), ("TRUSTED_HOSTS", "a:1, http://b:2"), ("TRUSTED_HOSTS", "a:1, b:port"),
        ("PRESENCE_GRACE", "-1"), ("PRESENCE_GRACE", "soon"), ("VKID_CLIENT_ID", "my-app"), ("VKID_URL", ""), ("VKID_URL", "id.vk.ru"), ("TELEGRAM_LOGIN_URL", "ftp://x"),
        ("TELEGRAM_LOGIN_CLIENT_ID", "@bot"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PULSE_{name}", value)
    with pytest.raises(BadSetting) as refused:
        read_settings()
    assert str(refused.value) == f"PULSE_{name} is {value!r}; it must be {MUST_BE[name.lower()]}."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NATS_URL", "http://pulse:pa55@host:4222"), ("NATS_URL", "nats://pulse:pa55@host:port"),
        ("DATABASE_URL", "mysql://pulse:pa55@host/db"), ("MASTER_KEY", "pa55"), ("TELEGRAM_LOGIN_BOT_TOKEN", "pa55"),
        ("TELEGRAM_LOGIN_SECRET", "pa55 word"), ("VKID_SERVICE_TOKEN", "pa55\n"),
        ("METRICS_TOKEN", "pa55"), ("METRICS_TOKEN", "pa55 with spaces in between"),
        ("PUSH_WEBHOOK_URL", "example.org/pa55"), ("PUSH_WEBHOOK_URL", "ftp://example.org/pa55"),
        ("PUSH_WEBHOOK_URL", "http://example.org/pa55"), ("PUSH_WEBHOOK_URL", "http://10.0.0.1:9000"),
    ],
)  # fmt: skip
def test_what_may_hold_a_password_is_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PULSE_{name}", value)
    with pytest.raises(BadSetting) as refused:
        read_settings()
    assert str(refused.value) == f"PULSE_{name} can't be used; it must be {MUST_BE[name.lower()]}."


def test_webhooks_go_without_tls_to_trusted_hosts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_PUSH_WEBHOOK_URL", "http://crm.internal:9000/hooks/")
    monkeypatch.setenv("PULSE_TRUSTED_HOSTS", "crm.internal:9000")
    assert read_settings().push_webhook_url == "http://crm.internal:9000/hooks/"
    monkeypatch.setenv("PULSE_TRUSTED_HOSTS", "crm.internal:9001")
    with pytest.raises(BadSetting):
        read_settings()


@pytest.mark.parametrize(
    "url", ["postgresql://pulse@/pulse?host=%2Frun%2Fpg&port=5432", "postgres://u:p@one,two:5433/db"]
)
def test_a_database_may_be_a_socket_or_several_hosts(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PULSE_DATABASE_URL", url)
    assert read_settings().database_url == url


def test_the_two_doors_need_two_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_HTTP_PORT", "8001")
    with pytest.raises(BadSetting, match="PULSE_HTTP_PORT and PULSE_PUSH_PORT are both 8001"):
        read_settings()


def test_a_nats_server_needs_its_monitor_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_NATS_URL", "nats://host:4222")
    with pytest.raises(BadSetting, match="so PULSE_NATS_MONITOR_URL must be too"):
        read_settings()


def test_a_data_directory_can_not_be_a_file_nor_lie_in_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for place in (file, file / "inside"):
        monkeypatch.setenv("PULSE_DATA_DIR", str(place))
        with pytest.raises(BadSetting, match=f"PULSE_DATA_DIR is '{place}', .*is a file; it must be a directory"):
            read_settings()


def test_a_data_directory_must_be_writable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_DATA_DIR", "/nowhere")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    with pytest.raises(BadSetting, match="'/nowhere', and / can't be written to"):
        read_settings()


def test_levels_and_addresses_are_spelled_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_LOG_LEVEL", "INFO")
    monkeypatch.setenv("PULSE_PUBLIC_URL", "https://chat.example.org/")
    settings = read_settings()
    assert (settings.log_level, settings.public_url) == ("info", "https://chat.example.org")


def test_trusted_hosts_are_named_with_their_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_TRUSTED_HOSTS", " bot-api.internal:8081,127.0.0.1:8082 , ")
    assert read_settings().trusted == {"bot-api.internal:8081", "127.0.0.1:8082"}


def test_a_buckets_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_BLOBS_SECRET", "pa55")
    assert "pa55" not in repr(read_settings())


@pytest.mark.parametrize("name", ["TELEGRAM_LOGIN_SECRET", "VKID_SERVICE_TOKEN"])
def test_a_providers_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PULSE_TELEGRAM_LOGIN_CLIENT_ID", "7000000001")
    monkeypatch.setenv("PULSE_TELEGRAM_LOGIN_SECRET", "other")
    monkeypatch.setenv("PULSE_TELEGRAM_LOGIN_BOT_TOKEN", "7:pa55")
    monkeypatch.setenv(f"PULSE_{name}", "pa55")
    assert "pa55" not in repr(read_settings())


@pytest.mark.parametrize("alone", ["TELEGRAM_LOGIN_CLIENT_ID", "TELEGRAM_LOGIN_SECRET"])
def test_telegrams_id_and_secret_come_together(monkeypatch: pytest.MonkeyPatch, alone: str) -> None:
    monkeypatch.setenv(f"PULSE_{alone}", "7000000001")
    with pytest.raises(BadSetting, match="belong together"):
        read_settings()
