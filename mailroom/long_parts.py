"""Long stretches of a mail are left where they are: through the parser goes only their place, so that a large mail
never stands in memory."""

import base64
import quopri
import re
import secrets
import tempfile
from collections.abc import Iterator
from typing import IO

LONG = 128 * 1024
"""Bytes after which a stretch without a boundary is left in the source."""
PIECE = 64 * 1024
IN_MEMORY = 1024 * 1024
WHITE = re.compile(rb"[^A-Za-z0-9+/=]+")


class LongParts:
    """The lines of a mail for the parser, and the way back from the places that stand in for long stretches.

    The source must stay open, and where it was, for as long as its parts are read.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._token = secrets.token_hex(8)
        self._place = re.compile(rf"{self._token} (\d+) (\d+)".encode())

    def lines(self) -> Iterator[bytes]:
        """Every line, but for stretches of `LONG` bytes or more between an empty line and one that begins with `--`."""
        run: list[bytes] = []
        offset = start = 0
        last, in_body, fresh = b"", False, True
        while line := self._source.readline(PIECE):
            boundary = fresh and line.startswith(b"--")
            if boundary or not in_body:
                yield from self._flush(run, start, offset, last)
                run, start = [], offset + len(line)
                yield line
                in_body = not boundary and fresh and not line.strip(b"\r\n")
            elif offset - start < LONG:
                run.append(line)
            offset, last, fresh = offset + len(line), line, line.endswith(b"\n")
        yield from self._flush(run, start, offset, last)

    def _flush(self, run: list[bytes], start: int, end: int, last: bytes) -> Iterator[bytes]:
        if end - start < LONG:
            yield from run
            return
        ending = last[len(last.rstrip(b"\r\n")) :]
        yield f"{self._token} {start} {end - len(ending)}".encode() + ending

    def holds_long(self, payload: bytes) -> bool:
        """Whether places stand in for some of these bytes."""
        return self._place.search(payload) is not None

    def restored(self, payload: bytes, encoding: str = "") -> IO[bytes]:
        """The bytes that were in the mail, decoded from base64 or quoted-printable, at their start."""
        raw: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - handed on to the caller
        end = 0
        for place in self._place.finditer(payload):
            raw.write(payload[end : place.start()])
            self._copy(int(place[1]), int(place[2]), raw)
            end = place.end()
        raw.write(payload[end:])
        raw.seek(0)
        return _decoded(raw, encoding)

    def _copy(self, start: int, end: int, to: IO[bytes]) -> None:
        self._source.seek(start)
        while start < end and (piece := self._source.read(min(PIECE, end - start))):
            to.write(piece)
            start += len(piece)


def _decoded(raw: IO[bytes], encoding: str) -> IO[bytes]:
    if encoding not in {"base64", "quoted-printable"}:
        return raw
    plain: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - handed on to the caller
    with raw:
        if encoding == "quoted-printable":
            quopri.decode(raw, plain)
        else:
            _decode_base64(raw, plain)
    plain.seek(0)
    return plain


def _decode_base64(raw: IO[bytes], plain: IO[bytes]) -> None:
    """Whatever can be decoded: what is not base64 in between is skipped, an incomplete end is dropped."""
    rest = b""
    while piece := raw.read(PIECE):
        rest += WHITE.sub(b"", piece)
        whole = len(rest) - len(rest) % 4
        plain.write(_four_by_four(rest[:whole]))
        rest = rest[whole:]
    plain.write(_four_by_four(rest + b"=" * (-len(rest) % 4)))


def _four_by_four(quads: bytes) -> bytes:
    try:
        return base64.b64decode(quads)
    except ValueError:
        return b""
