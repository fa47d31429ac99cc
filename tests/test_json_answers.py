"""Every command that tells something tells it to programs too."""

import json
from pathlib import Path
from typing import Any

from tests.processes import run_renteseg


def test_what_commands_say_is_json_when_it_is_asked_for(tmp_path: Path) -> None:
    environment = {"RENTESEG_STATE": str(tmp_path), "RENTESEG_DATABASE_URL": f"sqlite:///{tmp_path}/incidents.db"}

    def told(*words: str, given: str | None = None, code: int = 0) -> Any:
        done = run_renteseg(*words, "--json", environment=environment, given=given)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    assert told("db", "check", code=3)["ready"] is False
    assert told("db", "upgrade") == {"ready": True}
    assert told("db", "check") == {"ready": True}
    added = told("user", "add", "ana", "--role", "analyst", "--password-file", "-", given="una clave larga\n")
    assert added == {"name": "ana", "role": "analyst"}
    assert told("user", "role", "ana", "viewer") == {"name": "ana", "role": "viewer"}
    assert told("user", "password", "ana", "--password-file", "-", given="otra clave larga\n") == {"name": "ana"}
    assert told("user", "disable", "ana") == {"name": "ana", "disabled": True}
    assert told("user", "list") == [{"name": "ana", "role": "viewer", "disabled": True}]
    assert told("user", "enable", "ana") == {"name": "ana", "disabled": False}
    assert told("user", "role", "ana", "analyst") == {"name": "ana", "role": "analyst"}
    registered = told("incident", "register", "portal-web", "no responde", "--by", "ana")
    assert (registered["incident"], registered["state"]) == (1, "detectada")
    assert told("incident", "record", "1", "analysis_began", "--by", "ana")["state"] == "en_analisis"
    assert told("incident", "list")[0]["incident"] == 1
    assert told("incident", "show", "1")["version"] == 6
    assert told("quarantine", "list") == []
    assert told("audit", "verify")["whole"] is True
    assert told("check")["problems"] == []
    assert told("token", "list") == []
