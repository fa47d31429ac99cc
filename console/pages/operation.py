"""Operatividad: what works now, what did not in the last day, and how the month stands."""

import gzip
from collections.abc import Callable
from threading import Lock

from flask import Blueprint, Flask, Response, current_app, render_template, request
from flask_login import login_required

from console.board import Board
from console.board_reading import BoardReader

operation_pages = Blueprint("operation", __name__)


QUICK = 3
"""How hard gzip tries: the strips of 200 components shrink to a twentieth with little work."""


class Fragment:
    """The board as HTML and the same compressed, made once for all who ask while it is the same."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._board: Board | None = None
        self._made = ("", b"")

    def of(self, board: Board) -> tuple[str, bytes]:
        """The text of this board, and its gzip."""
        with self._lock:
            if board is not self._board:
                text = render_template("operation_board.html", board=board)
                self._made, self._board = (text, gzip.compress(text.encode(), QUICK)), board
            return self._made


@operation_pages.get("/operatividad")
@login_required  # type: ignore[untyped-decorator]
def operation() -> Response:
    """The page; its board is renewed in place."""
    page = render_template("operation.html", text=_fragment()[0])
    return _answer(page, lambda: gzip.compress(page.encode(), QUICK))


@operation_pages.get("/operatividad/vivo")
@login_required  # type: ignore[untyped-decorator]
def live() -> Response:
    """The board alone."""
    text, compressed = _fragment()
    return _answer(text, lambda: compressed)


def _answer(text: str, compressed: Callable[[], bytes]) -> Response:
    """The text, compressed for whoever takes that. Nothing that somebody else wrote into the address stands beside the
    form's token here, so its compressed size betrays nothing."""
    if request.accept_encodings["gzip"] <= 0:
        return Response(text, headers={"Vary": "Accept-Encoding"})
    return Response(compressed(), headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}, mimetype="text/html")


def prepare_board(app: Flask, reader: BoardReader) -> None:
    """Have this board read for all who look."""
    app.extensions["board"], app.extensions["board-fragment"] = reader, Fragment()


def _fragment() -> tuple[str, bytes]:
    reader: BoardReader = current_app.extensions["board"]
    fragment: Fragment = current_app.extensions["board-fragment"]
    return fragment.of(reader.board())
