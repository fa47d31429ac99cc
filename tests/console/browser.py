"""The pages as one person uses them: logged in, and every form sent with its own token."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.console.conftest import PASSWORD

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
SEEN = re.compile(r'name="seen" value="(\d+)"')


class Browser:
    """One person's browser."""

    def __init__(self, console: Flask, name: str) -> None:
        self.client: FlaskClient = console.test_client()
        self.name = name
        self.log_in()

    def log_in(self, **kept: str) -> TestResponse:
        page = self.client.get("/login").text
        return self.client.post(
            "/login", data={"name": self.name, "password": PASSWORD, "csrf_token": token(page), **kept}
        )

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def send(self, page: str, path: str, **fields: Any) -> TestResponse:
        """Send a form of a page to `path`, with the page's token and what it had seen; `__` in names stands for `-`."""
        text = self.get(page).text
        found = SEEN.search(text)
        given = {name.replace("__", "-"): value for name, value in fields.items()}
        seen = {"seen": found[1]} if found else {}
        return self.client.post(path, data={"csrf_token": token(text), **seen, **given})

    def step(self, number: int, kind: str, **fields: Any) -> TestResponse:
        """Take a step from the incident's page."""
        details = {f"{kind}__{name}": value for name, value in fields.items() if name != "seen"}
        if "seen" in fields:
            details["seen"] = fields["seen"]
        return self.send(f"/incidencias/{number}", f"/incidencias/{number}/pasos/{kind}", **details)


def token(page: str) -> str:
    found = TOKEN.search(page)
    return found[1] if found else ""
