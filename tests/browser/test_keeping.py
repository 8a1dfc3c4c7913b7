"""Keeping work: drafts, saving, versions, conflicts, files and pictures that carry a workflow."""

from __future__ import annotations

import io
import json
import urllib.request
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import forgive, listen
from tests.browser.editor import Editor, image_workflow, workflow
from tests.browser.weft_server import WeftServer


class Held:
    """Requests that are kept waiting until they are let go."""

    def __init__(self, page: Page, *addresses: str) -> None:
        self._routes: list[Route] = []
        self._open = False
        for address in addresses:
            page.route(address, lambda route: self._take(route))

    def __len__(self) -> int:
        return len(self._routes)

    def _take(self, route: Route) -> None:
        if self._open:
            route.continue_()
        else:
            self._routes.append(route)

    def let_go(self) -> None:
        self._open = True
        for route in self._routes:
            route.continue_()


def save_as(editor: Editor, name: str) -> None:
    editor.key("Control+Shift+s")
    dialog = editor.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog).to_be_hidden()


def expect_saved(editor: Editor) -> None:
    expect(editor.page.locator(".tab[data-active] .tab__close[data-dirty]")).to_have_count(0)


def rename(editor: Editor, node: str, title: str) -> None:
    editor.node(node).locator(".node__title").dblclick()
    editor.page.keyboard.type(title)
    editor.key("Enter")
    expect(editor.node(node)).to_contain_text(title)


def test_what_was_never_saved_is_there_after_a_reload(editor: Editor) -> None:
    editor.load(image_workflow("Draft"))
    rename(editor, "paper", "My paper")
    editor.expect_draft("My paper")
    editor.page.reload()
    editor.ready()
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("Draft")
    expect(editor.node("paper")).to_contain_text("My paper")


def test_what_was_changed_a_moment_before_the_page_closed_is_there_again(
    editor: Editor, context: BrowserContext, server: WeftServer
) -> None:
    editor.load(image_workflow("Closed at once"))
    rename(editor, "paper", "Last words")
    with editor.page.expect_event("close"):
        editor.page.close(run_before_unload=True)
    again = Editor(context.new_page(), editor._folder)
    again.open(server.url)
    expect(again.page.locator(".tab[data-active]")).to_contain_text("Closed at once")
    expect(again.node("paper")).to_contain_text("Last words")


def test_two_windows_that_were_closed_are_both_there_in_the_next(
    editor: Editor, context: BrowserContext, server: WeftServer
) -> None:
    second = Editor(context.new_page(), editor._folder)
    second.open(server.url)
    for window, title in ((editor, "From the first"), (second, "From the second")):
        window.load(image_workflow(title))
        rename(window, "paper", f"Kept {title}")
        window.expect_draft(f"Kept {title}")
    editor.page.close()
    second.page.close()
    third = Editor(context.new_page(), editor._folder)
    third.open(server.url)
    tabs = third.page.get_by_role("navigation", name="Open workflows")
    expect(tabs).to_contain_text("From the first")
    expect(tabs).to_contain_text("From the second")


def test_a_workflow_is_saved_reopened_and_its_old_version_is_there(editor: Editor) -> None:
    editor.load(image_workflow("Keeper"))
    save_as(editor, "folder/keeper")
    rename(editor, "paper", "Second thoughts")
    editor.key("Control+s")
    expect_saved(editor)
    editor.key("Alt+w")
    library = editor.panel("Library")
    library.get_by_role("button", name="Keeper").first.click()
    expect(editor.node("paper")).to_contain_text("Second thoughts")
    library.get_by_role("button", name="More: Keeper").click()
    editor.page.get_by_role("menuitem", name="Versions…").click()
    editor.page.get_by_role("dialog").get_by_role("button", name="Open").last.click()
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("version")
    expect(editor.node("paper")).not_to_contain_text("Second thoughts")


def test_a_name_that_is_taken_is_replaced_only_when_asked(
    editor: Editor, complaints: list[str]
) -> None:
    editor.load(image_workflow("One"))
    save_as(editor, "taken")
    editor.load(image_workflow("Another"))
    editor.key("Control+Shift+s")
    dialog = editor.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("taken")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("There is a “taken” already.")
    dialog.get_by_role("button", name="Replace it").click()
    expect(dialog).to_be_hidden()
    forgive(complaints, "status of 412")


def test_two_windows_do_not_overwrite_each_other(
    editor: Editor, context: BrowserContext, server: WeftServer, complaints: list[str]
) -> None:
    editor.load(image_workflow("Shared"))
    save_as(editor, "shared")
    second = Editor(context.new_page(), editor._folder)
    listen(second.page, complaints)
    second.open(server.url)
    second.panel("Library").get_by_role("button", name="Shared").first.click()
    rename(second, "paper", "Theirs")
    second.key("Control+s")
    expect_saved(second)
    rename(editor, "paper", "Mine")
    editor.key("Control+s")
    dialog = editor.page.get_by_role("dialog")
    expect(dialog).to_contain_text("changed elsewhere")
    assert server.get("/api/v1/workflows/shared")["nodes"]["paper"]["title"] == "Theirs"
    dialog.get_by_role("button", name="Open theirs beside mine").click()
    expect(editor.node("paper")).to_contain_text("Theirs")
    editor.page.get_by_role("button", name="Shared (mine)", exact=False).first.click()
    expect(editor.node("paper")).to_contain_text("Mine")
    forgive(complaints, "status of 412")


def test_a_picture_opens_as_the_workflow_that_made_it(editor: Editor, server: WeftServer) -> None:
    content = image_workflow("In the picture")
    content["nodes"]["show"] = {
        "type": "SaveImage",
        "version": 1,
        "inputs": {"images": {"link": ["paper", "image"]}, "filename_prefix": "carrier"},
    }
    editor.load(content)
    editor.run()
    editor.expect_picture("show")
    newest = server.get("/api/v1/artifacts?limit=1")["items"][0]
    with urllib.request.urlopen(f"{server.url}/api/v1/artifacts/{newest['id']}/content") as answer:
        png = answer.read()
    editor.key("Alt+n")
    expect(editor.nodes()).to_have_count(0)
    editor.drop(png, "carrier.png")
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("In the picture")
    expect(editor.node("show")).to_be_visible()


def test_a_workflow_is_exported_for_comfyui_and_opens_again(editor: Editor) -> None:
    editor.load(image_workflow("There and back", 0x123456))
    with editor.page.expect_download() as download:
        editor.page.get_by_role("button", name="Weft menu").click()
        editor.page.get_by_role("menuitem", name="Export for ComfyUI").click()
    assert download.value.suggested_filename == "There and back.comfyui.json"
    data = Path(download.value.path()).read_bytes()
    paper, show = json.loads(data)["nodes"]
    assert (paper["type"], paper["widgets_values"]) == ("EmptyImage", [64, 64, 1, 0x123456])
    assert show["inputs"][0]["name"] == "images"
    editor.key("Alt+n")
    expect(editor.nodes()).to_have_count(0)
    editor.drop(data, "back.json")
    expect(editor.node("paper")).to_be_visible()
    assert editor.exported()["nodes"]["show"]["inputs"] == {"images": {"link": ["paper", "image"]}}


def test_what_is_dropped_before_the_editor_is_ready_is_taken_up(
    page: Page, server: WeftServer, tmp_path: Path
) -> None:
    held = Held(page, "**/api/v1/nodes*", "**/api/v1/templates/text_to_image")
    editor = Editor(page, tmp_path)
    page.goto(server.url)
    expect(page.locator("main")).to_be_visible()
    editor.drop(image_workflow("Early"))
    expect(page.locator(".tab[data-active]")).to_contain_text("Early")
    editor.drop(picture_alone(), "early.png")
    editor.read_until(lambda: len(held), lambda count: count > 0)
    held.let_go()
    editor.ready()
    expect(editor.nodes()).to_have_count(3)
    expect(page.locator(".tab")).to_have_count(1)
    loads = [node for node in editor.exported()["nodes"].values() if node["type"] == "LoadImage"]
    assert [node["inputs"]["image"] for node in loads] == ["early.png"]


def picture_alone() -> bytes:
    """A picture without a workflow in it."""
    made = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(made, "PNG")
    return made.getvalue()


def test_a_comfyui_prompt_opens_by_drop(editor: Editor) -> None:
    prompt = (
        b'{"1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64,'
        b' "batch_size": 1, "color": 255}},'
        b' "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}'
    )
    editor.drop(prompt, "prompt.json")
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("prompt")
    expect(editor.nodes()).to_have_count(2)


def test_what_cannot_be_read_is_said_and_nothing_is_opened(editor: Editor) -> None:
    tabs = editor.page.locator(".tab")
    expect(tabs).to_have_count(1)
    editor.drop(b"not a workflow", "notes.json")
    expect(editor.page.get_by_text("This file holds no workflow.").first).to_be_visible()
    expect(tabs).to_have_count(1)


def test_unknown_nodes_big_seeds_and_foreign_keys_survive(editor: Editor) -> None:
    content = workflow(
        {
            "gone": {
                "type": "SomeoneElses",
                "version": 3,
                "inputs": {"amount": 18446744073709551615, "image": {"link": ["paper", "image"]}},
                "their_key": {"kept": True},
            },
            "paper": {"type": "EmptyImage", "inputs": {"width": "wrong"}},
        },
        "Foreign",
        somebody={"else": [1, 2]},
    )
    editor.load(content)
    expect(editor.node("gone")).to_have_attribute("data-kind", "ghost")
    rename(editor, "paper", "Touched")
    kept = editor.exported()
    assert kept["nodes"]["gone"] == content["nodes"]["gone"]
    assert kept["nodes"]["paper"]["inputs"] == {"width": "wrong"}
    assert kept["somebody"] == {"else": [1, 2]}


HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"\'‮'


@pytest.mark.parametrize("left", ["Nodes", "Library", "Queue", "Gallery"])
def test_hostile_titles_do_nothing(editor: Editor, left: str) -> None:
    content = image_workflow(HOSTILE)
    content["nodes"]["paper"]["title"] = HOSTILE
    content["meta"] = {"description": HOSTILE, "tags": [HOSTILE]}
    content["frames"] = {"f": {"title": HOSTILE, "x": -20, "y": -60, "width": 700, "height": 500}}
    content["notes"] = {"n": {"text": HOSTILE, "x": 0, "y": 420, "width": 200, "height": 90}}
    editor.drop(content)
    expect(editor.nodes()).to_have_count(2)
    editor.panel(left)
    editor.key("i")
    editor.node("paper").locator(".node__title").click()
    editor.run()
    editor.expect_picture("show")
    expect(editor.node("paper")).to_contain_text("<script>window.hacked=1</script>")
    assert editor.page.evaluate("window.hacked") is None


def test_a_name_that_another_workflow_has_is_refused_where_it_was_typed(
    editor: Editor, complaints: list[str]
) -> None:
    for title in ("First name", "Second name"):
        editor.load(image_workflow(title))
        save_as(editor, title.lower())
    library = editor.panel("Library")
    library.get_by_role("button", name="More: Second name").first.click()
    editor.page.get_by_role("menuitem", name="Rename").click()
    dialog = editor.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("first name")
    dialog.get_by_role("button", name="Rename").click()
    expect(dialog.get_by_role("alert")).to_contain_text("first name")
    dialog.get_by_label("Name").fill("third name")
    dialog.get_by_role("button", name="Rename").click()
    expect(dialog).to_have_count(0)
    forgive(complaints, "status of 412")


def test_a_tab_that_is_closed_while_it_is_saved_closes_when_that_is_done(
    editor: Editor, server: WeftServer
) -> None:
    editor.load(image_workflow("Closed in a save"))
    save_as(editor, "closed in a save")
    rename(editor, "paper", "Saved at last")
    held = Held(editor.page, "**/api/v1/workflows/closed*")
    editor.key("Control+s")
    editor.key("Alt+w")
    expect(editor.page.get_by_role("dialog")).to_contain_text("Closed in a save")
    editor.read_until(lambda: len(held), lambda count: count == 1)
    held.let_go()
    expect(editor.page.get_by_role("dialog")).to_have_count(0)
    expect(editor.page.locator(".tab__name", has_text="Closed in a save")).to_have_count(0)
    saved = server.get("/api/v1/workflows/closed%20in%20a%20save")
    assert saved["nodes"]["paper"]["title"] == "Saved at last"
