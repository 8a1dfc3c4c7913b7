"""A real browser before a real server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tests.browser.editor import Editor
from tests.browser.weft_server import WeftServer, serving
from tests.nodes.diffusion.tiny_models import write_tiny

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
TINY = "tiny.safetensors"
CUT_SHORT = ("ERR_CONTENT_LENGTH_MISMATCH", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
PATIENCE = 30_000
"""Milliseconds: for a machine that is busy with something else."""

expect.set_options(timeout=PATIENCE)


def find_browser() -> str:
    """Return the path of a Chromium, Chrome or Edge; without one the tests fail and say so."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    found = found or next((place for place in PLACES if os.path.exists(place)), None)
    if found is None:
        pytest.fail(
            "No Chromium, Chrome or Edge was found. Install one, for example with"
            " `sudo apt install chromium` or from https://www.google.com/chrome/.",
            pytrace=False,
        )
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(),
            # As root, as in a container, Chromium has no sandbox of its own.
            args=["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else [],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a checkpoint of random weights, for all that needs no good picture."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "checkpoints").mkdir()
    write_tiny(folder / "checkpoints" / TINY)
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[WeftServer]:
    """One server for all tests that do it no harm."""
    with serving(tmp_path_factory.mktemp("data"), models) as process:
        yield process


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, accept_downloads=True, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the page complained of. A test that provokes complaints takes them out again."""
    return []


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    page = context.new_page()
    listen(page, complaints)
    yield page
    assert complaints == []


def listen(page: Page, complaints: list[str]) -> None:
    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.type}: {message.text}")

    page.on("console", console)
    page.on("pageerror", lambda error: complaints.append(f"thrown: {error}"))


def forgive(complaints: list[str], *parts: str) -> None:
    """Take out the complaints that a test provoked; it has to have provoked each kind."""
    for part in parts:
        provoked = [text for text in complaints if part in text]
        assert provoked, f"The browser was expected to complain of {part}."
        for text in provoked:
            complaints.remove(text)


def forgive_kill(complaints: list[str]) -> None:
    """Take out the complaints of a server that was killed; whether an answer was cut is chance."""
    forgive(complaints, "ERR_CONNECTION_REFUSED")
    complaints[:] = [text for text in complaints if not any(part in text for part in CUT_SHORT)]


@pytest.fixture
def editor(page: Page, server: WeftServer, tmp_path: Path) -> Editor:
    """The editor, opened for the first time in a browser that knows nothing of it."""
    editor = Editor(page, tmp_path)
    editor.open(server.url)
    return editor
