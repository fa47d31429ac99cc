"""The ICMP probe without privileges, in a network namespace of its own whose kernel settings the test may choose."""

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

ENTER = ["unshare", "--user", "--map-root-user", "--net"]
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
PREPARE = """
import fcntl, os, socket, struct, sys
from pathlib import Path
groups, link, *command = sys.argv[1:]
if groups:  # nobody may ask in a new namespace
    Path("/proc/sys/net/ipv4/ping_group_range").write_text(groups)
if link == "up":
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
os.execvp(command[0], command)
"""
LOOK = """
import json, socket, sys
from tests.exporters.availability.components import made
from tests.exporters.availability.looking import look
try:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    privileged = True
except PermissionError:
    privileged = False
result = look(made("icmp", address=sys.argv[1]))
print(json.dumps({"privileged": privileged, "reason": result.reason, "phases": list(result.phases)}))
"""


def looked_at(address: str, groups: str, link: str = "up") -> dict[str, Any]:
    """What a process without any right finds in a namespace with these settings."""
    if not all(map(shutil.which, ("unshare", "setpriv"))) or subprocess.run([*ENTER, "true"], check=False).returncode:
        pytest.skip("no namespace may be made here")
    inside = [*WITHOUT_RIGHTS, sys.executable, "-c", LOOK, address]
    command = [*ENTER, sys.executable, "-c", PREPARE, groups, link, *inside]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stderr
    told: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    assert not told["privileged"]
    return told


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_host_answers_a_process_whose_group_may_ask(address: str) -> None:
    found = looked_at(address, "0 0")

    assert (found["reason"], found["phases"]) == (None, ["resolve", "connect", "response"])


def test_without_the_setting_it_is_a_fault_of_configuration() -> None:
    assert looked_at("127.0.0.1", "")["reason"] == "configuration"


def test_a_host_without_a_way_to_it_is_unreachable() -> None:
    assert looked_at("127.0.0.1", "0 0", link="down")["reason"] == "unreachable"
    assert looked_at("192.0.2.1", "0 0")["reason"] == "unreachable"
