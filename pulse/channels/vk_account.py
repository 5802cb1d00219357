"""VK: whose a community's token is, and its Callback API servers. dev.vk.com, methods groups.*."""

from __future__ import annotations

from collections.abc import Collection

from pulse.channels.accounts import Holder, Posting
from pulse.channels.calls import NeverDelivered
from pulse.channels.fields import Fields
from pulse.channels.vk_api import VERSION, VkApi
from pulse.values import value

TITLE = "Pulse"  # VK: at most 14 characters
TROUBLES = {
    "failed": "VK got no confirmation from this address.",
    "wait": "VK has not confirmed this address yet.",
    "unconfigured": "VK was given no address.",
}


@value
class Server:
    """One of up to ten Callback API servers of a community."""

    id: int
    url: str
    status: str


async def holder_of(api: VkApi) -> Holder:
    """VK: a community's token, asked about no community, tells of its own. Raises CallFailed."""
    holder = await api.call("groups.getById", read_holder)
    if holder is None:
        raise NeverDelivered("This VK token belongs to no community.")
    return holder


async def posting_of(api: VkApi, group: str, url: str, wanted: Collection[str]) -> Posting:
    """The server with our `url`; other servers of the community are others' business. Raises CallFailed."""
    server = await server_at(api, group, url)
    if server is None:
        return Posting(None)
    switched_on = await api.call("groups.getCallbackSettings", read_events, group_id=group, server_id=server.id)
    missing = tuple(sorted(set(wanted) - switched_on))
    return Posting(server.url, error=TROUBLES.get(server.status, ""), missing=missing)


async def confirmation_code(api: VkApi, group: str) -> str:
    """What VK wants to read when it checks an address that was given by API. Raises CallFailed."""
    return await api.call(
        "groups.getCallbackConfirmationCode", lambda answer: answer.child("response").id("code"), group_id=group
    )


async def set_webhook(api: VkApi, group: str, url: str, secret: bytes | None, wanted: Collection[str]) -> None:
    """Adds a server of this address, or changes the one that is there, and switches its events on. Raises CallFailed."""
    known = await server_at(api, group, url)
    said = {"group_id": group, "url": url, "title": TITLE, "secret_key": (secret or b"").decode()}
    if known is None:
        number = await api.call(
            "groups.addCallbackServer", lambda told: told.child("response").whole("server_id"), **said
        )
    else:
        number = known.id
        await api.call("groups.editCallbackServer", lambda told: told.whole("response"), server_id=number, **said)
    events = dict.fromkeys(sorted(wanted), 1)
    await api.call(
        "groups.setCallbackSettings", lambda told: told.whole("response"),
        group_id=group, server_id=number, api_version=VERSION, **events,
    )  # fmt: skip


async def server_at(api: VkApi, group: str, url: str) -> Server | None:
    servers = await api.call("groups.getCallbackServers", read_servers, group_id=group)
    return next((server for server in servers if server.url == url), None)


def read_holder(answer: Fields) -> Holder | None:
    found = answer.child("response").items("groups")
    return Holder(found[0].id("id"), found[0].text("name"), found[0].maybe_text("screen_name")) if found else None


def read_servers(answer: Fields) -> list[Server]:
    found = answer.child("response").items("items")
    return [Server(one.whole("id"), one.text("url"), one.text("status")) for one in found]


def read_events(answer: Fields) -> set[str]:
    return {kind for kind, on in answer.child("response").child("events").values.items() if on == 1}
