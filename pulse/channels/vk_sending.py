"""What Pulse asks of VK: a piece of a reply, its file, who somebody is. Used by the driver; fails as `vk_api.py` says.

dev.vk.com, methods messages.send, photos.getMessagesUploadServer, docs.getMessagesUploadServer, users.get.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from pulse.channels import File, Outgoing, Profile
from pulse.channels.calls import BadPiece, MaybeSent, NotNow
from pulse.channels.fields import Fields
from pulse.channels.vk_api import VkApi

PHOTO_LIMIT = 50 * 2**20
NAME_LIMIT = 200


async def send_piece(api: VkApi, piece: Outgoing) -> str | None:
    """One message. VK counts calls with the same `random_id` once, also when the file was uploaded again."""
    more: dict[str, object] = {"dont_parse_links": 1} if piece.plain else {}
    if piece.file is not None:
        with nothing_sent():
            more["attachment"] = await uploaded(api, piece.peer, piece.file, plain=piece.plain)
    return await api.call(
        "messages.send", partial(taken, api), peer_ids=piece.peer, random_id=piece.random_id, message=piece.text,
        disable_mentions=1, **more,
    )  # fmt: skip


async def show_typing(api: VkApi, peer: str) -> None:
    with nothing_sent():
        await api.call("messages.setActivity", lambda _: None, peer_id=peer, type="typing")


async def profile_of(api: VkApi, peer: str) -> Profile | None:
    """A person's, or a community's: those have negative ids."""
    with nothing_sent():
        if peer.startswith("-"):
            return await api.call("groups.getById", community, group_ids=peer[1:], fields="screen_name")
        return await api.call("users.get", person, user_ids=peer, fields="screen_name")


@contextmanager
def nothing_sent() -> Iterator[None]:
    """No message is asked for in here: a call without an answer is one to make again. Raises NotNow for MaybeSent."""
    try:
        yield
    except MaybeSent as unclear:
        raise NotNow(unclear.reason, unclear.provider_code) from None


def taken(api: VkApi, answer: Fields) -> str | None:
    """The message's number in its dialogue, which echoes and read marks name. None in the answer of an older VK: its
    number is another one.

    VK: a call with `peer_ids` succeeds even if nobody gets anything; each one's error stands beside their id.
    """
    if not isinstance(answer.values.get("response"), list):
        answer.whole("response")
        return None
    for one in answer.items("response"):
        error = one.maybe_child("error")
        if error is not None:
            raise api.refused(error.whole("code"), error.values.get("description"))
        return str(one.whole("conversation_message_id")) if one.maybe_whole("conversation_message_id") else None
    raise answer.wrong("response", "a list with one message")


async def uploaded(api: VkApi, peer: str, file: File, *, plain: bool) -> str:
    """A file as messages.send names it. A photo or voice message that VK does not take as one goes as a document."""
    if file.kind == "photo" and not plain and len(file.content) <= PHOTO_LIMIT:
        return await photo(api, peer, file)
    return await document(api, peer, file, "audio_message" if file.kind == "voice" and not plain else "doc")


async def photo(api: VkApi, peer: str, file: File) -> str:
    """VK: what the upload server answers is handed on as it is."""
    address = await api.call("photos.getMessagesUploadServer", upload_url, peer_id=peer)
    received = await api.upload(address, "photo", file, photo_received)
    return await api.call("photos.saveMessagesPhoto", photo_saved, **received)


async def document(api: VkApi, peer: str, file: File, kind: str) -> str:
    address = await api.call("docs.getMessagesUploadServer", upload_url, peer_id=peer, type=kind)
    received = await api.upload(address, "file", file, document_received)
    return await api.call("docs.save", document_saved, file=received, title=file.name)


def upload_url(answer: Fields) -> str:
    return answer.child("response").text("upload_url")


def photo_received(answer: Fields) -> dict[str, object]:
    """VK: an empty list as `photo` is a picture it could not read."""
    refuse_file(answer)
    if answer.text("photo") in ("", "[]"):
        raise BadPiece("VK can't read this picture.")
    return {"photo": answer.text("photo"), "server": answer.id("server"), "hash": answer.text("hash")}


def document_received(answer: Fields) -> str:
    refuse_file(answer)
    return answer.text("file")


def refuse_file(answer: Fields) -> None:
    """VK: an upload server answers `error` with a few letters; being full passes, with the next server."""
    error = answer.maybe_text("error")
    if error is None:
        return
    if error.startswith("no_free_space"):
        raise NotNow("VK's upload server is full.", "no_free_space")
    raise BadPiece("VK does not take this file.")


def photo_saved(answer: Fields) -> str:
    for saved in answer.items("response"):
        return attachment("photo", saved)
    raise answer.wrong("response", "a list with one photo")


def document_saved(answer: Fields) -> str:
    """VK: a voice message is sent as a document too."""
    response = answer.child("response")
    return attachment("doc", response.maybe_child("audio_message") or response.child("doc"))


def attachment(kind: str, saved: Fields) -> str:
    key = saved.maybe_text("access_key")
    return f"{kind}{saved.whole('owner_id')}_{saved.whole('id')}" + (f"_{key}" if key else "")


def person(answer: Fields) -> Profile | None:
    """VK: a deleted account is called DELETED, which is no name; of some ids it says nothing."""
    for found in answer.items("response"):
        if found.maybe_text("deactivated") == "deleted":
            return None
        return profile(found, f"{found.maybe_text('first_name') or ''} {found.maybe_text('last_name') or ''}")
    return None


def community(answer: Fields) -> Profile | None:
    """VK: a list in older versions, since 5.139 a list inside an object."""
    inside = answer if isinstance(answer.values.get("response"), list) else answer.child("response")
    for found in inside.items("response" if inside is answer else "groups"):
        return profile(found, found.maybe_text("name") or "")
    return None


def profile(found: Fields, name: str) -> Profile | None:
    named = " ".join(name.split())[:NAME_LIMIT]
    return Profile(named, username=found.maybe_text("screen_name") or None) if named else None
