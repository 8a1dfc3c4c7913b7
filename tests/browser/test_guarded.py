"""A server that asks for a token, and the policy that the page keeps."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import forgive
from tests.browser.editor import Editor, image_workflow
from tests.browser.weft_server import WeftServer

TOKEN = "correct horse battery staple"


def test_a_page_without_the_token_asks_for_it_and_then_works(
    page: Page, complaints: list[str], models: Path, tmp_path: Path
) -> None:
    own = WeftServer(tmp_path / "data", models, "--token", TOKEN)
    own.start()
    try:
        page.goto(own.url)
        dialog = page.get_by_role("dialog", name="This server asks for a token")
        editor = Editor(page, tmp_path)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            assert findings(editor) == []
        dialog.get_by_label("Token").fill("wrong")
        dialog.get_by_role("button", name="Open").click()
        expect(dialog.get_by_role("alert")).to_be_visible()
        dialog.get_by_label("Token").fill(TOKEN)
        dialog.get_by_role("button", name="Open").click()
        editor.ready()
        expect(dialog).to_have_count(0)
        editor.load(image_workflow("Behind a token"))
        expect(page.locator(".run__label")).to_have_text("Run: 2 of 2 nodes", timeout=90_000)
        editor.run()
        editor.expect_picture("show")
    finally:
        own.stop()
    forgive(complaints, "401")
    # The nodes come with the worker, and the feed is tried until then and after the end.
    answers = ("WebSocket", "Failed to load resource")
    complaints[:] = [text for text in complaints if not any(part in text for part in answers)]


def test_the_page_allows_itself_no_inline_styles_and_needs_none(
    editor: Editor, server: WeftServer
) -> None:
    with urllib.request.urlopen(server.url) as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    # The complaints of the page would name each style that was refused.
    for chord in ("Control+k", "?", "Control+,"):
        editor.key(chord)
        expect(editor.page.get_by_role("dialog")).to_be_visible()
        editor.key("Escape")
        expect(editor.page.get_by_role("dialog")).to_have_count(0)
    editor.page.get_by_role("button", name="Weft menu").click()
    expect(editor.page.get_by_role("menu")).to_be_visible()
