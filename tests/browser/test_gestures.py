"""What a hand does on the canvas: dropping wires and nodes, bending wires, finding."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.editor import Editor, workflow


def pair(wired: bool = True) -> dict[str, Any]:
    """A source and, far to the right, its reader; between and below them a node of its own."""
    link = {"images": {"link": ["paper", "image"]}} if wired else {}
    content = workflow(
        {
            "paper": {"type": "EmptyImage", "inputs": {"width": 32, "height": 32}},
            "invert": {"type": "ImageInvert", "title": "Negative"},
            "show": {"type": "PreviewImage", "inputs": link},
        },
        "Gestures",
    )
    places = {"paper": (0, 0), "invert": (330, 330), "show": (700, 0)}
    content["view"] = {name: {"x": x, "y": y} for name, (x, y) in places.items()}
    return content


def middle(thing: Locator) -> tuple[float, float]:
    box = thing.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def dragged(editor: Editor, start: tuple[float, float], end: tuple[float, float]) -> None:
    editor.page.mouse.move(*start)
    editor.page.mouse.down()
    editor.page.mouse.move(end[0] - 5, end[1] - 5, steps=8)
    editor.page.mouse.move(*end)
    editor.page.mouse.up()


def between(editor: Editor) -> tuple[float, float]:
    """The middle of the wire from the paper to the preview."""
    start = middle(editor.port("paper", "out", "image"))
    end = middle(editor.port("show", "in", "images"))
    return (start[0] + end[0]) / 2, (start[1] + end[1]) / 2


def test_a_wire_that_is_dropped_on_a_node_finds_its_port(editor: Editor) -> None:
    editor.load(pair(wired=False))
    start = middle(editor.port("paper", "out", "image"))
    dragged(editor, start, middle(editor.node("invert").locator(".node__title")))
    inputs = editor.exported()["nodes"]["invert"]["inputs"]
    assert inputs == {"image": {"link": ["paper", "image"]}}


def test_a_node_that_is_dropped_on_a_wire_goes_into_it_as_one_step(editor: Editor) -> None:
    editor.load(pair())
    before = editor.exported()
    grip = middle(editor.node("invert").locator(".node__title"))
    x, y = between(editor)
    dragged(editor, grip, (x, y))
    nodes = editor.exported()["nodes"]
    assert nodes["invert"]["inputs"]["image"] == {"link": ["paper", "image"]}
    assert nodes["show"]["inputs"]["images"] == {"link": ["invert", "image"]}
    editor.key("Control+z")
    assert editor.exported() == before


CAMERA = "getComputedStyle(document.querySelector('.react-flow__viewport')).transform"


@pytest.mark.parametrize("part", [".node__title", ".node__widget"])
@pytest.mark.parametrize("hand", ["middle", "Space"])
def test_the_canvas_is_moved_from_anywhere_by_the_middle_button_and_by_space(
    editor: Editor, part: str, hand: str
) -> None:
    editor.load(pair())
    before = editor.exported()
    camera = editor.page.evaluate(CAMERA)
    x, y = middle(editor.node("paper").locator(part).first)
    editor.page.mouse.move(x, y)
    button: Literal["left", "middle"] = "middle" if hand == "middle" else "left"
    if hand == "Space":
        editor.page.keyboard.down("Space")
        expect(editor.page.locator(".canvas[data-hand]")).to_be_attached()
    editor.page.mouse.down(button=button)
    editor.page.mouse.move(x + 90, y + 40, steps=6)
    editor.page.mouse.up(button=button)
    if hand == "Space":
        editor.page.keyboard.up("Space")
    editor.read_until(lambda: editor.page.evaluate(CAMERA), lambda now: now != camera)
    assert editor.exported() == before


def test_a_wire_is_bent_by_a_point_that_is_dragged_and_taken_away_again(editor: Editor) -> None:
    editor.load(pair())
    x, y = between(editor)
    editor.page.keyboard.down("Alt")
    dragged(editor, (x, y), (x, y + 120))
    editor.page.keyboard.up("Alt")
    (route,) = editor.exported()["view"]["show"]["routes"].values()
    assert len(route) == 1
    editor.page.mouse.click(x, y + 120)
    editor.page.get_by_role("menuitem", name="Remove this reroute point").click()
    assert "routes" not in editor.exported()["view"]["show"]


def test_a_node_is_found_by_its_title_its_value_and_its_kind(editor: Editor) -> None:
    content = pair()
    content["nodes"]["paper"]["inputs"]["width"] = 1234
    editor.load(content)
    for words, node in (("negative", "invert"), ("1234", "paper"), ("previewimage", "show")):
        editor.key("Control+f")
        editor.page.get_by_label("Find by name, title or value").fill(words)
        expect(editor.node(node)).to_have_attribute("data-selected", "true")
        editor.key("Escape")
