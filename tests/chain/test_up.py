"""`renteseg up` as a person uses it: refusals before anything starts, restarts, an end that is an end, data kept."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from chain.dotenv import unknown_names
from chain.kernel import holder
from chain.supervision import literal
from groundwork.problems import Refused
from tests.builders import PORTAL_DOWN
from tests.chain.conftest import Chain
from tests.processes import ROOT, answers, free_ports, renteseg, run_renteseg, wait_for

pytestmark = pytest.mark.chain


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path / "state", "")


def start(chain: Chain) -> subprocess.Popen[bytes]:
    """`renteseg up --no-simulator`, as a terminal would start it, ready."""
    chain.state.mkdir(exist_ok=True)
    with (chain.state / "up.log").open("ab") as log:
        process = subprocess.Popen(
            renteseg("up", "--no-simulator"),
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **chain.environment},
            cwd=ROOT,
        )
    pages = [("webhook", "/readyz"), ("console", "/readyz"), ("alertmanager", "/-/ready"), ("prometheus", "/-/ready")]
    wait_for(lambda: all(answers(chain.url(*page)) for page in pages), 60, "the chain is ready")
    return process


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def webhook_of(process: subprocess.Popen[bytes]) -> psutil.Process | None:
    found = [one for one in children(process) if words_of(one)[-1:] == ["webhook"]]
    return found[0] if found else None


def words_of(process: psutil.Process) -> list[str]:
    """The command line of a process; none of one that has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_ctrl_c_ends_everything_and_the_next_start_finds_its_data(chain: Chain) -> None:
    process = start(chain)
    alerts = [{"labels": {**PORTAL_DOWN, "component": "kept"}}]
    httpx.post(chain.url("alertmanager", "/api/v2/alerts"), json=alerts).raise_for_status()
    (before,) = wait_for(lambda: chain.incidents("kept"), 30, "the alert is an incident")
    password = (chain.state / "secrets" / "first-login").read_text()
    family = children(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert psutil.wait_procs(family, timeout=5)[1] == []

    process = start(chain)
    try:
        (after,) = chain.incidents("kept")
        assert after["times"] == before["times"]
        assert (chain.state / "secrets" / "first-login").read_text() == password
        with httpx.Client(base_url=chain.url("console", ""), follow_redirects=True) as browser:
            page = browser.get("/")
            token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
            assert token is not None
            form = {"name": "admin", "password": password.strip(), "csrf_token": token[1]}
            browser.post("/login", data=form).raise_for_status()
            assert "kept" in browser.get("/incidencias").text
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_process_that_is_killed_is_started_again(chain: Chain) -> None:
    process = start(chain)
    try:
        victim = webhook_of(process)
        assert victim is not None
        victim.kill()
        wait_for(
            lambda: (found := webhook_of(process)) is not None and found.pid != victim.pid, 20, "a new webhook runs"
        )
        wait_for(lambda: answers(chain.url("webhook", "/readyz")), 20, "the new webhook is ready")
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_a_second_chain_on_the_same_folder_is_refused_naming_the_first(chain: Chain) -> None:
    process = start(chain)
    try:
        done = run_renteseg("up", "--no-simulator", environment=Chain(chain.state, "").environment)
        assert done.returncode == 1
        assert f"{chain.state} is used by the chain of PID {process.pid}" in done.stderr
        assert len(done.stderr.strip().split("\n")) == 1
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_when_up_is_killed_everything_ends_with_it_and_the_folder_can_be_used_again(chain: Chain) -> None:
    process = start(chain)
    family = children(process)
    process.kill()
    process.wait()
    assert psutil.wait_procs(family, timeout=30)[1] == []
    process = start(chain)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def test_when_the_supervisor_is_killed_up_says_so_and_leaves_nothing_behind(chain: Chain) -> None:
    process = start(chain)
    wait_for(lambda: "is running" in (chain.state / "up.log").read_text(), 30, "up has said that it runs")
    family = children(process)
    os.kill(int((chain.state / "supervisord.pid").read_text()), signal.SIGKILL)
    assert process.wait(60) == 3
    assert (chain.state / "up.log").read_text().strip().split("\n")[-1].startswith("the supervisor ended with -9")
    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_a_port_that_an_earlier_run_left_taken_is_said_with_the_process_that_holds_it(chain: Chain) -> None:
    listen = f"import socket, time; one = socket.create_server(('127.0.0.1', {chain.ports['console']})); time.sleep(99)"
    left = subprocess.Popen([sys.executable, "-c", listen], env={**os.environ, **chain.environment})
    try:
        wait_for(lambda: holder(chain.ports["console"]), 20, "somebody listens")
        done = run_renteseg("up", "--no-simulator", environment=chain.environment)
        assert done.returncode == 1
        assert f"by PID {left.pid}, left of an earlier run on {chain.state}; end it: kill {left.pid}" in done.stderr
    finally:
        left.kill()
        left.wait()


NEVER_READY = """
import sys
from pathlib import Path
from chain.lock import locked
from chain.supervision import Process, Supervisor
from chain.up import run
from groundwork.problems import Refused
from groundwork.settings import Settings

state, page = Path(sys.argv[1]), sys.argv[2]
late = Process("late", [sys.executable, "-c", "import time; time.sleep(99)"], page)
with locked(state) as lock:
    supervisor = Supervisor(Settings(state=state), [late], lock)
    try:
        run(supervisor, lambda: print("is running"), patience=4)
    except Refused as error:
        print(error, "ended:", supervisor.ended)
"""
"""In a process of its own: what `up` stops at the end is every child that it has."""


def test_without_everything_ready_nothing_is_called_running_and_all_is_stopped(chain: Chain) -> None:
    chain.state.mkdir()
    page = f"http://127.0.0.1:{free_ports(1)[0]}/"
    command = [sys.executable, "-c", NEVER_READY, str(chain.state), page]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    assert "not ready after 4 s: late;" in done.stdout
    assert "All was stopped" in done.stdout
    assert "ended: True" in done.stdout
    assert "is running" not in done.stdout


def test_an_empty_secret_of_the_receiver_is_said_and_nothing_starts(chain: Chain) -> None:
    token = chain.state / "secrets" / "webhook-token"
    token.parent.mkdir(parents=True)
    token.touch()
    done = run_renteseg("up", "--no-simulator", environment=chain.environment)
    assert done.returncode == 1
    assert f"{token}: RENTESEG_WEBHOOK_TOKEN_FILE: holds a token of fewer than 16 characters" in done.stderr
    assert "is running" not in done.stdout


def test_every_value_is_written_so_that_supervisord_reads_it_as_it_stands() -> None:
    assert literal("/a b/100%/x;y") == "/a b/100%%/x;y"
    with pytest.raises(Refused, match="supervisord would cut"):
        literal("/se ;mi/python -m renteseg")


def test_a_taken_port_is_said_by_name_before_anything_starts(chain: Chain) -> None:
    with socket.create_server(("127.0.0.1", chain.ports["alertmanager"])):
        done = run_renteseg("up", environment={**chain.environment, "RENTESEG_CONSOLE_PORT": str(chain.ports["smtp"])})
    assert done.returncode == 1
    taken, twice = done.stderr.strip().split("\n")
    assert f"port {chain.ports['alertmanager']} of alertmanager is taken" in taken
    assert "RENTESEG_ALERTMANAGER_PORT" in taken
    assert "is also that of console" in twice
    assert not (chain.state / "supervisord.conf").exists()


def test_all_errors_of_all_files_are_said_at_once_and_nothing_starts(chain: Chain, tmp_path: Path) -> None:
    config = tmp_path / "config"
    subprocess.run(["cp", "-r", str(ROOT / "config"), str(config)], check=True)
    edit(config / "targets.yml", "interval: 10s", "intervall: 10s")
    edit(config / "targets.yml", "owner: oti", "owner: nobody")
    edit(config / "file_loads.yml", 'deadline: "06:00"', "deadline: six")
    edit(config / "sla.yml", "within: 30m", "within: soon")
    edit(config / "alertmanager.yml", "group_wait: 5s", "group_wate: 5s")
    edit(config / "prometheus.yml", "scrape_interval: 5s", "scrape_interval: five")
    for command in ("up", "check"):
        done = run_renteseg(command, environment={**chain.environment, "RENTESEG_CONFIG": str(config)})
        assert done.returncode == 1
        lines = done.stderr.strip().split("\n")
        for name, words in {
            "targets.yml:": ("intervall", "did you mean 'interval'"),
            "file_loads.yml:": ("deadline",),
            "sla.yml:": ("targets.alta.response.within", "is not a duration"),
            "alertmanager.yml:": ("group_wate",),
            "prometheus.yml": ("five",),
        }.items():
            assert any(name in line and all(word in line for word in words) for line in lines), done.stderr
        assert any("targets.yml:" in line and "'nobody'" in line for line in lines), done.stderr
    assert not (chain.state / "supervisord.conf").exists()


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first occurrence, which must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_misspelt_name_in_the_environment_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("RENTESEG_WEBHOOK_PORT=1\nRENTESEG_WEBHOK_PORT=2\nRENTESEG_MAIL_ANALYSTS=a@b.example\nOTHER=1\n")
    (problem,) = unknown_names(file, ROOT / "config")
    assert (problem.line, problem.remedy) == (2, "did you mean RENTESEG_WEBHOOK_PORT?")


def test_where_nothing_can_be_fetched_one_line_says_how_to_go_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chain.programs"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 1
    *_, last = done.stderr.strip().split("\n")
    assert "install Prometheus and Alertmanager" in last


def test_a_setting_that_is_no_number_is_named(chain: Chain) -> None:
    done = run_renteseg("up", environment={**chain.environment, "RENTESEG_WEBHOOK_PORT": "many"})
    assert done.returncode == 1
    assert "RENTESEG_WEBHOOK_PORT" in done.stderr


def test_a_store_that_cannot_be_reached_is_exit_code_3_with_one_line(chain: Chain) -> None:
    environment = {**chain.environment, "RENTESEG_DATABASE_URL": "postgresql+psycopg2://nobody@127.0.0.1:1/none"}
    for words in (("db", "upgrade"), ("incident", "list")):
        done = run_renteseg(*words, environment=environment)
        assert done.returncode == 3
        assert len(done.stderr.strip().split("\n")) == 1


def test_clocks_given_as_json_lines_keep_their_order_and_a_bad_line_does_not_stop_the_others() -> None:
    good = {
        "calendar": "24x7",
        "target_seconds": 60,
        "start": "2026-10-05T09:00:00-05:00",
        "now": "2026-10-05T15:00:00Z",
    }
    week = {"mon": [["08:30", "13:00"], ["14:00", "17:30"]]}
    office = {"timezone": "America/Lima", "week": week, "holidays": ["2026-10-08"]}
    lunch = {
        "calendar": office,
        "target_seconds": 5 * 3600,
        "start": "2026-10-05T09:00:00",
        "stop": "2026-10-05T15:00:00",
        "pauses": [],
    }
    done = run_renteseg("sla", "clock", given="\n".join([json.dumps(good), "{", json.dumps(lunch)]))
    first, second, third = (json.loads(line) for line in done.stdout.strip().split("\n"))
    assert done.returncode == 1
    assert (first["state"], first["due"], first["elapsed_seconds"]) == ("breached", "2026-10-05T14:01:00Z", 3600)
    assert "error" in second
    assert (third["state"], third["due"], third["elapsed_seconds"]) == ("met", "2026-10-05T20:00:00Z", 5 * 3600)
    assert [stretch["reason"] for stretch in third["explanation"]] == ["open", "closed", "open"]
