"""The texts of notices: one Jinja template a kind under `config/mails/`, and one frame for their HTML.

The first line of a template is the subject, as `Asunto: …`; after an empty line comes the text. The HTML is made of the
text, so that what a supervisor edits is the same in both.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from groundwork.configuration import read_text
from groundwork.problems import ConfigurationError, Problem
from incident_store.domain.notices import NoticeKind
from mailroom.facts import WRITTEN, Fields, plain, sample

FOLDER = "mails"
FRAME = "frame.html.j2"
SUBJECT = "Asunto:"
ROW = re.compile(r"([^:\s][^:]{0,40}): (.+)")
ITEM = "- "


class BlockKind(StrEnum):
    """How a piece of text looks in HTML."""

    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"


@dataclass(frozen=True)
class Block:
    """A piece of text between empty lines: its lines, items, or rows of a name and a value."""

    kind: BlockKind
    lines: Sequence[str | tuple[str, str]]


class Wording:
    """The templates of one configuration folder."""

    def __init__(self, config: Path) -> None:
        self.folder = config / FOLDER
        self._texts = _environment(self.folder, html=False)
        self._frames = _environment(self.folder, html=True)

    def write(self, kind: NoticeKind, values: Fields) -> tuple[str, str]:
        """Subject and text of a notice; raises ConfigurationError naming the template and the line at fault."""
        path = self.folder / f"{kind.value}.txt.j2"
        try:
            written = self._texts.get_template(path.name).render(values)
        except (TemplateError, TypeError, ArithmeticError, LookupError, ValueError) as error:
            raise ConfigurationError([_problem(path, error)]) from error
        head, _, text = written.partition("\n")
        if not head.startswith(SUBJECT) or not text.strip():
            what = f"does not begin with {SUBJECT!r} and a text after it"
            raise ConfigurationError([Problem(str(path), what, "write 'Asunto: …', an empty line, and the text", 1)])
        return plain(head.removeprefix(SUBJECT)), re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"

    def frame(self, subject: str, text: str) -> str:
        """The HTML twin of a text; raises ConfigurationError."""
        try:
            return self._frames.get_template(FRAME).render(subject=subject, blocks=list(blocks(text)))
        except (TemplateError, TypeError, ValueError) as error:
            raise ConfigurationError([_problem(self.folder / FRAME, error)]) from error

    def line(self, template: str, values: Fields) -> str:
        """A template that stands in configuration itself; raises TemplateError."""
        return self._texts.from_string(template).render(values)


def blocks(text: str) -> Iterator[Block]:
    """The text as pieces that HTML shows as paragraphs, lists and tables."""
    for piece in re.split(r"\n\s*\n", text.strip("\n")):
        lines = [line.strip() for line in piece.split("\n") if line.strip()]
        rows = [match.groups() for line in lines if (match := ROW.fullmatch(line))]
        if lines and all(line.startswith(ITEM) for line in lines):
            yield Block(BlockKind.LIST, [line.removeprefix(ITEM) for line in lines])
        elif len(rows) == len(lines) > 1:
            yield Block(BlockKind.TABLE, [(str(name), str(value)) for name, value in rows])
        elif lines:
            yield Block(BlockKind.PARAGRAPH, lines)


def check_wording(config: Path) -> Iterator[Problem]:
    """Every template that is missing, cannot be read, or names a field that its notices do not have."""
    wording = Wording(config)
    for kind in set(NoticeKind) - WRITTEN:
        yield from _check(wording, kind)
    try:
        read_text(wording.folder / FRAME)
        wording.frame("x", "x\n\n- x\n\nx: x\nx: x")
    except ConfigurationError as error:
        yield from error.problems


def _check(wording: Wording, kind: NoticeKind) -> Iterator[Problem]:
    path, values = wording.folder / f"{kind.value}.txt.j2", sample(kind)
    try:
        unknown = list(unknown_fields(read_text(path), values, path))
        yield from unknown
        if not unknown:
            wording.write(kind, values)
    except ConfigurationError as error:
        yield from error.problems
    except TemplateSyntaxError as error:
        yield _problem(path, error)


def unknown_fields(source: str, values: Fields, path: Path) -> Iterator[Problem]:
    """The fields that a template names and its values lack, also where this time it would not come by."""
    tree = _environment(path.parent, html=False).parse(source)
    loops = {name.name for loop in tree.find_all(nodes.For) for name in loop.target.find_all(nodes.Name)}
    loops |= {loop.target.name for loop in tree.find_all(nodes.For) if isinstance(loop.target, nodes.Name)}
    loops |= {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"} | {"loop"}
    for name in tree.find_all(nodes.Name):
        if name.name not in values and name.name not in loops:
            yield _unknown(path, name.lineno, name.name, sorted(values))
    for access in tree.find_all((nodes.Getattr, nodes.Getitem)):
        yield from _unknown_member(access, values, path)


def _unknown_member(access: nodes.Node, values: Fields, path: Path) -> Iterator[Problem]:
    if not isinstance(access, nodes.Getattr) or not isinstance(access.node, nodes.Name):
        return
    owner = values.get(access.node.name)
    known = [one.name for one in fields(owner)] if is_dataclass(owner) else []
    if owner is not None and access.attr not in known:
        names = sorted(f"{access.node.name}.{one}" for one in known)
        yield _unknown(path, access.lineno, f"{access.node.name}.{access.attr}", names)


def _unknown(path: Path, line: int, name: str, known: Sequence[str]) -> Problem:
    return Problem(str(path), f"there is no field {name!r}", f"use one of: {', '.join(known)}", line)


def _problem(path: Path, error: Exception) -> Problem:
    line = error.lineno if isinstance(error, TemplateSyntaxError) else _line(error, path)
    return Problem(str(path), str(error) or type(error).__name__, "correct the template", line)


def _line(error: Exception, path: Path) -> int | None:
    """The line of the template in which the error arose."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).name == path.name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _environment(folder: Path, *, html: bool) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
    )
