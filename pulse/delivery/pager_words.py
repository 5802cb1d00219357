"""What a moderator is told in Telegram, in Russian or English. Pure."""

from __future__ import annotations

from pulse.texts import split_text
from pulse.values import value

CUT, WHOLE = 100, 3500

WORDS = {
    "en": {
        "linked": "You will be told of work here.",
        "new": "New chat: {who}",
        "assigned": "A chat is yours now: {who}",
        "transferred": "{by} handed a chat to you: {who}",
        "mention": "{by} mentioned you: {who}",
        "room": "{by} mentioned you",
        "skipped": "… and {count} more before this.",
    },
    "ru": {
        "linked": "Сюда будут приходить сообщения о работе.",
        "new": "Новый чат: {who}",
        "assigned": "Чат теперь ваш: {who}",
        "transferred": "Вам передали чат ({by}): {who}",
        "mention": "Вас упоминает {by}: {who}",
        "room": "Вас упоминает {by}",
        "skipped": "… и ещё сообщений до этого: {count}.",
    },
}


@value
class Page:
    """One thing to tell: a key of WORDS, who did it, the customer's name, and what was said."""

    kind: str
    by: str = ""
    who: str = ""
    text: str = ""


def words_of(page: Page, language: str, *, whole: bool, skipped: int = 0) -> str:
    """Of what was said the first 100 characters, unless the moderator wants the `whole`."""
    words = WORDS["ru" if language.lower().startswith("ru") else "en"]
    lines = [words["skipped"].format(count=skipped)] if skipped else []
    lines.append(words[page.kind].format(by=page.by, who=page.who).rstrip(": "))
    if page.text.strip():
        lines.append(cut(page.text, WHOLE if whole else CUT))
    return "\n".join(lines)


def cut(text: str, limit: int) -> str:
    """Never inside what people see as one character."""
    pieces = split_text(text.strip(), limit, "characters")
    return pieces[0] + ("…" if len(pieces) > 1 else "")
