"""`pulse user link` and `unlink`: who may sign in with Telegram or VK, said before they ever did."""

from __future__ import annotations

from pulse.accounts import BY
from pulse.aggregates.identity import Identity, identity_id
from pulse.aggregates.moderator import moderator_id
from pulse.commands.running import ThereAlready, settings_here, with_house
from pulse.commands.terminal import Json, show
from pulse.errors import NotFound
from pulse.house import House, now
from pulse.linking import Linking


def link_identity(email: str, provider: str, external_id: str, as_json: Json = False) -> None:
    """Lets somebody sign in with their account at telegram or vk: EXTERNAL_ID is the number it has there."""

    async def link(house: House) -> None:
        decided = await Linking(house.store, now).link(moderator_id(email), provider, external_id, by=BY)
        if not decided.events:
            raise ThereAlready(f"{email} has this account already; nothing was changed.")

    with_house(settings_here(), link)
    show({"email": email, "provider": provider, "id": external_id}, as_json=as_json)


def unlink_identity(provider: str, external_id: str, as_json: Json = False) -> None:
    """Takes an account at telegram or vk from whoever has it."""

    async def unlink(house: House) -> None:
        identity = await house.store.load(Identity, identity_id(provider, external_id))
        if identity is None or identity.moderator_id is None:
            raise NotFound("This account is linked to nobody.")
        await Linking(house.store, now).unlink(identity.moderator_id, [identity.id], by=BY)

    with_house(settings_here(), unlink)
    show({"provider": provider, "id": external_id, "linked": False}, as_json=as_json)
