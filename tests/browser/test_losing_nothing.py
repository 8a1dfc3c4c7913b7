"""Nothing is lost when a page crashes, a document is open twice, or the server goes and comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from tests.browser.conftest import forgive, forgive_kill, listen
from tests.browser.editor import RUN_PATIENCE, Editor, image_workflow
from tests.browser.test_keeping import expect_saved, rename, save_as
from tests.browser.weft_server import WeftServer, serving


def crash(page: Page) -> None:
    """End the page's process, with nothing told to the page."""
    # The navigation is given up, as whoever was to make it is gone.
    with page.expect_event("crash"), pytest.raises(Error):
        page.goto("chrome://crash")


def window(context: BrowserContext, editor: Editor, url: str, complaints: list[str]) -> Editor:
    """Another window of the same browser."""
    page = context.new_page()
    listen(page, complaints)
    other = Editor(page, editor._folder)
    other.open(url)
    return other


def test_what_was_changed_before_the_page_crashed_is_there_in_the_next(
    context: BrowserContext, server: WeftServer, complaints: list[str], tmp_path: Path
) -> None:
    first = Editor(context.new_page(), tmp_path)
    first.open(server.url)
    first.load(image_workflow("Crashed"))
    rename(first, "paper", "Before the crash")
    first.expect_draft("Before the crash")
    crash(first.page)
    second = window(context, first, server.url, complaints)
    expect(second.page.locator(".tab[data-active]")).to_contain_text("Crashed")
    expect(second.node("paper")).to_contain_text("Before the crash")
    assert complaints == []


def test_two_windows_on_one_document_each_keep_their_own_changes(
    editor: Editor, context: BrowserContext, server: WeftServer, complaints: list[str]
) -> None:
    editor.load(image_workflow("Twice open"))
    save_as(editor, "twice-open")
    second = window(context, editor, server.url, complaints)
    second.panel("Library").get_by_role("button", name="Twice open").first.click()
    expect(second.node("paper")).to_be_visible()
    rename(editor, "paper", "From the first")
    rename(second, "paper", "From the second")
    for each, title in ((editor, "From the first"), (second, "From the second")):
        each.expect_draft(title)
        each.page.reload()
        each.ready()
    expect(editor.node("paper")).to_contain_text("From the first")
    expect(second.node("paper")).to_contain_text("From the second")
    assert "title" not in server.get("/api/v1/workflows/twice-open")["nodes"]["paper"]


def test_a_conflict_that_is_saved_over_keeps_the_other_one_as_a_version(
    editor: Editor, server: WeftServer, complaints: list[str]
) -> None:
    editor.load(image_workflow("Contested"))
    save_as(editor, "contested")
    theirs = server.get("/api/v1/workflows/contested")
    theirs["nodes"]["paper"]["title"] = "Theirs"
    server.send("PUT", "/api/v1/workflows/contested", theirs)
    rename(editor, "paper", "Mine")
    editor.key("Control+s")
    editor.page.get_by_role("dialog").get_by_role("button", name="Save mine").first.click()
    expect_saved(editor)
    assert server.get("/api/v1/workflows/contested")["nodes"]["paper"]["title"] == "Mine"
    kept = server.get("/api/v1/workflows/contested/versions")["items"]
    titles = [
        server.get(f"/api/v1/workflows/contested/versions/{item['version']}")["nodes"]["paper"].get(
            "title"
        )
        for item in kept
    ]
    assert titles == ["Mine", "Theirs", None]
    forgive(complaints, "status of 412")


def test_a_workflow_that_was_deleted_elsewhere_is_not_lost(
    editor: Editor, server: WeftServer, complaints: list[str]
) -> None:
    editor.load(image_workflow("Deleted"))
    save_as(editor, "deleted")
    server.send("DELETE", "/api/v1/workflows/deleted")
    rename(editor, "paper", "Still here")
    editor.key("Control+s")
    editor.page.get_by_role("dialog").get_by_role("button", name="Save mine").first.click()
    expect_saved(editor)
    assert server.get("/api/v1/workflows/deleted")["nodes"]["paper"]["title"] == "Still here"
    forgive(complaints, "status of 412")


def test_what_is_changed_while_the_server_is_away_is_saved_when_it_is_back(
    page: Page, complaints: list[str], models: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "data", models) as own:
        editor = Editor(page, tmp_path)
        editor.open(own.url)
        editor.load(image_workflow("Meanwhile"))
        save_as(editor, "meanwhile")
        own.kill()
        expect(page.get_by_text("The server does not answer.").first).to_be_visible()
        rename(editor, "paper", "Changed meanwhile")
        editor.key("Control+s")
        expect(page.locator(".tab[data-active] .tab__close[data-dirty]")).to_be_visible()
        own.start()
        expect(page.locator(".banner")).to_have_count(0, timeout=RUN_PATIENCE)
        expect(editor.node("paper")).to_contain_text("Changed meanwhile")
        editor.key("Control+s")
        expect_saved(editor)
        saved = own.get("/api/v1/workflows/meanwhile")
        assert saved["nodes"]["paper"]["title"] == "Changed meanwhile"
    forgive_kill(complaints)


def test_a_run_that_was_asked_for_while_the_server_was_away_starts_when_it_is_back(
    page: Page, complaints: list[str], models: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "data", models) as own:
        editor = Editor(page, tmp_path)
        editor.open(own.url)
        editor.load(image_workflow("Later"))
        before = editor.node("paper").bounding_box()
        own.kill()
        expect(page.locator(".banner")).to_be_visible()
        assert editor.node("paper").bounding_box() == before
        editor.run()
        waits = page.get_by_text("The run starts as soon as the server is there again.")
        expect(waits).to_be_visible()
        page.get_by_role("button", name="Do not run").click()
        expect(waits).to_have_count(0)
        editor.run()
        expect(waits).to_be_visible()
        own.start()
        editor.expect_picture("show")
        expect(waits).to_have_count(0)
        assert len(own.get("/api/v1/jobs?limit=5")["items"]) == 1
    forgive_kill(complaints)
