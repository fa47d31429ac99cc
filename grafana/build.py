"""Writes `dashboards/*.json` and their pictures: `python -m grafana.build`; `--check` only says which are not current.

What people read is Spanish and stands in `boards/`, because a dashboard is nothing but what people read. Every panel
says what it shows, in which unit and what an empty answer means; ratios are formed from sums, last (semantics 27).
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.board import Board
from grafana.boards import cargas, componente, disponibilidad, incidencias, monitoreo, operatividad
from grafana.picture import draw

FOLDER = Path(__file__).parent / "dashboards"
PICTURES = Path(__file__).parent.parent / "docs" / "dashboards"
BOARDS = {
    module.__name__.rsplit(".", 1)[1]: module.BOARD
    for module in (operatividad, componente, cargas, incidencias, disponibilidad, monitoreo)
}


def render(board: Board) -> str:
    """A dashboard as it is committed."""
    return json.dumps(board.build().build(), cls=JSONEncoder, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the dashboards, or with `--check` compare them: 0 when they are current, 1 when one is not."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m grafana.build [--check]", file=sys.stderr)
        return 2
    made = dict(files())
    if not arguments:
        for path, text in made.items():
            path.write_text(text, encoding="utf-8")
    found = [*FOLDER.glob("*.json"), *PICTURES.glob("*.svg")]
    there = {path: path.read_text(encoding="utf-8") for path in found}
    wrong = sorted(path.name for path in made.keys() | there.keys() if made.get(path) != there.get(path))
    for name in wrong:
        print(f"{name} is not what grafana/boards makes; run python -m grafana.build", file=sys.stderr)
    return 1 if wrong else 0


def files() -> Iterator[tuple[Path, str]]:
    """Every file as it is committed."""
    for name, board in BOARDS.items():
        text = render(board)
        yield FOLDER / f"{name}.json", text
        yield PICTURES / f"{name}.svg", draw(json.loads(text))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
