"""For everyone: keys alone, names for what is not seen, both themes, narrow pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.editor import Editor, image_workflow, workflow
from tests.browser.test_keeping import rename, save_as

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def findings(editor: Editor) -> list[str]:
    """The serious findings of axe, each with the first place that it names."""
    # Evaluated by the debugger: the page's own policy would forbid a script tag.
    editor.page.evaluate(AXE.read_text("utf-8"))
    violations = editor.page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)"
    )
    return [
        f"{found['id']}: {found['nodes'][0]['html'][:160]}: {found['nodes'][0]['failureSummary']}"
        for found in violations
        if found["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_has_no_serious_findings(editor: Editor, theme: str) -> None:
    editor.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    editor.load(image_workflow())
    editor.run()
    editor.expect_picture("show")
    editor.key("i")
    editor.key("p")
    found = []
    for name in ("Nodes", "Outline", "Library", "Templates", "Gallery", "Queue"):
        editor.panel(name)
        found += findings(editor)
    editor.key("Shift+P")
    expect(editor.page.locator(".profile tbody tr").first).to_be_visible()
    editor.node("paper").locator(".node__title").click()
    found += findings(editor)
    for chord in ("Control+k", "?", "Control+,", "w", "v", "Shift+S"):
        editor.key(chord)
        expect(editor.page.get_by_role("dialog")).to_be_visible()
        found += findings(editor)
        editor.key("Escape")
        expect(editor.page.get_by_role("dialog")).to_have_count(0)
    editor.page.get_by_role("button", name="Sweep over width").click()
    expect(editor.page.get_by_role("dialog")).to_be_visible()
    found += findings(editor)
    editor.key("Escape")
    editor.page.get_by_role("button", name="Show width on the form").click()
    editor.key("Shift+F")
    found += findings(editor)
    editor.page.get_by_role("button", name="Change the form").click()
    found += findings(editor)
    assert found == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_inside_of_a_subgraph_and_the_picture_picker_have_no_serious_findings(
    editor: Editor, theme: str
) -> None:
    editor.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    loader = {"type": "LoadImage", "inputs": {"image": "weft-example.png"}}
    editor.load(workflow({"load": loader}))
    editor.key("i")
    editor.node("load").locator(".node__title").click()
    editor.page.get_by_role("button", name="Choose from the gallery").first.click()
    expect(editor.page.locator(".picker__pictures button").first).to_be_visible()
    found = findings(editor)
    editor.key("Escape")
    editor.key("Control+g")
    editor.key("Enter")
    expect(editor.node("load")).to_have_count(0)
    editor.key("Enter")
    editor.key("Escape")
    expect(editor.page.get_by_text("Inputs of the subgraph")).to_be_visible()
    found += findings(editor)
    assert found == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_said_of_files_pictures_calls_and_problems_has_no_serious_findings(
    editor: Editor, theme: str
) -> None:
    editor.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    form = [{"node": "paper", "input": "width", "label": "How wide"}]
    editor.load({**image_workflow(f"Filed {theme}"), "form": form})
    save_as(editor, f"filed/{theme}")
    found = []
    editor.run()
    editor.expect_picture("show")
    rename(editor, "paper", "Changed")
    library = editor.panel("Library")
    for opening in (
        lambda: editor.key("Control+Shift+s"),
        lambda: editor.key("Alt+w"),
        lambda: open_versions(editor, library, f"Filed {theme}"),
        lambda: editor.node("show").locator(".shown button").first.click(),
    ):
        opening()
        expect(editor.page.get_by_role("dialog")).to_be_visible()
        found += findings(editor)
        editor.key("Escape")
        expect(editor.page.get_by_role("dialog")).to_have_count(0)
    editor.key("Shift+F")
    editor.page.get_by_text("Use over HTTP").click()
    expect(editor.page.get_by_role("textbox", name="The call")).to_be_visible()
    found += findings(editor)
    editor.key("Shift+F")
    editor.load(workflow({"show": {"type": "PreviewImage"}}, "Wrong"))
    editor.key("p")
    expect(editor.page.get_by_role("img", name="Show the node").first).to_be_visible()
    found += findings(editor)
    assert found == []


def open_versions(editor: Editor, library: Locator, title: str) -> None:
    library.get_by_role("button", name=f"More: {title}").click()
    editor.page.get_by_role("menuitem", name="Versions…").click()


def test_a_workflow_is_opened_changed_and_run_by_keys_alone(editor: Editor) -> None:
    editor.key("Control+k")
    editor.page.keyboard.type("new")
    editor.key("Enter")
    expect(editor.nodes()).to_have_count(0)
    for name in ("empty image", "preview image"):
        editor.key("Control+k")
        editor.page.keyboard.type(name)
        expect(editor.page.get_by_role("option").first).to_be_visible()
        editor.key("Enter")
    expect(editor.nodes()).to_have_count(2)
    editor.key("Control+a")
    editor.key("m")
    expect(editor.page.locator('[data-mode="mute"]')).to_have_count(2)


def test_every_action_is_listed_with_its_keys(editor: Editor) -> None:
    editor.key("?")
    dialog = editor.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Undo")
    expect(dialog).to_contain_text("Ctrl+Z")
    expect(dialog.get_by_text("No key")).to_have_count(0)
    dialog.get_by_role("searchbox").fill("mute")
    expect(dialog.get_by_text("Mute").first).to_be_visible()
    expect(dialog.get_by_text("Undo")).to_have_count(0)


def test_the_chosen_theme_stays(editor: Editor) -> None:
    editor.key("Control+,")
    dialog = editor.page.get_by_role("dialog")
    dialog.get_by_text("Dark", exact=True).click()
    expect(editor.page.locator("html")).to_have_attribute("data-theme", "dark")
    editor.page.reload()
    expect(editor.page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("name", ["Queue", "Gallery"])
def test_queue_and_gallery_are_usable_on_a_narrow_page(editor: Editor, name: str) -> None:
    editor.key("i")
    editor.page.set_viewport_size({"width": 400, "height": 800})
    panel = editor.panel(name)
    expect(editor.page.get_by_role("region", name="Inspector")).to_have_count(0)
    box = panel.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 400
    assert box["width"] >= 280


def test_on_a_narrow_page_what_is_opened_is_seen(editor: Editor) -> None:
    editor.page.set_viewport_size({"width": 400, "height": 800})
    templates = editor.panel("Templates")
    templates.locator(".template", has_text="Inpaint").click()
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("Inpaint")
    expect(templates).to_have_count(0)
    editor.panel("Queue")
    editor.key("Shift+F")
    expect(editor.page.get_by_role("region", name="Form", exact=True)).to_be_visible()
    expect(editor.page.get_by_role("region", name="Queue", exact=True)).to_have_count(0)


def test_the_graph_stands_as_it_was_after_its_form(editor: Editor) -> None:
    box = editor.node("sampler").bounding_box()
    assert box is not None
    editor.key("Shift+F")
    expect(editor.page.get_by_role("region", name="Form", exact=True)).to_be_visible()
    editor.load(image_workflow("Opened in the form"))
    editor.key("Shift+F")
    pane = editor.page.get_by_role("region", name="Canvas").bounding_box()
    paper = editor.node("paper").bounding_box()
    assert pane is not None
    assert paper is not None
    assert pane["x"] < paper["x"]
    assert paper["x"] + paper["width"] < pane["x"] + pane["width"]
    editor.key("Alt+ArrowLeft")
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("Text to image")
    editor.key("Shift+F")
    editor.key("Shift+F")
    assert editor.read_until(
        lambda: editor.node("sampler").bounding_box(), lambda now: now == pytest.approx(box, abs=1)
    )
