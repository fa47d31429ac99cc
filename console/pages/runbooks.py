"""What to do when an alert fires."""

import re
from pathlib import Path

from flask import Blueprint, abort, render_template
from flask_login import login_required
from markdown_it import MarkdownIt

RUNBOOKS = Path(__file__).resolve().parent.parent.parent / "docs" / "runbooks"
RUNBOOK_NAME = re.compile(r"[A-Za-z]+")

runbook_pages = Blueprint("runbooks", __name__)


@runbook_pages.get("/runbooks/<name>")
@login_required  # type: ignore[untyped-decorator]
def runbook(name: str) -> str:
    """The runbook of one alert."""
    page = _runbook_file(name)
    if page is None:
        abort(404)
    body = MarkdownIt("js-default").render(page.read_text(encoding="utf-8"))
    return render_template("runbook.html", name=name, body=body)


@runbook_pages.app_template_test("runbook")
def has_runbook(name: str) -> bool:
    """Whether this alert has a runbook."""
    return _runbook_file(name) is not None


def _runbook_file(name: str) -> Path | None:
    """The runbook of this alert, None when there is none."""
    page = RUNBOOKS / f"{name}.md"
    return page if RUNBOOK_NAME.fullmatch(name) and page.is_file() else None
