"""The name of a file from outside, made harmless for file systems, terminals and mail headers, and kept readable."""

import re
import unicodedata

LONGEST = 120
"""Characters; every file system takes them with room for an ending of our own."""
NAMELESS = "adjunto"
UNFIT = re.compile(r'[<>:"|?*/\\]')
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def harmless(name: str) -> str:
    """The last part of a path, on one line, without what steers a terminal, a shell or a file system."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(_shown(character) for character in unicodedata.normalize("NFC", last))
    fit = " ".join(UNFIT.sub("_", shown).split()).strip(". ").lstrip("-~") or NAMELESS
    return _short(f"_{fit}" if RESERVED.fullmatch(fit) else fit)


def suffix(name: str) -> str:
    """The ending that says what a file claims to be, in lower case with its dot; empty when it has none."""
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""


def _shown(character: str) -> str:
    """Spaces of all kinds as one; nothing invisible, such as what turns the direction of writing."""
    if character.isspace():
        return " "
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"}:
        return ""
    return character


def _short(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    ending = suffix(name)[:16]
    return name[: LONGEST - len(ending) - 1] + "…" + name[len(name) - len(ending) :]
