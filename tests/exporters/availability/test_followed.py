"""Targets files of other programs: file_sd entries, whole components, and what is wrong with some of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from exporters.availability.check import check
from exporters.availability.followed import Followed
from exporters.availability.targets import Targets

TEMPLATE = {
    "kind": "http",
    "service": "consulta",
    "owner": "operator",
    "url": "https://{target}/salud",
    "expect": {"json": [{"query": "estado", "equals": "{target}"}]},
}
ENLACE = {"name": "enlace", "kind": "tcp", "service": "s", "owner": "oti", "link": "enlace", "address": "a:1"}


def targets(**component: Any) -> Targets:
    entry = {"files": ["found/*.json", "found/*.yml"], "component": {**TEMPLATE, **component}}
    return Targets.model_validate({"follow": [entry], "components": [ENLACE], "defaults": {"interval": "30s"}})


def written(folder: Path, name: str, content: Any) -> Followed:
    (folder / "found").mkdir(exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "found" / name).write_text(text, encoding="utf-8")
    return Followed(folder)


def test_each_target_becomes_a_component_of_the_template(tmp_path: Path) -> None:
    followed = written(
        tmp_path,
        "nodes.json",
        [
            {"targets": ["a.example:443", "B.example"], "labels": {"owner": "oti", "link": "enlace", "rack": "7"}},
            {"targets": ["c.example"], "labels": {"name": "portal-c", "service": "otro"}},
        ],
    )

    found, problems = followed.found(targets())

    assert problems == []
    assert [component.name for component in found] == ["a-example-443", "b-example", "portal-c"]
    assert [(component.owner, component.link, component.service) for component in found] == [
        ("oti", "enlace", "consulta"),
        ("oti", "enlace", "consulta"),
        ("operator", None, "otro"),
    ]
    assert found[0].model_dump()["url"] == "https://a.example:443/salud"
    assert found[0].model_dump()["expect"]["json_values"][0]["equals"] == "a.example:443"
    assert [component.interval for component in targets().with_found(found).components] == [30, 30, 30, 30]


def test_an_entry_may_be_a_whole_component_in_yaml(tmp_path: Path) -> None:
    text = "- {name: correo, kind: smtp, service: s, owner: oti, address: 'mail.example:25'}\n"

    found, problems = written(tmp_path, "more.yml", text).found(targets())

    assert [component.kind for component in found] == ["smtp"]
    assert problems == []


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"name": "enlace", "kind": "tcp", "service": "s", "owner": "oti", "address": "b:1"}, "the name is taken"),
        ({"name": "x", "kind": "tcp", "service": "s", "owner": "oti", "address": "b"}, "is not an address"),
        ({"name": "x", "kind": "ftp", "service": "s", "owner": "oti", "address": "b:1"}, "does not match any"),
        ({"targets": ["good.example"], "labels": {"link": "gone"}}, "no link is named 'gone'"),
        ({"targets": ["good.example"], "labels": {"owner": "us"}}, "'operator', 'provider' or 'oti'"),
        ({"targets": [""]}, "is not a name"),
        ("nonsense", "valid dictionary"),
    ],
)
def test_an_entry_that_cannot_be_built_stops_no_other(tmp_path: Path, entry: Any, complaint: str) -> None:
    followed = written(tmp_path, "nodes.json", [{"targets": ["one"]}, entry, {"targets": ["two"]}])

    found, problems = followed.found(targets())

    assert [component.name for component in found] == ["one", "two"]
    assert any(complaint in str(problem) for problem in problems), problems
    assert all("nodes.json" in str(problem) for problem in problems)


def test_what_is_wrong_in_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    text = "- targets: [one]\n- name: x\n  kind: tcp\n  service: s\n  owner: oti\n  address: nowhere\n"

    _, [problem] = written(tmp_path, "more.yml", text).found(targets())

    assert str(problem).startswith(f"{tmp_path}/found/more.yml:6: 1.tcp.address: is not an address")


@pytest.mark.parametrize("broken", ['[{"targets": ["o', "{}", "\x00"])
def test_a_file_that_is_half_written_keeps_what_it_gave(tmp_path: Path, broken: str) -> None:
    followed = written(tmp_path, "nodes.json", [{"targets": ["one"]}])
    assert [component.name for component in followed.found(targets())[0]] == ["one"]

    written(tmp_path, "nodes.json", broken)
    found, problems = followed.found(targets())

    assert [component.name for component in found] == ["one"]
    assert "last good content is kept" in str(problems[0])


def test_what_is_written_new_changed_or_removed_is_noticed(tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    stamps = [followed.stamp(targets())]
    written(tmp_path, "nodes.json", [{"targets": ["one"]}])
    stamps.append(followed.stamp(targets()))
    written(tmp_path, "nodes.json", [{"targets": ["one", "two"]}])
    stamps.append(followed.stamp(targets()))
    (tmp_path / "found" / "nodes.json").unlink()
    stamps.append(followed.stamp(targets()))

    assert len(set(stamps)) == 3
    assert stamps[0] == stamps[3]
    assert followed.found(targets()) == ((), [])


def test_the_check_reads_followed_files_too(tmp_path: Path) -> None:
    written(tmp_path, "nodes.json", [{"name": "x", "kind": "tcp"}])
    (tmp_path / "targets.yml").write_text(json.dumps({"follow": [{"files": ["found/*.json"]}]}))

    problems = [str(problem) for problem in check(tmp_path, {})]

    assert len(problems) == 3  # service, owner, address
    assert all("nodes.json" in problem for problem in problems)
