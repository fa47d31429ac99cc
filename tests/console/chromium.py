"""A real browser for tests: the distribution's Chromium, driven by Playwright; fetched where the machine has none."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, StorageState, ViewportSize, expect, sync_playwright

from chain.programs import ProgramMissing, unpacked_whole

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts</dir><dir>{folder}/usr/share/fonts</dir><cachedir>{folder}/fontcache</cachedir></fontconfig>
"""
SCREEN: ViewportSize = {"width": 1366, "height": 768}
"""The office laptop that the pages are made for."""
PASSWORD = "una clave larga"
PATIENCE_MILLISECONDS = 20_000
SESSIONS: dict[tuple[str, str], StorageState] = {}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without pages; fails the test with a remedy where there is none to be had."""
    program, environment = _found()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS, env={**os.environ, **environment})
        yield browser
        browser.close()


def at_work(browser: Browser, address: str, name: str, password: str = PASSWORD, **how: Any) -> Page:
    """A page in this person's own browser, logged in; `how` is what a context of Playwright takes besides.

    Each person logs in once at an address, and later browsers begin with that session: logins are few a minute.
    """
    known = SESSIONS.get((address, name))
    context = browser.new_context(base_url=address, viewport=SCREEN, locale="es-PE", storage_state=known, **how)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    page.goto("/" if known else "/login")
    if not known:
        log_in(page, name, password)
        expect(page.get_by_role("button", name="Salir")).to_be_visible()
        SESSIONS[address, name] = context.storage_state()
    return page


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in and send the form of the login."""
    page.fill("#name", name)
    page.fill("#password", password)
    page.click("#submit")


def _found() -> tuple[str, dict[str, str]]:
    """The program and what its environment needs besides."""
    installed = next((path for name in NAMES if (path := shutil.which(name))), None)
    if installed is not None:
        return installed, {}
    try:
        folder = unpacked_whole("chromium")
    except ProgramMissing as error:
        pytest.fail(str(error))
    return str(folder / "usr" / "lib" / "chromium" / "chromium"), _beside(folder)


def _beside(folder: Path) -> dict[str, str]:
    """Lets an unpacked program find its libraries and fonts beside it."""
    libraries = sorted({str(one.parent) for one in folder.glob("usr/lib/*-linux-gnu/**/*.so*")})
    (folder / "fonts.conf").write_text(FONTS.format(folder=folder), encoding="utf-8")
    return {"LD_LIBRARY_PATH": ":".join(libraries), "FONTCONFIG_FILE": str(folder / "fonts.conf")}
