"""What a VK message holds: attachments, a place, a message it answers, messages it forwards. Read by the driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from pulse.channels.fields import Fields, compact
from pulse.message import Attachment, Quoted

FORWARDED_LIMIT = 100
FORWARDED_DEPTH = 10
GIF = 3  # VK, doc.type: 1 text, 2 archive, 3 gif, 4 image, 5 audio, 6 video, 7 book, 8 unknown

# VK, photo.sizes: letters by size; o, p, q and r are cut to a frame, so they never win over these.
SIZE_LETTERS = "smxyzw"


def reply_to(message: Fields) -> Quoted | None:
    answered = message.maybe_child("reply_message")
    return quoted(answered) if answered else None


def forwarded(message: Fields) -> tuple[Quoted, ...]:
    """Forwarded messages, each before the ones inside it, as many and as deep as the limits let: raw keeps all."""
    return tuple(islice(unfolded(message, FORWARDED_DEPTH), FORWARDED_LIMIT))


def unfolded(message: Fields, depth: int) -> Iterator[Quoted]:
    for inner in message.items("fwd_messages") if depth else ():
        yield quoted(inner)
        yield from unfolded(inner, depth - 1)


def quoted(message: Fields) -> Quoted:
    """VK sends no names; `id...` and `club...` are the public names of people and communities."""
    author = message.whole("from_id")
    return Quoted(
        message.maybe_text("text") or "",
        author=f"id{author}" if author > 0 else f"club{-author}",
        message_id=message.maybe_id("conversation_message_id"),
        attachments=attachments(message),
    )


def payload(fields: Fields) -> str | None:
    """What a button carries, as JSON text: VK sends it as such a text, or already parsed."""
    value = fields.values.get("payload")
    if value is None or isinstance(value, str):
        return fields.maybe_text("payload")
    return compact(value).decode()


def attachments(message: Fields) -> tuple[Attachment, ...]:
    """VK: a place is a field of the message, beside its attachments."""
    found = [attachment(item) for item in message.items("attachments")]
    geo = message.maybe_child("geo")
    return (*found, location(geo)) if geo else tuple(found)


def attachment(item: Fields) -> Attachment:
    """VK, attachment: `type` names the field that holds it. An unknown one may have a link all the same."""
    kind = item.text("type")
    if kind in ATTACHMENTS:
        return ATTACHMENTS[kind](item.child(kind))
    held = item.maybe_child(kind)
    return Attachment("unsupported", name=kind[:100]) if held is None else linked(held, kind)


def linked(held: Fields, kind: str) -> Attachment:
    """A link where there is an address; else only the kind's name."""
    url = held.maybe_text("url")
    if not url:
        return Attachment("unsupported", name=kind[:100])
    return Attachment("link", name=held.maybe_text("title") or kind[:100], ref=url)


def photo(held: Fields) -> Attachment:
    """VK: newer events have `orig_photo`; very old photos have sizes of 0 x 0, only the letter tells."""
    sizes = held.items("sizes")
    best = held.maybe_child("orig_photo") or max(sizes, key=size_rank, default=None)
    return Attachment("photo") if best is None else image(best, "photo")


def size_rank(size: Fields) -> tuple[int, int]:
    return area(size), SIZE_LETTERS.find(size.maybe_text("type") or "-")


def area(size: Fields) -> int:
    return size.whole("width") * size.whole("height")


def image(held: Fields, kind: str) -> Attachment:
    width, height = held.maybe_whole("width"), held.maybe_whole("height")
    return Attachment(kind, ref=held.text("url"), width=width, height=height)


def document(held: Fields) -> Attachment:
    """VK: `ext` may be empty."""
    moving = held.maybe_whole("type") == GIF or held.maybe_text("ext") == "gif"
    return Attachment(
        "animation" if moving else "document",
        name=held.maybe_text("title"),
        size=held.maybe_whole("size"),
        ref=held.maybe_text("url"),
    )


def voice(held: Fields) -> Attachment:
    return Attachment("voice", mime="audio/ogg", ref=held.text("link_ogg"), seconds=held.maybe_whole("duration"))


def sticker(held: Fields) -> Attachment:
    best = max(held.items("images"), key=area, default=None)
    return Attachment("sticker") if best is None else image(best, "sticker")


def graffiti(held: Fields) -> Attachment:
    return image(held, "photo")


def video(held: Fields) -> Attachment:
    """VK gives a community no file of a video, only its page; one that is not public needs its access key."""
    key = held.maybe_text("access_key")
    return Attachment(
        "video",
        name=held.maybe_text("title"),
        ref=page(held, "video") + (f"_{key}" if key else ""),
        width=held.maybe_whole("width"),
        height=held.maybe_whole("height"),
        seconds=held.maybe_whole("duration"),
    )


def audio(held: Fields) -> Attachment:
    """VK: `url` is often empty, as the right to listen is not the community's."""
    names = filter(None, (held.maybe_text("artist"), held.maybe_text("title")))
    seconds = held.maybe_whole("duration")
    return Attachment("audio", name=" – ".join(names), ref=held.maybe_text("url") or None, seconds=seconds)


def wall_post(held: Fields) -> Attachment:
    return Attachment("link", name=heading(held, "text") or "wall", ref=page(held, "wall"))


def product(held: Fields) -> Attachment:
    return Attachment("link", name=heading(held, "title") or "market", ref=page(held, "product"))


def poll(held: Fields) -> Attachment:
    return Attachment("link", name=heading(held, "question") or "poll", ref=page(held, "poll"))


def story(held: Fields) -> Attachment:
    return Attachment("link", name="story", ref=page(held, "story"))


def location(geo: Fields) -> Attachment:
    point, place = geo.child("coordinates"), geo.maybe_child("place")
    name = place.maybe_text("title") if place else None
    return Attachment("location", name, latitude=point.number("latitude"), longitude=point.number("longitude"))


def page(held: Fields, kind: str) -> str:
    """VK: a wall post may name its wall `to_id`."""
    owner = held.whole("owner_id" if "owner_id" in held else "to_id")
    return f"https://vk.com/{kind}{owner}_{held.whole('id')}"


def heading(held: Fields, key: str) -> str:
    lines = (held.maybe_text(key) or "").splitlines()
    return lines[0][:200] if lines else ""


ATTACHMENTS: dict[str, Callable[[Fields], Attachment]] = {
    "photo": photo,
    "doc": document,
    "audio_message": voice,
    "sticker": sticker,
    "graffiti": graffiti,
    "video": video,
    "video_message": video,
    "audio": audio,
    "wall": wall_post,
    "market": product,
    "poll": poll,
    "story": story,
}
