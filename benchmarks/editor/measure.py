"""A page under way: what a hand does to it, and how many frames, elements and nodes that takes."""

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

WIDTH, HEIGHT = 1440, 900
SECONDS = 3.0
"""Length of one movement."""

_MIDDLE = WIDTH / 2, HEIGHT / 2
_SWAY = 160
"""Pixels that the hand goes to either side."""
_WHEEL = 0.002
"""The exponent of two by which d3-zoom zooms for one pixel of a wheel."""

_WATCH = """([nodes]) => {
    const seen = { frames: [], mounts: 0, on: true };
    const count = (part) => part instanceof Element
        ? Number(part.matches(nodes)) + part.querySelectorAll(nodes).length : 0;
    const observer = new MutationObserver((changes) => {
        for (const { addedNodes } of changes)
            for (const part of addedNodes) seen.mounts += count(part);
    });
    observer.observe(document.body, { childList: true, subtree: true });
    const frame = (now) => {
        seen.frames.push(now);
        if (seen.on) requestAnimationFrame(frame);
        else observer.disconnect();
    };
    requestAnimationFrame(frame);
    window.seen = seen;
}"""
_ZOOM = """() => new DOMMatrix(
    getComputedStyle(document.querySelector(".react-flow__viewport")).transform).a"""


@dataclass(frozen=True)
class Movement:
    """What one movement of the hand took.

    Attributes:
        rate: Frames a second.
        late: Of the times between frames, the one that 95 % do not exceed, in milliseconds.
        mounts: Nodes that came into the page.
        elements: Elements that the page had at its end.
    """

    rate: float
    late: float
    mounts: int
    elements: int


def zoom_of(page: Page) -> float:
    """Return how large the graph is shown; 1 is full size."""
    return float(page.evaluate(_ZOOM))


def zoom_to(page: Page, zoom: float) -> None:
    """Turn the wheel over the middle until the graph is shown at a size.

    Raises:
        ValueError: when the page does not get there.
    """
    page.mouse.move(*_MIDDLE)
    for _ in range(60):
        now = zoom_of(page)
        if abs(now / zoom - 1) < 0.02:
            page.wait_for_timeout(400)
            return
        turn = -math.log2(zoom / now) / _WHEEL
        page.mouse.wheel(0, max(-300, min(300, turn)))
        page.wait_for_timeout(60)
    raise ValueError(f"The page stays at a zoom of {zoom_of(page):.2f}, not {zoom}.")


def pan(page: Page, nodes: str) -> Movement:
    """Drag the ground to and fro with the middle button; `nodes` is the selector of a node."""
    page.mouse.move(*_MIDDLE)
    page.mouse.down(button="middle")

    def sway(at: float) -> None:
        angle = at * 2 * math.pi / SECONDS * 2
        x, y = _SWAY * math.sin(angle), _SWAY / 2 * math.sin(2 * angle)
        page.mouse.move(_MIDDLE[0] + x, _MIDDLE[1] + y)

    try:
        return _moved(page, nodes, sway)
    finally:
        page.mouse.up(button="middle")


def sweep(page: Page, nodes: str) -> Movement:
    """Zoom in and out again with the wheel."""
    page.mouse.move(*_MIDDLE)
    return _moved(page, nodes, lambda at: page.mouse.wheel(0, -60 if at < SECONDS / 2 else 60))


def _moved(page: Page, nodes: str, step: Callable[[float], None]) -> Movement:
    page.evaluate(_WATCH, [nodes])
    started = time.perf_counter()
    while (at := time.perf_counter() - started) < SECONDS:
        step(at)
    seen = page.evaluate("() => { window.seen.on = false; return window.seen; }")
    frames = seen["frames"]
    gaps = sorted(after - before for before, after in itertools.pairwise(frames))
    if not gaps:
        gaps = [SECONDS * 1000]
    return Movement(
        rate=1000 * len(gaps) / sum(gaps),
        late=gaps[int(0.95 * (len(gaps) - 1))],
        mounts=int(seen["mounts"]),
        elements=int(page.evaluate("document.querySelectorAll('*').length")),
    )
