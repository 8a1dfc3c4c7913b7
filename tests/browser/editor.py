"""The editor as a person at the browser meets it: by its names, its keys, its pictures."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Locator, Page, expect

RUN_PATIENCE = 60_000
"""Milliseconds for a run on a busy machine."""

BRING = """([base64, name, type, way]) => {
    const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, { type }));
    if (way === "paste") {
        const brought = { bubbles: true, cancelable: true, clipboardData: dataTransfer };
        document.body.dispatchEvent(new ClipboardEvent("paste", brought));
        return;
    }
    const at = { bubbles: true, cancelable: true, clientX: 640, clientY: 400, dataTransfer };
    const target = document.querySelector("main");
    for (const kind of ["dragover", "drop"]) target.dispatchEvent(new DragEvent(kind, at));
}"""


def workflow(nodes: Mapping[str, Any], title: str = "Test", **more: Any) -> dict[str, Any]:
    view = {name: {"x": 280 * place, "y": 0} for place, name in enumerate(nodes)}
    filled = {name: {"version": 1, "inputs": {}, **node} for name, node in nodes.items()}
    return {"format": 1, "title": title, "nodes": filled, "view": view, **more}


def image_workflow(title: str = "Test", colour: int = 0xCC3344) -> dict[str, Any]:
    """A workflow that makes a small picture at once."""
    return workflow(
        {
            "paper": {
                "type": "EmptyImage",
                "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": colour},
            },
            "show": {"type": "PreviewImage", "inputs": {"images": {"link": ["paper", "image"]}}},
        },
        title,
    )


def slow_workflow(steps: int = 40, seconds: float = 0.1, title: str = "Slow") -> dict[str, Any]:
    """A workflow that takes a while, with progress and previews."""
    return workflow(
        {
            "slow": {"type": "SlowImage", "inputs": {"steps": steps, "seconds": seconds}},
            "show": {"type": "PreviewImage", "inputs": {"images": {"link": ["slow", "image"]}}},
        },
        title,
    )


Read = TypeVar("Read")

DRAFTED = """async (words) => {
    const asked = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const database = await asked(indexedDB.open("weft-drafts"));
    const windows = await asked(database.transaction("windows").objectStore("windows").getAll());
    database.close();
    return windows.join().includes(words);
}"""


class Editor:
    """One page of the editor."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self._folder = folder

    def open(self, url: str) -> None:
        """Load the page, and wait until the nodes are known and a document is shown."""
        self.page.goto(url)
        self.ready()

    def ready(self) -> None:
        expect(self.page.get_by_role("navigation", name="Open workflows")).to_be_visible()
        expect(self.page.locator(".tab[data-active]")).to_be_visible()
        expect(self.page.locator(".canvas[aria-busy=true]")).to_have_count(0, timeout=RUN_PATIENCE)

    def drop(
        self, content: Mapping[str, Any] | bytes, name: str = "test.json", way: str = "drop"
    ) -> None:
        """Drop a file onto the canvas, or paste it there."""
        given = content if isinstance(content, bytes) else json.dumps(content).encode("utf-8")
        mime = "image/png" if name.endswith(".png") else "application/json"
        self.page.evaluate(BRING, [base64.b64encode(given).decode(), name, mime, way])

    def load(self, content: Mapping[str, Any]) -> None:
        """Open a workflow in a tab of its own, and wait until it is the one that is shown."""
        self.drop(content)
        expect(self.page.locator(".tab[data-active] .tab__name")).to_contain_text(content["title"])

    def key(self, chord: str) -> None:
        self.page.keyboard.press(chord)

    def node(self, name: str) -> Locator:
        return self.page.locator(f'[data-node="{name}"]')

    def nodes(self) -> Locator:
        return self.page.locator("[data-node]")

    def port(self, node: str, side: str, name: str) -> Locator:
        return self.node(node).locator(f'[data-port="{side}:{name}"]')

    def click_ground(self) -> None:
        """Press the empty canvas, so that keys are the canvas's and nothing is selected."""
        box = self.page.locator("main").bounding_box()
        assert box is not None
        self.page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.9)

    def drag(self, start: Locator, end: Locator) -> None:
        """Drag from the middle of one thing to the middle of another, as a hand does."""
        first, last = start.bounding_box(), end.bounding_box()
        assert first is not None
        assert last is not None
        self.page.mouse.move(first["x"] + first["width"] / 2, first["y"] + first["height"] / 2)
        self.page.mouse.down()
        to = last["x"] + last["width"] / 2, last["y"] + last["height"] / 2
        self.page.mouse.move(to[0] - 6, to[1] - 3, steps=6)
        self.page.mouse.move(*to, steps=2)
        self.page.mouse.up()

    def wire(self, source: str, target: str) -> None:
        """Draw a wire, `loader.model` to `sampler.model`."""
        from_node, output = source.split(".")
        to_node, name = target.split(".")
        self.drag(self.port(from_node, "out", output), self.port(to_node, "in", name))

    def add(self, query: str, x: float, y: float) -> None:
        """Double-click the ground, search, take the first node that is found."""
        self.page.mouse.dblclick(x, y)
        field = self.page.get_by_role("combobox", name="Search nodes")
        field.fill(query)
        field.press("Enter")
        expect(field).to_be_hidden()

    def run(self) -> None:
        self.page.locator(".run__start").click()

    def expect_state(self, name: str, *states: str) -> None:
        pattern = ", ".join(f'[data-node="{name}"][data-state="{state}"]' for state in states)
        expect(self.page.locator(pattern)).to_be_attached(timeout=RUN_PATIENCE)

    def picture(self, name: str) -> Locator:
        """The picture on a node that shows one."""
        return self.node(name).locator("img")

    def expect_picture(self, name: str) -> None:
        """Wait for a picture that has been drawn, not only named."""
        expect(self.picture(name).first).to_be_visible(timeout=RUN_PATIENCE)
        self.wait_for(
            "id => { const image = document.querySelector(`[data-node='${id}'] img`);"
            " return image !== null && image.complete && image.naturalWidth > 0; }",
            name,
        )

    def wait_for(self, condition: str, given: Any = None) -> None:
        """Wait until a function of JavaScript says true.

        Playwright's own way compiles it in the page, which the page's policy forbids.
        """
        deadline = time.monotonic() + RUN_PATIENCE / 1000
        while not self.page.evaluate(condition, given):
            assert time.monotonic() < deadline, f"This never came true: {condition}"
            self.page.wait_for_timeout(50)

    def read_until(self, read: Callable[[], Read], holds: Callable[[Read], bool]) -> Read:
        """Read until what is read is as it should be, and return it.

        What a pointer, a wheel or a timer leads to may come a while after it.
        """
        deadline = time.monotonic() + RUN_PATIENCE / 1000
        while not holds(found := read()):
            assert time.monotonic() < deadline, f"It stayed at {found!r:.1000}"
            self.page.wait_for_timeout(50)
        return found

    def expect_draft(self, words: str) -> None:
        """Wait until words of a document are in the browser's database."""
        self.wait_for(DRAFTED, words)

    def panel(self, name: str) -> Locator:
        """Open a panel of the left side and return it."""
        panel = self.page.get_by_role("region", name=name, exact=True)
        if not panel.is_visible():
            rail = self.page.get_by_role("navigation", name="Panels")
            rail.get_by_role("button", name=name).click()
        expect(panel).to_be_visible()
        return panel

    def exported(self) -> dict[str, Any]:
        """What the active document would be as a file."""
        with self.page.expect_download() as download:
            self.key("Control+e")
        result: dict[str, Any] = json.loads(Path(download.value.path()).read_text("utf-8"))
        return result
