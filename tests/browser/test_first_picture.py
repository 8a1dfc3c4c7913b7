"""The first thing that anyone does: open the page, press Run, see a picture."""

from __future__ import annotations

import io
import urllib.request

from PIL import Image
from playwright.sync_api import expect

from tests.browser.editor import RUN_PATIENCE, Editor
from tests.browser.weft_server import WeftServer


def test_the_page_opens_ready_to_run_and_draws_a_picture(
    editor: Editor, server: WeftServer
) -> None:
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("Text to image")
    expect(editor.page.locator(".run__label")).to_contain_text("nodes", timeout=RUN_PATIENCE)
    editor.run()
    saving = server.get("/api/v1/templates/text_to_image")["nodes"]
    sink = next(name for name, node in saving.items() if node["type"] == "SaveImage")
    editor.expect_picture(sink)
    newest = server.get("/api/v1/artifacts?limit=1")["items"][0]
    with urllib.request.urlopen(f"{server.url}/api/v1/artifacts/{newest['id']}/content") as answer:
        picture = Image.open(io.BytesIO(answer.read())).convert("RGB")
    assert picture.size == (128, 128)
    colours = picture.getcolors(maxcolors=128 * 128)
    assert colours is None or len(colours) > 10, "The picture is blank."
