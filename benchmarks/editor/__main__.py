"""Open large graphs in the editor and in plain React Flow, move them, and print both.

Run as `python -m benchmarks.editor`; Chromium, Node.js and `npm install` in web/ have to be there.
Figures depend on what else the machine does: compare the two columns of one run.
"""

import os
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.editor.graphs import sheet
from benchmarks.editor.measure import HEIGHT, WIDTH, Movement, pan, sweep, zoom_of, zoom_to
from benchmarks.editor.plain import build, plain_sheet, served
from tests.browser.conftest import find_browser
from tests.browser.editor import Editor
from tests.browser.weft_server import WeftServer

GRAPHS = ((1_000, 1_500), (2_000, 3_000))
ZOOMS = (0.1, 0.25, 0.5, 0.8, 1.0)
PATIENCE = 180_000
"""Milliseconds that a page may take to appear."""

Figures = dict[str, Movement]


def measured(page: Page, nodes: str) -> Figures:
    """Pan at every zoom, the whole first, then zoom in and out."""
    found = {f"pan, all in sight ({zoom_of(page):.2f})": pan(page, nodes)}
    for zoom in ZOOMS:
        zoom_to(page, zoom)
        found[f"pan at {zoom:g}"] = pan(page, nodes)
    zoom_to(page, 0.3)
    found["zoom sweep from 0.3"] = sweep(page, nodes)
    return found


def in_weft(browser: Browser, server: WeftServer, nodes: int, wires: int) -> tuple[float, Figures]:
    """Give the seconds until the editor showed the graph, and how it moved."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_default_timeout(PATIENCE)
    editor = Editor(page, Path())
    editor.open(server.url)
    started = time.perf_counter()
    editor.load(sheet(nodes, wires))
    editor.click_ground()
    editor.key(".")
    seconds = time.perf_counter() - started
    page.wait_for_timeout(1500)
    found = measured(page, "[data-node]")
    page.close()
    return seconds, found


def in_plain(browser: Browser, url: str, count: int) -> tuple[float, Figures]:
    """Give the seconds until plain React Flow showed the graph, and how it moved."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_default_timeout(PATIENCE)
    started = time.perf_counter()
    page.goto(url)
    expect(page.locator(".react-flow__node")).to_have_count(count, timeout=PATIENCE)
    seconds = time.perf_counter() - started
    page.wait_for_timeout(1500)
    found = measured(page, ".react-flow__node")
    page.close()
    return seconds, found


def print_table(title: str, plain: tuple[float, Figures], weft: tuple[float, Figures]) -> None:
    """Print what two pages did with one graph."""
    print(f"\n{title}; shown after {plain[0]:.1f} s and {weft[0]:.1f} s")
    parts = ("frames/s", "95 % in", "mounts", "elements")
    heads = [*(f"plain {part}" for part in parts), *(f"Weft {part}" for part in parts), "ratio"]
    print("| Movement | " + " | ".join(heads) + " |")
    print("|---|" + "--:|" * len(heads))
    for (name, one), other in zip(plain[1].items(), weft[1].values(), strict=True):
        cells = [*_cells(one), *_cells(other), f"{other.rate / one.rate:.1f}×"]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _cells(movement: Movement) -> list[str]:
    rate, late = f"{movement.rate:.0f}", f"{movement.late:.0f} ms"
    return [rate, late, f"{movement.mounts:,}", f"{movement.elements:,}"]


def main() -> None:
    """Measure every graph in both pages."""
    if hasattr(os, "getloadavg"):
        print(f"Load of the machine before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        build(folder / "plain")
        server = WeftServer(folder / "data", folder / "models")
        server.start()
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        try:
            server.wait_for_nodes()
            specs = server.get("/api/v1/nodes?lang=en")["nodes"]
            for nodes, wires in GRAPHS:
                graph = plain_sheet(sheet(nodes, wires), specs)
                with served(folder / "plain", graph) as url:
                    plain = in_plain(browser, url, nodes)
                weft = in_weft(browser, server, nodes, wires)
                print_table(f"{nodes:,} nodes, {wires:,} wires", plain, weft)
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main()
