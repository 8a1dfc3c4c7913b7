"""For everyone: keys alone, names for what is not seen, both themes, narrow pages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.editor import Editor, image_workflow


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


def test_on_a_narrow_page_the_form_is_opened_by_the_menu(editor: Editor) -> None:
    editor.page.set_viewport_size({"width": 400, "height": 800})
    editor.page.get_by_role("button", name="Weft menu").click()
    editor.page.get_by_role("menuitem", name="Form or graph").click()
    form = editor.page.get_by_role("region", name="Form", exact=True)
    expect(form.get_by_role("textbox", name="Prompt")).to_be_visible()
    overflow = editor.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow == 0


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
