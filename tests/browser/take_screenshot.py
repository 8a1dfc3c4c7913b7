"""Take the picture of the README: `python -m tests.browser.take_screenshot`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import find_browser
from tests.browser.editor import Editor
from tests.browser.weft_server import ROOT, serving

PICTURE = ROOT / "web" / "screenshot.png"


def main() -> None:
    """Open the editor for the first time, run what it shows, and keep what is seen then."""
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        serving(Path(folder) / "data", ROOT / "models") as server,
    ):
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 640})
        editor = Editor(page, Path(folder))
        editor.open(server.url)
        editor.run()
        editor.expect_picture("save")
        page.mouse.move(640, 600)
        page.wait_for_timeout(1000)  # the button of the run fades back to what it says at rest
        page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
