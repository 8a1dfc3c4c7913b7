"""After and around runs: the profile, the difference of two runs, sweeps, and the form."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.editor import RUN_PATIENCE, Editor, image_workflow


def test_the_profile_tells_the_time_and_memory_of_each_node(editor: Editor) -> None:
    editor.load(image_workflow("Profiled", 0x445566))
    editor.key("Shift+P")
    profile = editor.page.get_by_role("region", name="Profile of the last run")
    expect(profile).to_contain_text("Nothing has run yet")
    editor.run()
    editor.expect_picture("show")
    rows = profile.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Empty image")
    expect(rows.first.locator("td").first).to_have_text(re.compile(r"\d\.\d\d s"))
    rows.first.get_by_role("button", name="Empty image").click()
    expect(editor.node("paper")).to_have_attribute("data-selected", "true")


def test_the_difference_to_an_earlier_run_is_listed_and_taken_over_in_part(
    editor: Editor,
) -> None:
    editor.load(image_workflow("Compared", 0x102030))
    editor.run()
    editor.expect_picture("show")
    editor.key("i")
    editor.node("paper").locator(".node__title").click()
    inspector = editor.page.get_by_role("region", name="Inspector")
    for name in ("width", "height"):
        inspector.get_by_role("spinbutton", name=name).focus()
        editor.key("ArrowUp")
    changed = editor.exported()["nodes"]["paper"]["inputs"]
    assert changed["width"] != 64
    queue = editor.panel("Queue")
    queue.get_by_role("button", name="More: Compared").first.click()
    editor.page.get_by_role("menuitem", name="Compare with the canvas").click()
    dialog = editor.page.get_by_role("dialog")
    expect(dialog.locator("tbody tr")).to_have_count(2)
    dialog.get_by_label("Take over: Empty image: height").uncheck()
    dialog.get_by_role("button", name="Apply 1 difference").click()
    after = editor.exported()["nodes"]["paper"]["inputs"]
    assert after["width"] == 64
    assert after["height"] == changed["height"]


def test_a_sweep_runs_each_pair_and_its_cells_open_their_workflow(editor: Editor) -> None:
    editor.load(image_workflow("Swept", 0x993311))
    editor.key("i")
    editor.node("paper").locator(".node__title").click()
    inspector = editor.page.get_by_role("region", name="Inspector")
    inspector.get_by_role("button", name="Sweep over width").click()
    dialog = editor.page.get_by_role("dialog")
    for label, value in (("From", "32"), ("To", "96"), ("How many", "2")):
        dialog.get_by_label(label).fill(value)
    dialog.get_by_label("Down").select_option(label="Empty image: batch size")
    for label, value in (("From", "1"), ("To", "2"), ("How many", "2")):
        dialog.get_by_label(label).nth(1).fill(value)
    dialog.get_by_role("button", name="Run 4 times").click()
    cells = editor.page.locator(".sweep-grid__cell img")
    expect(cells).to_have_count(4, timeout=RUN_PATIENCE)
    editor.page.get_by_role("button", name="Open its workflow: width 96, batch size 2").click()
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("width 96, batch size 2")
    inputs = editor.exported()["nodes"]["paper"]["inputs"]
    assert (inputs["width"], inputs["batch_size"]) == (96, 2)
    editor.page.reload()
    editor.ready()
    editor.key("Shift+S")
    expect(cells).to_have_count(4)
    editor.page.get_by_role("button", name="Use these values: width 32, batch size 1").click()
    assert editor.exported()["nodes"]["paper"]["inputs"]["width"] == 32


def test_a_form_is_made_filled_in_and_run_on_a_narrow_page(editor: Editor) -> None:
    editor.load(image_workflow("Simple", 0x557799))
    editor.key("i")
    editor.node("paper").locator(".node__title").click()
    inspector = editor.page.get_by_role("region", name="Inspector")
    inspector.get_by_role("button", name="Show color on the form").click()
    inspector.get_by_role("button", name="Show width on the form").click()
    editor.key("i")
    editor.key("Shift+F")
    editor.page.set_viewport_size({"width": 400, "height": 800})
    form = editor.page.get_by_role("region", name="Form", exact=True)
    form.get_by_role("button", name="Change the form").click()
    form.get_by_role("button", name="Move width up").click()
    form.get_by_label("Label").first.fill("How wide")
    form.get_by_label("Most").first.fill("128")
    form.get_by_role("button", name="Done").click()
    wide = form.get_by_role("spinbutton", name="How wide")
    wide.focus()
    expect(wide).to_have_attribute("aria-valuemax", "128")
    editor.page.keyboard.type("80")
    editor.key("Enter")
    editor.run()
    picture = form.get_by_role("region", name="Pictures").locator("img")
    expect(picture).to_be_visible(timeout=RUN_PATIENCE)
    box = picture.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 400
    file = editor.exported()
    assert file["form"] == [
        {"node": "paper", "input": "width", "label": "How wide", "max": 128},
        {"node": "paper", "input": "color"},
    ]
    assert file["nodes"]["paper"]["inputs"]["width"] == 80
