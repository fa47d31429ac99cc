"""The invisible characters that turn the writing around, so that a name is read as another: `exe.txt` as `txt.exe`.

Pages set foreign text apart, terminals and mails cannot. So no line of text has them: what people and programs write
here is refused with them, and what an alert says, which must not be lost, is taken without them.
"""

import re

MARKS = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""As the inside of a regular expression's set of characters."""

_MARKS = re.compile(f"[{MARKS}]+")


def without_marks(text: str) -> str:
    """The text without them."""
    return text if text.isascii() else _MARKS.sub("", text)
