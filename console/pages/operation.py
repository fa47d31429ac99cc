"""Operatividad: what works now, what did not in the last day, and how the month stands."""

from threading import Lock

from flask import Blueprint, Flask, current_app, render_template
from flask_login import login_required

from console.board import Board
from console.board_reading import BoardReader

operation_pages = Blueprint("operation", __name__)


class Fragment:
    """The board as HTML, rendered once for all who ask while it is the same."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._board: Board | None = None
        self._text = ""

    def of(self, board: Board) -> str:
        """The text of this board."""
        with self._lock:
            if board is not self._board:
                self._text, self._board = render_template("operation_board.html", board=board), board
            return self._text


@operation_pages.get("/operatividad")
@login_required  # type: ignore[untyped-decorator]
def operation() -> str:
    """The page; its board is renewed in place."""
    return render_template("operation.html", text=_fragment())


@operation_pages.get("/operatividad/vivo")
@login_required  # type: ignore[untyped-decorator]
def live() -> str:
    """The board alone."""
    return _fragment()


def prepare_board(app: Flask, reader: BoardReader) -> None:
    """Have this board read for all who look."""
    app.extensions["board"], app.extensions["board-fragment"] = reader, Fragment()


def _fragment() -> str:
    reader: BoardReader = current_app.extensions["board"]
    fragment: Fragment = current_app.extensions["board-fragment"]
    return fragment.of(reader.board())
