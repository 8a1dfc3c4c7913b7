"""The stages of a picture: side by side, at one place, of cascades and of chains wired by hand."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.editor import RUN_PATIENCE, Editor, workflow


def paper(side: int = 32) -> dict[str, Any]:
    inputs = {"width": side, "height": side, "batch_size": 1, "color": 0x2266CC}
    return {"type": "EmptyImage", "inputs": inputs}


def shows(node: str, output: str = "image", kind: str = "PreviewImage") -> dict[str, Any]:
    return {"type": kind, "inputs": {"images": {"link": [node, output]}}}


def enlarged(node: str, by: float) -> dict[str, Any]:
    inputs = {"image": {"link": [node, "image"]}, "scale_by": by}
    return {"type": "ImageScaleBy", "inputs": inputs}


def cascade() -> dict[str, Any]:
    """Three sizes: the start, and two stages that a cascade goes through."""
    stages = {"links": [["double", "cascade_stage"], ["triple", "cascade_stage"]]}
    return workflow(
        {
            "paper": paper(),
            "start": shows("paper"),
            "double": {"type": "CascadeStageResize", "inputs": {"scale": 2}},
            "triple": {"type": "CascadeStageResize", "inputs": {"scale": 3}},
            "cascade": {
                "type": "UpscaleCascade",
                "inputs": {"image": {"link": ["paper", "image"]}, "stages": stages},
            },
            "each": shows("cascade", "stages"),
            "save": shows("cascade", kind="SaveImage"),
        },
        "Cascade",
    )


def by_hand() -> dict[str, Any]:
    """A chain whose first picture no node shows."""
    nodes = {"paper": paper(40), "larger": enlarged("paper", 2), "show": shows("larger")}
    return workflow(nodes, "By hand")


def ran(editor: Editor, content: dict[str, Any], end: str) -> None:
    editor.load(content)
    editor.run()
    editor.expect_picture(end)
    editor.expect_state(end, "done", "cached")


def view(page: Page) -> Locator:
    dialog = page.get_by_role("dialog", name="Stages of a picture")
    expect(dialog).to_be_visible()
    return dialog


SHARES = """(panes) => panes.map((pane) => {
    const frame = pane.getBoundingClientRect();
    const picture = pane.querySelector("img").getBoundingClientRect();
    const across = (x) => ((x - picture.left) / picture.width).toFixed(3);
    const down = (y) => ((y - picture.top) / picture.height).toFixed(3);
    return [across(frame.left), across(frame.right), down(frame.top), down(frame.bottom)].join(" ");
})"""
"""Which part of its picture each pane shows."""


def parts(dialog: Locator) -> list[str]:
    shown: list[str] = dialog.locator(".stage-pane").evaluate_all(SHARES)
    return shown


def part(editor: Editor, dialog: Locator, *, but: AbstractSet[str] = frozenset()) -> str:
    """The part that all panes show, as soon as it is none of those before."""
    shown = editor.read_until(
        lambda: set(parts(dialog)), lambda now: len(now) == 1 and not now & but
    )
    return shown.pop()


def test_a_cascade_s_stages_show_the_same_place_whatever_their_size(editor: Editor) -> None:
    ran(editor, cascade(), "save")
    editor.node("save").locator(".node__title").click()
    editor.key("v")
    dialog = view(editor.page)
    captions = dialog.locator("figcaption")
    expect(captions).to_have_count(3)
    expect(captions.nth(0)).to_contain_text("Empty image32 × 32")
    expect(captions.nth(1)).to_contain_text("Upscale cascade 164 × 64 · ×2")
    expect(captions.nth(2)).to_contain_text("Upscale cascade 2192 × 192 · ×6")
    whole = part(editor, dialog)
    box = dialog.locator(".stage-pane").nth(1).bounding_box()
    assert box is not None
    editor.page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4)
    for _ in range(8):
        editor.page.mouse.wheel(0, -120)
    near = part(editor, dialog, but={whole})
    editor.page.mouse.down()
    editor.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6, steps=4)
    editor.page.mouse.up()
    part(editor, dialog, but={whole, near})
    dialog.get_by_role("button", name="Show all of it").click()
    editor.read_until(lambda: set(parts(dialog)), lambda now: now == {whole})


def test_the_stages_are_moved_and_shown_alone_by_key(editor: Editor) -> None:
    ran(editor, cascade(), "save")
    editor.click_ground()
    editor.key("v")
    dialog = view(editor.page)
    room = dialog.get_by_role("group", name="The same place of every stage")
    expect(room).to_be_focused()
    whole = part(editor, dialog)
    editor.key("+")
    near = part(editor, dialog, but={whole})
    editor.key("ArrowRight")
    part(editor, dialog, but={whole, near})
    editor.key("0")
    editor.read_until(lambda: set(parts(dialog)), lambda now: now == {whole})
    editor.key("2")
    expect(dialog.locator("figcaption")).to_have_count(1)
    expect(dialog.locator("figcaption")).to_contain_text("Upscale cascade 1")
    editor.key("2")
    expect(dialog.locator("figcaption")).to_have_count(3)
    editor.key("Escape")
    expect(dialog).to_have_count(0)


def test_a_picture_on_the_way_that_no_node_shows_is_shown_on_demand(editor: Editor) -> None:
    ran(editor, by_hand(), "show")
    editor.node("show").locator(".node__title").click(button="right")
    editor.page.get_by_role("menuitem", name="Compare the stages").click()
    dialog = view(editor.page)
    expect(dialog.locator("figcaption")).to_have_count(1)
    expect(dialog).to_contain_text("1 picture on the way is shown by no node.")
    dialog.get_by_role("button", name="Show it").click()
    expect(dialog.locator("figcaption")).to_have_count(2, timeout=RUN_PATIENCE)
    expect(dialog.locator("figcaption").nth(0)).to_contain_text("40 × 40")
    expect(dialog).not_to_contain_text("shown by no node")
    editor.key("Escape")
    nodes = editor.exported()["nodes"]
    assert nodes["preview"]["inputs"]["images"] == {"link": ["paper", "image"]}
    editor.key("Control+z")
    expect(editor.nodes()).to_have_count(3)


def test_the_stages_of_an_earlier_run_are_compared_from_its_picture(editor: Editor) -> None:
    ran(editor, cascade(), "save")
    editor.key("Alt+n")
    editor.panel("Gallery").get_by_title("Cascade").first.click()
    editor.page.get_by_role("dialog").get_by_role("button", name="Compare the stages").click()
    expect(view(editor.page).locator("figcaption")).to_have_count(3)


def test_two_pictures_of_the_gallery_are_laid_side_by_side(editor: Editor) -> None:
    ran(editor, cascade(), "save")
    gallery = editor.panel("Gallery")
    gallery.get_by_text("Previews").click()
    gallery.get_by_title("Cascade").first.click()
    dialog = editor.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Compare", exact=True).click()
    dialog.locator(".picture__strip button").first.click()
    expect(dialog.get_by_role("slider")).to_be_attached()
    dialog.get_by_role("button", name="Side by side").click()
    beside = editor.page.get_by_role("dialog", name="Side by side")
    expect(beside.locator("figcaption")).to_have_count(2)
    editor.key("+")
    part(editor, beside)


def test_what_has_no_stages_says_what_to_do(editor: Editor) -> None:
    editor.load(by_hand())
    editor.key("v")
    expect(view(editor.page)).to_contain_text("Run the workflow, then select the node")


@pytest.fixture
def asked(page: Page) -> list[str]:
    """The addresses of pictures that the page asks for."""
    found: list[str] = []

    def note(request: Request) -> None:
        # Texts that other runs left in the gallery are read by scripts.
        if request.resource_type == "image":
            found.append(request.url)

    page.on("request", note)
    return found


def test_of_a_large_picture_only_what_is_in_sight_is_fetched(
    asked: list[str], editor: Editor
) -> None:
    nodes = {"paper": paper(512), "show": shows("paper"), "larger": enlarged("paper", 6)}
    ran(editor, workflow({**nodes, "save": shows("larger")}, "Large"), "save")
    asked.clear()
    editor.node("save").locator(".node__title").click()
    editor.key("v")
    dialog = view(editor.page)
    expect(dialog.locator("figcaption").nth(1)).to_contain_text("3072 × 3072")
    tiles = dialog.locator(".stage-pane").nth(1).locator("img[src*='/tile']")
    expect(tiles.first).to_be_attached()
    dialog.locator(".stage-pane").nth(1).hover()
    for _ in range(14):
        editor.page.mouse.wheel(0, -120)
    finest = dialog.locator("img[src*='level=0']")
    expect(finest.first).to_be_attached()
    editor.wait_for(
        "() => [...document.querySelectorAll(\"img[src*='level=0']\")]"
        ".every((image) => image.complete && image.naturalWidth > 0)"
    )
    editor.read_until(tiles.count, lambda count: count <= 9)
    editor.key("Escape")
    editor.node("save").get_by_role("button", name="preview_").click()
    large = editor.page.get_by_role("dialog").locator(".picture__stage img")
    expect(large.first).to_be_visible()
    contents = [address for address in asked if address.endswith("/content")]
    assert len(contents) <= 1, "Only the small picture is fetched whole."


def test_the_slider_between_two_large_pictures_fetches_what_is_in_sight(
    asked: list[str], editor: Editor
) -> None:
    nodes = {"paper": paper(512), "larger": enlarged("paper", 6), "show": shows("larger")}
    ran(editor, workflow(nodes, "Two large"), "show")
    content = workflow({**nodes, "paper": {**paper(500)}}, "Other large")
    ran(editor, content, "show")
    asked.clear()
    gallery = editor.panel("Gallery")
    gallery.get_by_text("Previews").click()
    gallery.get_by_title("Other large").first.click()
    dialog = editor.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Compare", exact=True).click()
    dialog.locator(".picture__strip button").first.click()
    panes = dialog.locator(".compared .stage-pane")
    expect(panes).to_have_count(2)
    tiles = panes.locator("img[src*='/tile']")
    box = panes.first.bounding_box()
    assert box is not None
    editor.page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5)
    for _ in range(14):
        editor.page.mouse.wheel(0, -120)
    for place in (0, 1):
        expect(panes.nth(place).locator("img[src*='level=0']").first).to_be_attached()
    editor.read_until(tiles.count, lambda count: count <= 24)
    over = dialog.locator(".compared__over")
    half = over.get_attribute("style") or ""
    dialog.get_by_role("slider").press("ArrowRight")
    expect(over).not_to_have_attribute("style", half)
    middle = box["x"] + box["width"] * 0.505, box["y"] + box["height"] / 2
    editor.page.mouse.move(*middle)
    editor.page.mouse.down()
    editor.page.mouse.move(box["x"] + box["width"] * 0.25, middle[1], steps=4)
    editor.page.mouse.up()
    expect(dialog.get_by_role("slider")).to_have_value(re.compile(r"^2[3-7](\.5)?$"))
    assert not [address for address in asked if address.endswith("/content")]
