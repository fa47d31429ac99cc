"""targets.yml: the shipped file is read; whatever is wrong is said at once, with line and remedy."""

from pathlib import Path

import pytest

from exporters.availability.check import check
from exporters.availability.probes.http import HttpComponent
from exporters.availability.probes.sql import SqlComponent
from exporters.availability.probes.tcp import TcpComponent
from exporters.availability.targets import Targets, read_targets
from groundwork.problems import ConfigurationError

SHIPPED = Path(__file__).parents[3] / "config" / "targets.yml"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "targets.yml"
    file.write_text(text, encoding="utf-8")
    return file


def complaints(tmp_path: Path, text: str) -> list[str]:
    """`line: where: what; remedy` of every problem."""
    with pytest.raises(ConfigurationError) as raised:
        read_targets(written(tmp_path, text))
    return [str(problem).removeprefix(f"{tmp_path}/targets.yml:") for problem in raised.value.problems]


def test_the_shipped_file_is_read() -> None:
    targets = read_targets(SHIPPED, {"RENTESEG_STATE": "/state"})

    kinds = {component.name: type(component) for component in targets.components}
    assert kinds["portal-web"] is HttpComponent
    assert kinds["base-datos"] is SqlComponent
    assert kinds["enlace-proveedor"] is TcpComponent
    portal = targets.named("portal-https")
    assert isinstance(portal, HttpComponent)
    assert (portal.interval, portal.timeout, portal.slow_after) == (10, 4, 1)
    assert portal.ca_file == Path("/state/simulator/tls/ca.pem")
    assert portal.endpoint == ("127.0.0.1", 8101)


def test_the_shipped_file_passes_the_check_before_anything_ran(tmp_path: Path) -> None:
    assert check(SHIPPED.parent, {"RENTESEG_STATE": str(tmp_path)}) == []


GOOD = """\
defaults: {interval: 10s, timeout: 4s}
components:
  - {name: link, kind: tcp, service: s, owner: oti, link: link, address: "127.0.0.1:80"}
"""


def added(entry: str) -> str:
    return f"{GOOD}  - {entry}\n"


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("{name: Bad_Name, kind: tcp, service: s, owner: oti, address: 'a:1'}", "is not a name"),
        (
            "{name: a, kind: ftp, service: s, owner: oti, address: 'a:1'}",
            "'sftp', 'smtp', 'imap', 'icmp'",
        ),
        ("{name: a, kind: tcp, service: s, owner: us, address: 'a:1'}", "'operator', 'provider' or 'oti'"),
        ("{name: a, kind: tcp, service: s, owner: oti, adress: 'a:1'}", "did you mean 'address'?"),
        ("{name: a, kind: tcp, service: s, owner: oti}", "'address' is missing"),
        ("{name: a, kind: tcp, service: s, owner: oti, address: 'a'}", "is not an address"),
        ("{name: a, kind: tcp, service: s, owner: oti, address: 'a:99999'}", "is not an address"),
        ("{name: a, kind: http, service: s, owner: oti, url: 'ftp://a/'}", "scheme 'ftp' is not supported"),
        ("{name: a, kind: http, service: s, owner: oti, url: 'http://'}", "names no host"),
        ("{name: a, kind: http, service: s, owner: oti, url: 'http://a:b/'}", "is not a URL"),
        ("{name: a, kind: http, service: s, owner: oti, url: 'http://u:p@a/'}", "carries a user or password"),
        ("{name: a, kind: http, service: s, owner: oti, url: 'http://a/', expect: {status: [99]}}", "greater"),
        ("{name: a, kind: http, service: s, owner: oti, url: 'http://a/', expect: {status: []}}", "is an empty list"),
        (
            "{name: a, kind: http, service: s, owner: oti, url: 'http://a/', expect: {body_regex: '('}}",
            "is not a regular expression",
        ),
        ("{name: a, kind: sql, service: s, owner: oti, url: 'mysql://a/b'}", "scheme 'mysql' is not supported"),
        ("{name: a, kind: sql, service: s, owner: oti, url: 'sqlite://'}", "names no SQLite file"),
        ("{name: a, kind: sql, service: s, owner: oti, url: 'nothing'}", "is not a database URL"),
        ("{name: a, kind: tcp, service: s, owner: oti, address: 'a:1', timeout: 5}", "is not a duration"),
        ("{name: a, kind: tcp, service: s, owner: oti, address: 'a:1', interval: 0s}", "is a duration of zero"),
        (
            "{name: a, kind: tls, service: s, owner: oti, address: 'a:1', expect: {valid_for: soon}}",
            "is not a duration",
        ),
        (
            "{name: a, kind: http, service: s, owner: oti, url: 'http://a/', method: HEAD, expect: {body_contains: b}}",
            "the answer to HEAD has none",
        ),
        (
            "{name: a, kind: api, service: s, owner: oti, steps: [{url: 'http://a/', method: HEAD, "
            "expect: {json: [{query: b}]}}]}",
            "the answer to HEAD has none",
        ),
        (
            "{name: a, kind: dns, service: s, owner: oti, server: a, query: b, "
            "expect: {rcode: [NXDOMAIN], records: [b]}}",
            "expects records of an answer that is an error",
        ),
        ("{name: a, kind: icmp, service: s, owner: oti, address: '1:2'}", "is not a host name or an IP address"),
        ("{name: a, kind: dns, service: s, owner: oti, server: a, query: 'a..b'}", "is not a name that DNS knows"),
        ("{name: a, kind: sftp, service: s, owner: oti, address: 'a:1', user: u}", "a password_file or a key_file"),
        ("{name: a, kind: imap, service: s, owner: oti, address: 'a:1', folder: f}", "names a folder without a login"),
        ("{name: a, kind: sql, service: s, owner: oti, url: 'mysql+mysqldb://a/b'}", "install MySQLdb"),
        ("{name: a, kind: tcp, service: s, owner: oti, address: 'a:1', timeout: 11s}", "is longer than the interval"),
        ("{name: a, kind: tcp, service: s, owner: oti, address: 'a:1', interval: 3s}", "is longer than the interval"),
        ("{name: link, kind: tcp, service: s, owner: oti, address: 'a:1'}", "'link' stands twice"),
        ("{name: a, kind: tcp, service: s, owner: oti, link: gone, address: 'a:1'}", "no component is named 'gone'"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line(tmp_path: Path, entry: str, complaint: str) -> None:
    found = complaints(tmp_path, added(entry))

    assert all(line.startswith("4: ") for line in found)
    assert any(complaint in line for line in found)


def test_a_link_must_be_a_link(tmp_path: Path) -> None:
    text = added("{name: web, kind: tcp, service: s, owner: oti, address: 'a:1'}") + (
        "  - {name: b, kind: tcp, service: s, owner: oti, link: web, address: 'a:1'}\n"
    )

    [found] = complaints(tmp_path, text)
    assert found == "5: components.2.link: 'web' is not a link; write 'link: web' in 'web' itself if it is one"


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    text = (
        added("{name: a, kind: tcp, service: s, owner: oti, address: 'a'}")
        + "  - {name: a, kind: http, service: s, owner: us, url: 'ftp://x/', timeout: 11s}\n"
    )

    found = complaints(tmp_path, text)
    assert len(found) == 5
    assert [line.split(":")[0] for line in found] == ["4", "5", "5", "5", "5"]


def test_an_empty_list_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    for text in ("components: []\n", "", "- a\n", "components: {}\n"):
        assert complaints(tmp_path, text)


def test_check_names_unusable_files_and_unresolved_hosts(tmp_path: Path) -> None:
    text = added(
        "{name: a, kind: http, service: s, owner: oti, url: 'https://no-such-host.invalid/', ca_file: /absent.pem}"
    )
    written(tmp_path, text)

    found = [str(problem) for problem in check(tmp_path, {})]

    assert len(found) == 2
    assert f"{tmp_path}/targets.yml:4: a.ca_file: /absent.pem cannot be used: No such file" in found[0]
    assert f"{tmp_path}/targets.yml:4: a: no-such-host.invalid does not resolve" in found[1]


def test_what_sound_entries_name_and_is_not_there_comes_with_what_is_wrong_in_others(tmp_path: Path) -> None:
    text = (
        added("{name: a, kind: ftp, service: s, owner: oti, address: 'a:1'}")
        + "  - name: b\n    kind: sftp\n    service: s\n    owner: oti\n    address: 127.0.0.1:22\n    user: u\n"
        + "    key_file: /absent/key\n"
        + "  - {name: c, kind: tcp, service: s, owner: oti, address: 'no-such-host.invalid:1', interval: 0s}\n"
        + "  - {name: d, kind: tcp, service: s, owner: oti, address: 'no-such-host.invalid:1'}\n"
    )
    written(tmp_path, text)

    found = [str(problem).removeprefix(f"{tmp_path}/targets.yml:") for problem in check(tmp_path, {})]

    assert [line.split(":")[0] for line in found] == ["4", "12", "11", "13"]
    assert "'sftp', 'smtp', 'imap', 'icmp'" in found[0]
    assert "is a duration of zero" in found[1]
    assert "/absent/key cannot be used: No such file" in found[2]
    assert "no-such-host.invalid does not resolve" in found[3]


def test_check_names_the_keys_and_passwords_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    pair = f"cert_file: {tmp_path}/cert.pem"
    text = (
        added("{name: a, kind: http, service: s, owner: oti, url: 'http://127.0.0.1/', bearer_file: /absent/token}")
        + "  - {name: b, kind: api, service: s, owner: oti, secrets: {k: /absent}, steps: [{url: 'http://127.0.0.1/'}]}\n"
        + "  - {name: c, kind: sftp, service: s, owner: oti, address: '127.0.0.1:22', user: u, key_file: /absent/key}\n"
        + f"  - {{name: d, kind: tls, service: s, owner: oti, address: '127.0.0.1:1', {pair}}}\n"
    )
    written(tmp_path, text)

    found = [str(problem).split(": ", 1)[1] for problem in check(tmp_path, {})]

    assert [line.split(":")[0] for line in found] == ["a.bearer_file", "b.secrets.k", "c.key_file", "d.cert_file"]


def test_an_ipv6_address_is_split() -> None:
    component = TcpComponent.model_validate(
        {"name": "a", "kind": "tcp", "service": "s", "owner": "oti", "address": "[::1]:443"}
    )
    assert component.endpoint == ("::1", 443)


def test_entries_override_the_defaults() -> None:
    entry = {"name": "a", "kind": "tcp", "service": "s", "owner": "oti", "address": "a:1", "timeout": "1s"}
    [component] = Targets.model_validate({"defaults": {"interval": "1m"}, "components": [entry]}).components

    assert (component.interval, component.timeout) == (60, 1)


@pytest.mark.parametrize("entry", ["all", "any", "{quorum: 1}"])
def test_a_service_may_say_how_it_follows_from_its_components(entry: str, tmp_path: Path) -> None:
    """Semantics 23."""
    assert read_targets(written(tmp_path, f"{GOOD}services: {{s: {entry}}}\n")).services.keys() == {"s"}


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ("{t: all}", "services names 't', which no component belongs to"),
        ("{s: {quorum: 2}}", "needs 2 of its 1 components"),
        ("{s: {quorum: 0}}", "greater than or equal to 1"),
        ("{s: most}", "'all' or 'any'"),
        ("{s: {quorom: 1}}", "unknown key 'quorom'"),
    ],
)
def test_a_service_that_cannot_work_so_is_refused(services: str, words: str, tmp_path: Path) -> None:
    """Semantics 23."""
    assert any(words in complaint for complaint in complaints(tmp_path, f"{GOOD}services: {services}\n"))
