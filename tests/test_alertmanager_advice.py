"""`renteseg check` reads a user's alertmanager.yml and warns where it would lose notifications."""

import shutil
from pathlib import Path

import pytest

from chain.alertmanager_advice import advise
from groundwork.settings import Settings
from tests.builders import ROOT
from tests.processes import run_renteseg

GOOD = """
route:
  receiver: mail
  routes:
    - {receiver: webhook, repeat_interval: 5m, continue: true}
receivers:
  - name: mail
  - name: webhook
    webhook_configs:
      - url: http://renteseg.example/api/v1/alerts
        http_config:
          follow_redirects: false
          authorization: {credentials_file: /run/secrets/token}
"""


def advice(folder: Path, text: str) -> list[str]:
    (folder / "alertmanager.yml").write_text(text)
    return [str(one) for one in advise(Settings(config=folder, state=folder))]


def test_the_shipped_configuration_loses_nothing() -> None:
    assert advise(Settings(config=ROOT / "config")) == []


def test_a_tuned_configuration_gives_no_advice(tmp_path: Path) -> None:
    assert advice(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("follow_redirects: false", "proxy_url: http://p", 11, "follow_redirects: false"),
        ("authorization: {credentials_file: /run/secrets/token}", "enable_http2: true", 11, "401"),
        ("        http_config", "        max_alerts: 50\n        http_config", 11, "max_alerts: 0"),
        ("        http_config", "        send_resolved: false\n        http_config", 11, "send_resolved: true"),
        ("repeat_interval: 5m, ", "", 5, "repeat_interval: 5m"),
        ("repeat_interval: 5m", "repeat_interval: 1d", 5, "repeat_interval: 5m"),
        ("continue: true", "mute_time_intervals: [noche]", 5, "renteseg worker"),
        ("continue: true", "active_time_intervals: [noche]", 5, "renteseg worker"),
        ("name: webhook", "name: renteseg", 6, "RENTESEG_ALERTMANAGER_RECEIVER to renteseg"),
        ("/api/v1/alerts", "/hook", 6, "no receiver posts"),
    ],
)
def test_a_setting_that_loses_notifications_is_named_with_its_line_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    assert old in GOOD
    (said,) = advice(tmp_path, GOOD.replace(old, new, 1))
    assert f"alertmanager.yml:{line}: " in said
    assert words in said


def test_what_a_route_inherits_counts(tmp_path: Path) -> None:
    nested = GOOD.replace(
        "    - {receiver: webhook, repeat_interval: 5m, continue: true}",
        "    - receiver: webhook\n      repeat_interval: 12h\n      routes: [{matchers: [a=b]}]",
    )
    assert len(advice(tmp_path, nested)) == 2


def test_a_file_that_is_no_configuration_is_left_to_the_check(tmp_path: Path) -> None:
    for text in ("", "[]", "route: [", "receivers: {a: b}\nroute: 7"):
        assert all("no receiver" in one for one in advice(tmp_path, text))


def test_check_prints_warnings_and_still_succeeds(tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    file = config / "alertmanager.yml"
    file.write_text(file.read_text().replace("max_alerts: 0", "max_alerts: 9"))
    done = run_renteseg("check", environment={"RENTESEG_CONFIG": str(config), "RENTESEG_STATE": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "max_alerts: 0" in done.stderr
    assert "in order" in done.stdout
