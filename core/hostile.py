"""Text from events, made safe to show: no control, no direction change, no invisible characters.

What an attacker chose to be called ends up in terminals, chats, mails and logs. Characters that
drive the medium instead of being read are written as escapes. Markup (HTML, Slack, Markdown, rich)
is escaped by whoever knows the markup, on top of this.
"""

from __future__ import annotations

import unicodedata

__all__ = ["printable"]

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that are acted on or not seen: controls, formats (bidi), surrogates, ..."""


def printable(text: str, limit: int = 0) -> str:
    """The text with every hidden character as its escape, cut to `limit` characters if given."""
    if not text.isascii() or not text.isprintable():
        text = "".join(_shown(char) for char in text)
    return text if not limit or len(text) <= limit else text[: limit - 1] + "…"


def _shown(char: str) -> str:
    if unicodedata.category(char) not in HIDDEN:
        return char
    return char.encode("unicode_escape").decode()
