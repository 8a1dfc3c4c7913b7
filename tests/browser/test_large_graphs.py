"""Gates on a graph of 1,000 nodes and 1,500 wires, as counts, so that they hold on any machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playwright.sync_api import expect

from tests.browser.editor import Editor

COLUMNS = 40
NODES = 1000
WIRES = 1500


def large_workflow() -> dict[str, Any]:
    """A sheet of image nodes: two sources, 502 joins of two wires, 496 nodes of one."""
    nodes: dict[str, Any] = {}
    for place in range(NODES):
        before, further = f"n{place - 1}", f"n{place - 2}"
        if place < 2:
            node: dict[str, Any] = {"type": "EmptyImage", "inputs": {"width": 16, "height": 16}}
        elif place < 2 + WIRES - (NODES - 2):
            links = {"image1": {"link": [before, "image"]}, "image2": {"link": [further, "image"]}}
            node = {"type": "ImageBatch", "inputs": links}
        else:
            node = {
                "type": "ImageScaleBy",
                "inputs": {"image": {"link": [before, "image"]}, "scale_by": 1.5},
            }
        nodes[f"n{place}"] = {"version": 1, **node}
    view = {
        f"n{place}": {"x": 260 * (place % COLUMNS), "y": 220 * (place // COLUMNS)}
        for place in range(NODES)
    }
    return {"format": 1, "title": "Large", "nodes": nodes, "view": view}


def slow_corner() -> dict[str, Any]:
    """The sheet with a run in one corner that has nothing to do with the rest."""
    content = large_workflow()
    slow = {"type": "SlowImage", "version": 1, "inputs": {"steps": 600, "seconds": 0.2}}
    show = {"type": "PreviewImage", "version": 1, "inputs": {"images": {"link": ["slow", "image"]}}}
    content["nodes"] |= {"slow": slow, "show": show}
    content["view"] |= {"slow": {"x": -520, "y": 0}, "show": {"x": -260, "y": 0}}
    return content


def wires_of(content: Mapping[str, Any]) -> int:
    inputs = [value for node in content["nodes"].values() for value in node["inputs"].values()]
    return sum(isinstance(value, dict) and "link" in value for value in inputs)


def elements(editor: Editor) -> int:
    count: int = editor.page.evaluate("document.querySelectorAll('*').length")
    return count


DRAWS = """
    window.draws = 0;
    for (const name of ["clearRect", "fillRect", "stroke", "fill", "fillText", "drawImage"]) {
        const draw = CanvasRenderingContext2D.prototype[name];
        CanvasRenderingContext2D.prototype[name] = function (...given) {
            window.draws += 1;
            return draw.apply(this, given);
        };
    }
"""


def drawn_in_a_second(editor: Editor) -> int:
    editor.page.evaluate("window.draws = 0")
    editor.page.wait_for_timeout(1000)
    draws: int = editor.page.evaluate("window.draws")
    return draws


CAMERA = "document.querySelector('.react-flow__viewport').style.transform"


def still(editor: Editor) -> None:
    """Wait until the camera has come to rest, and the nodes that it shows are there."""
    editor.wait_for(
        f"""async () => {{
            const seen = () => {CAMERA} + document.querySelectorAll("[data-node]").length;
            const before = seen();
            for (let frame = 0; frame < 6; frame += 1) await new Promise(requestAnimationFrame);
            return seen() === before;
        }}"""
    )


# React gives an element new props exactly when its component is rendered: the identity tells.
PROPS = """
    const nodes = () => [...document.querySelectorAll("[data-node]")];
    window.propsOfNodes = () => new Map(nodes().map((node) => {
        const key = Object.keys(node).find((name) => name.startsWith("__reactProps$"));
        return [node.dataset.node, node[key]];
    }));
    window.marked = new Map();
    window.mark = () => { window.marked = window.propsOfNodes(); };
    window.rendered = () => [...window.propsOfNodes()]
        .filter(([id, props]) => window.marked.has(id) && window.marked.get(id) !== props)
        .map(([id]) => id);
"""


def test_the_whole_of_a_large_graph_is_shown_with_few_elements(editor: Editor) -> None:
    content = large_workflow()
    assert wires_of(content) == WIRES
    editor.load(content)
    editor.click_ground()
    editor.key(".")
    still(editor)
    assert elements(editor) <= 3000
    exported = editor.exported()
    assert len(exported["nodes"]) == NODES


def test_elements_stay_few_while_zooming_in(editor: Editor) -> None:
    editor.load(large_workflow())
    editor.click_ground()
    editor.key(".")
    editor.page.mouse.move(640, 400)
    for _ in range(12):
        editor.page.mouse.wheel(0, -240)
        editor.page.wait_for_timeout(40)
        assert elements(editor) <= 6000
    expect(editor.nodes().first).to_be_attached()


def test_nothing_is_drawn_while_nothing_happens(editor: Editor) -> None:
    editor.page.add_init_script(DRAWS)
    editor.page.reload()
    editor.ready()
    editor.load(large_workflow())
    editor.read_until(lambda: drawn_in_a_second(editor), lambda draws: draws == 0)
    editor.key("1")
    editor.wait_for("() => window.draws > 0")


def test_one_progress_event_renders_one_node(editor: Editor) -> None:
    editor.load(slow_corner())
    editor.click_ground()
    editor.key("1")
    reveal(editor, "slow")
    expect(editor.page.locator(".run__label")).to_contain_text("2 of 1002 nodes")
    still(editor)
    # Only the corner runs: the sheet ends in nothing that is asked for.
    editor.run()
    editor.expect_state("slow", "running")
    editor.page.evaluate(PROPS)
    rendered = editor.page.evaluate(
        """async () => {
            const bar = () =>
                document.querySelector("[data-node=slow] .node__progress")?.getAttribute("style");
            const seen = new Set();
            for (let event = 0; event < 4; event += 1) {
                window.mark();
                const style = bar();
                const late = performance.now() + 20_000;
                while (bar() === style) {
                    if (performance.now() > late) throw new Error("No progress was shown.");
                    await new Promise((resolve) => setTimeout(resolve, 5));
                }
                await new Promise((resolve) => setTimeout(resolve, 20));
                for (const id of window.rendered()) seen.add(id);
            }
            return [[...seen], window.marked.size];
        }"""
    )
    assert rendered[0] == ["slow"]
    assert rendered[1] > 5, "The test has to have other nodes in sight to be able to fail."
    editor.page.get_by_role("button", name="Stop").click()


def test_one_keystroke_renders_one_node(editor: Editor) -> None:
    content = large_workflow()
    content["nodes"]["text"] = {"type": "CLIPTextEncode", "version": 1, "inputs": {"text": ""}}
    content["view"]["text"] = {"x": -300, "y": 0}
    editor.load(content)
    editor.click_ground()
    editor.key("1")
    reveal(editor, "text")
    editor.node("text").locator(".resting").hover()
    field = editor.node("text").get_by_role("textbox")
    field.click()
    editor.page.keyboard.type("a")
    still(editor)
    editor.page.evaluate(PROPS)
    editor.page.evaluate("() => window.mark()")
    editor.page.keyboard.type("b")
    expect(field).to_have_value("ab")
    editor.page.wait_for_timeout(100)
    assert editor.page.evaluate("() => window.rendered()") == ["text"]
    assert editor.page.evaluate("() => window.marked.size") > 5


def reveal(editor: Editor, node: str) -> None:
    """Bring a node into view at full size, by its problem or its search."""
    editor.key("Control+f")
    editor.page.keyboard.type(node)
    editor.key("Enter")
    editor.key("Escape")
    expect(editor.node(node)).to_be_visible()


def test_undo_of_a_large_paste_is_one_step(editor: Editor) -> None:
    content = large_workflow()
    kept = [f"n{place}" for place in range(500)]
    content["nodes"] = {name: content["nodes"][name] for name in kept}
    content["view"] = {name: content["view"][name] for name in kept}
    editor.load(content)
    editor.click_ground()
    editor.key("Control+a")
    editor.key("Control+c")
    editor.key("Control+v")
    editor.read_until(lambda: len(editor.exported()["nodes"]), lambda count: count == 1000)
    editor.key("Control+z")
    assert len(editor.exported()["nodes"]) == 500


def test_memory_comes_back_when_documents_are_closed(editor: Editor) -> None:
    session = editor.page.context.new_cdp_session(editor.page)

    def heap() -> float:
        session.send("HeapProfiler.collectGarbage")
        usage = session.send("Runtime.getHeapUsage")
        return float(usage["usedSize"]) / 1e6

    def open_and_close() -> None:
        editor.load(large_workflow())
        still(editor)
        editor.key("Alt+w")
        dialog = editor.page.get_by_role("dialog")
        dialog.get_by_text("Close", exact=True).click()
        expect(dialog).to_have_count(0)
        expect(editor.page.locator(".tab__name", has_text="Large")).to_have_count(0)

    open_and_close()
    before = heap()
    for _ in range(10):
        open_and_close()
    # An answer of the server may still be on its way, and hold a document until it is there.
    editor.read_until(lambda: heap() - before, lambda more: more <= 20)
