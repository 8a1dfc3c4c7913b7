"""With fingers: moving, pinching, wiring, menus and values on a touch screen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Locator, expect

from tests.browser.conftest import PATIENCE, listen
from tests.browser.editor import Editor, workflow
from tests.browser.weft_server import WeftServer

HOLD_MS = 900
"""Milliseconds: longer than the editor waits before a resting finger opens a menu."""


class Hand:
    """Fingers on the screen, as the browser's debugger moves them."""

    def __init__(self, session: CDPSession, editor: Editor) -> None:
        self._session = session
        self._editor = editor

    def _send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def tap(self, point: tuple[float, float]) -> None:
        self._send("touchStart", point)
        self._send("touchEnd")

    def tap_twice(self, point: tuple[float, float]) -> None:
        """Tap twice, as fast as a hand does, however slow the machine is."""
        start = time.time()
        for tap in (0.0, 0.15):
            for kind, after in (("touchStart", 0.0), ("touchEnd", 0.05)):
                points = [{"x": point[0], "y": point[1]}] if kind == "touchStart" else []
                self._session.send(
                    "Input.dispatchTouchEvent",
                    {"type": kind, "touchPoints": points, "timestamp": start + tap + after},
                )

    def hold(self, point: tuple[float, float]) -> None:
        """Rest on a place until a menu opens."""
        self._send("touchStart", point)
        expect(self._editor.page.get_by_role("menu")).to_be_visible()
        self._send("touchEnd")

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 8) -> None:
        self._send("touchStart", start)
        for step in range(1, steps + 1):
            self._send("touchMove", between(start, end, step / steps))
        self._send("touchEnd")

    def pinch(
        self,
        start: tuple[tuple[float, float], tuple[float, float]],
        end: tuple[tuple[float, float], tuple[float, float]],
        steps: int = 8,
    ) -> None:
        """Put down one finger, then the other, and move both."""
        self._send("touchStart", start[0])
        self._send("touchStart", *start)
        for step in range(1, steps + 1):
            share = step / steps
            self._send(
                "touchMove", *(between(a, b, share) for a, b in zip(start, end, strict=True))
            )
        self._send("touchEnd", end[0])
        self._send("touchEnd")


def between(
    start: tuple[float, float], end: tuple[float, float], share: float
) -> tuple[float, float]:
    return tuple(a + (b - a) * share for a, b in zip(start, end, strict=True))  # type: ignore[return-value]


def middle(thing: Locator) -> tuple[float, float]:
    box = thing.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def width_of(editor: Editor, node: str) -> float:
    box = editor.node(node).bounding_box()
    assert box is not None
    return box["width"]


@pytest.fixture
def editor(
    chromium: Browser, server: WeftServer, complaints: list[str], tmp_path: Path
) -> Iterator[Editor]:
    """The editor on a tablet."""
    context = chromium.new_context(
        viewport={"width": 1024, "height": 768},
        has_touch=True,
        reduced_motion="reduce",
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    listen(page, complaints)
    editor = Editor(page, tmp_path)
    editor.open(server.url)
    editor.load(pair())
    yield editor
    context.close()
    assert complaints == []


@pytest.fixture
def hand(editor: Editor) -> Hand:
    return Hand(editor.page.context.new_cdp_session(editor.page), editor)


def pair() -> dict[str, Any]:
    """A source and a reader, not wired."""
    paper = {"type": "EmptyImage", "inputs": {"width": 32, "height": 32, "color": 0x227755}}
    return workflow({"paper": paper, "show": {"type": "PreviewImage"}}, "By hand")


def ground(editor: Editor) -> tuple[float, float]:
    """A place of the canvas below the nodes."""
    left, _ = middle(editor.node("paper"))
    return left, 690


def expect_moved(
    editor: Editor, node: str, start: tuple[float, float], by: tuple[float, float]
) -> None:
    """Wait until a node has moved on the screen; a hand is not exact."""
    near = pytest.approx((start[0] + by[0], start[1] + by[1]), abs=12)
    editor.read_until(lambda: middle(editor.node(node)), lambda now: now == near)


def expect_place(editor: Editor, node: str, x: float, y: float) -> None:
    """Wait until a node has a place in the document."""
    near = pytest.approx({"x": x, "y": y}, abs=20)
    editor.read_until(lambda: editor.exported()["view"][node], lambda view: view == near)


def title(editor: Editor, node: str) -> Locator:
    return editor.node(node).locator(".node__title")


def test_one_finger_moves_the_canvas(editor: Editor, hand: Hand) -> None:
    before = middle(editor.node("paper"))
    start = ground(editor)
    hand.drag(start, (start[0] + 60, start[1] - 80))
    expect_moved(editor, "paper", before, (60, -80))
    assert editor.exported()["view"]["paper"] == {"x": 0, "y": 0}


def test_one_finger_on_a_node_moves_the_node(editor: Editor, hand: Hand) -> None:
    start = middle(title(editor, "paper"))
    hand.drag(start, (start[0], start[1] + 96))
    expect_place(editor, "paper", 0, 96)


@pytest.mark.parametrize("place", ["the ground", "a node"])
def test_two_fingers_zoom_where_they_are_and_move_nothing_else(
    editor: Editor, hand: Hand, place: str
) -> None:
    before = width_of(editor, "paper")
    x, y = ground(editor) if place == "the ground" else middle(title(editor, "paper"))
    hand.pinch(((x - 20, y), (x + 20, y)), ((x - 35, y - 120), (x + 35, y - 120)))
    wider = pytest.approx(1.75 * before, rel=0.05)
    editor.read_until(lambda: width_of(editor, "paper"), lambda width: width == wider)
    assert editor.exported()["view"]["paper"] == {"x": 0, "y": 0}
    expect(editor.page.get_by_role("menu")).to_have_count(0)


def test_a_finger_that_stays_after_a_pinch_moves_nothing(editor: Editor, hand: Hand) -> None:
    x, y = ground(editor)
    whole = width_of(editor, "paper")
    hand.pinch(((x - 20, y), (x + 20, y)), ((x - 30, y), (x + 30, y)))
    larger = pytest.approx(1.5 * whole, rel=0.05)
    editor.read_until(lambda: width_of(editor, "paper"), lambda width: width == larger)
    before = middle(editor.node("paper"))
    hand.drag((x, y), (x + 50, y))
    expect_moved(editor, "paper", before, (50, 0))


def test_a_wire_is_drawn_by_a_finger_beside_the_port(editor: Editor, hand: Hand) -> None:
    x, y = middle(editor.port("paper", "out", "image"))
    hand.drag((x + 12, y + 3), middle(editor.port("show", "in", "images")))
    editor.read_until(
        lambda: editor.exported()["nodes"]["show"]["inputs"],
        lambda inputs: inputs == {"images": {"link": ["paper", "image"]}},
    )


def test_a_resting_finger_opens_the_menu_of_what_is_under_it(editor: Editor, hand: Hand) -> None:
    hand.hold(middle(title(editor, "paper")))
    menu = editor.page.get_by_role("menu")
    expect(menu).to_be_visible()
    hand.tap(middle(menu.get_by_role("menuitem", name="Mute")))
    expect(editor.node("paper")).to_have_attribute("data-mode", "mute")
    expect(menu).to_have_count(0)
    hand.hold(ground(editor))
    expect(menu.get_by_role("menuitem", name="Add a note")).to_be_visible()
    editor.key("Escape")
    assert editor.exported()["view"]["paper"] == {"x": 0, "y": 0}


def test_a_finger_that_moves_first_opens_no_menu(editor: Editor, hand: Hand) -> None:
    start = ground(editor)
    hand.drag(start, (start[0] + 80, start[1]))
    editor.page.wait_for_timeout(HOLD_MS)
    expect(editor.page.get_by_role("menu")).to_have_count(0)


def test_two_taps_search_for_a_node_and_open_a_title(editor: Editor, hand: Hand) -> None:
    hand.tap_twice(ground(editor))
    field = editor.page.get_by_role("combobox", name="Search nodes")
    expect(field).to_be_focused()
    editor.page.keyboard.type("invert image")
    hand.tap(middle(editor.page.get_by_role("option").first))
    expect(editor.nodes()).to_have_count(3)
    hand.tap_twice(middle(title(editor, "paper")))
    expect(editor.page.get_by_label("Name of the node")).to_be_focused()


def test_a_tap_selects_and_a_value_is_typed(editor: Editor, hand: Hand) -> None:
    hand.tap(middle(title(editor, "paper")))
    expect(editor.node("paper")).to_have_attribute("data-selected", "true")
    width = editor.node("paper").locator(".node__widget").first
    hand.tap(middle(width))
    hand.tap(middle(width.get_by_role("spinbutton")))
    field = width.get_by_role("textbox", name="width")
    field.fill("96")
    hand.tap(ground(editor))
    editor.read_until(
        lambda: editor.exported()["nodes"]["paper"]["inputs"]["width"], lambda width: width == 96
    )
    expect(editor.page.locator("[data-node][data-selected]")).to_have_count(0)
