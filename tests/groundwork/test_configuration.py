"""What configuration files may hold, and that whatever else they hold is said by file, line and remedy."""

from pathlib import Path

import pytest

from groundwork.configuration import Strict, read, substitute
from groundwork.durations import parse_duration
from groundwork.problems import ConfigurationError, Problem
from groundwork.secret_files import write_secret
from groundwork.settings import Settings, read_settings
from groundwork.zones import time_zone


class Free(Strict):
    """A file that may hold anything under `a`."""

    a: object = None


def problems_of(text: str, folder: Path) -> list[Problem]:
    path = folder / "file.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        read(path, Free, {})
    assert all(problem.file == str(path) and problem.remedy for problem in raised.value.problems)
    return raised.value.problems


LAUGHS = "a:\n  - &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  - &{chr(name)} [{', '.join([f'*{chr(name - 1)}'] * 9)}]\n" for name in range(ord("b"), ord("j"))
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("# one\na: b\n# \x07\n", 3, "U+0007"),
        ("# one\na: 2026-02-30\n", 2, "'2026-02-30' is no timestamp"),
        ("# one\na: 2026-13-45\n", 2, "is no timestamp"),
        ("# one\na: !!timestamp foo\n", 2, "'foo' is no timestamp"),
        ("# one\na: !!int foo\n", 2, "'foo' is no int"),
        ("# one\na: !!float foo\n", 2, "'foo' is no float"),
        ("# one\na: !!bool foo\n", 2, "'foo' is no bool"),
        (f"# one\na: {'9' * 5000}\n", 2, "is no int"),
        (f"# one\na: 0x{'F' * 5000}\n", 2, "too large a number"),
        ('# one\na: "x\\0y"\n', 2, "NUL"),
        ("# one\n? [a, b]\n: 1\n", 2, "a key is a list"),
        ("# one\n? {a: b}\n: 1\n", 2, "a key is a list"),
        ("# one\na: &x\n  - *x\n", 3, "*x stands inside itself"),
        ("# one\na: &x\n  y: *x\n", 3, "*x stands inside itself"),
        (f"# one\na: {'[' * 3000}{']' * 3000}\n", 2, "nested more than"),
        (LAUGHS, 5, "aliases repeat more than"),
    ],
)
def test_yaml_that_is_not_plain_values_is_refused_by_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    (problem,) = problems_of(text, tmp_path)
    assert problem.line == line
    assert words in problem.what
    assert len(str(problem)) < 400 + len(str(tmp_path))


def test_anchors_and_merged_entries_of_a_usual_size_are_read(tmp_path: Path) -> None:
    path = tmp_path / "file.yml"
    path.write_text("a:\n  - &p {x: 1}\n  - {<<: *p, y: 2}\n", encoding="utf-8")
    assert read(path, Free, {}).a == [{"x": 1}, {"x": 1, "y": 2}]


def test_a_long_value_is_shown_cut_and_without_its_password(tmp_path: Path) -> None:
    class Number(Strict):
        a: int

    path = tmp_path / "file.yml"
    path.write_text(f"a: postgresql://u:secret@h/{'x' * 5000}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        read(path, Number, {})
    assert "secret" not in str(raised.value)
    assert len(str(raised.value)) < 400 + len(str(tmp_path))


def test_an_empty_value_counts_as_none_where_there_is_a_default() -> None:
    assert substitute("${PORT:-8080}", Path("f"), {"PORT": ""}) == "8080"


def test_a_value_of_two_lines_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigurationError, match="MAIL_OTI"):
        substitute("a: ${MAIL_OTI}", Path("f"), {"MAIL_OTI": "x\nevil: 1"})


@pytest.mark.parametrize("text", ["4000000d", "99999999999d", "9" * 5000 + "s", "6000w", "0s", "٣s"])
def test_a_duration_of_zero_or_of_more_than_ten_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    "name", ["America", "a" * 5000, "../../etc/passwd", "", "zone.tab", "Nope/X", "a\0b", "\udc80"]
)
def test_a_name_that_is_no_zone_is_refused_whatever_the_zone_files_make_of_it(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        time_zone(name)


@pytest.mark.parametrize(
    "name", ["per%cent", "que?ry", "ha #sh", "col: on", 'd"q', "q'uote", "se ;mi", "s*ar", "per\udc80"]
)
def test_a_state_folder_whose_name_means_something_else_somewhere_is_refused_by_the_settings_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RENTESEG_STATE", str(tmp_path / name))
    with pytest.raises(ConfigurationError, match="RENTESEG_STATE"):
        read_settings()


@pytest.mark.parametrize("port", ["99999", "-1", "0", "70000", "abc"])
def test_a_port_that_is_none_is_refused_by_the_settings_name(
    port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RENTESEG_WEBHOOK_PORT", port)
    with pytest.raises(ConfigurationError, match="RENTESEG_WEBHOOK_PORT"):
        read_settings()


def test_an_environment_file_that_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"RENTESEG_HOST=\xff\xfe\n")
    with pytest.raises(ConfigurationError, match=r"\.env: cannot be read"):
        read_settings()


def test_a_state_folder_with_spaces_and_signs_keeps_its_database_inside(tmp_path: Path) -> None:
    from sqlalchemy import make_url

    settings = Settings(state=tmp_path / "s p@ce, ñ+1")
    assert make_url(settings.database_url).database == str(tmp_path / "s p@ce, ñ+1" / "incidents.db")


def test_a_secret_is_there_whole_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "token"
    write_secret(path, "first")
    write_secret(path, "second")
    assert path.read_text() == "second\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["token"]
