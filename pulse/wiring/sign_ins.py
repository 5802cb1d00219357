"""The ways to sign in that settings name: Telegram's newer before its older one, and VK ID."""

from __future__ import annotations

from pulse.house import House, now
from pulse.ways import Way
from pulse.ways.calls import Calls
from pulse.ways.offered import Ways
from pulse.ways.telegram_oidc import TelegramOidc
from pulse.ways.telegram_widget import TelegramWidget
from pulse.ways.vk_id import VkId


def ways_in(house: House) -> Ways:
    """Without settings there are none; people come back to the address that everybody reaches."""
    settings = house.settings
    ways: list[Way] = []
    if settings.telegram_login_client_id:
        secret = settings.telegram_login_secret.encode()
        calls = Calls(settings.telegram_login_url, settings.trusted)
        ways.append(TelegramOidc(settings.telegram_login_client_id, secret, now, calls))
    if settings.telegram_login_bot_token:
        ways.append(TelegramWidget(settings.telegram_login_bot_token.encode(), now, settings.telegram_login_url))
    if settings.vkid_client_id:
        service_token = settings.vkid_service_token.encode()
        ways.append(VkId(settings.vkid_client_id, service_token, Calls(settings.vkid_url, settings.trusted)))
    return Ways(ways, settings.public_url or settings.http_address)
