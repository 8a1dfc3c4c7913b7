"""Everything of the editor that opens: how each panel, dialog and menu is reached by a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.editor import RUN_PATIENCE, Editor
from tests.browser.test_keeping import rename, save_as

SOURCES = Path(__file__).resolve().parents[2] / "web" / "src"
NAME = "opened"
TITLE = "Opened"
Opener = Callable[[Editor], None]


def kinds(union: str) -> set[str]:
    """The names that a union of `store/shell.ts` lists: `LeftPanel`, `BottomPanel`, `Dialog`."""
    shell = (SOURCES / "store" / "shell.ts").read_text("utf-8")
    found = re.search(rf"^export type {union} =(.*?);\n\n", shell, re.DOTALL | re.MULTILINE)
    assert found is not None
    names = r'kind: "([\w-]+)"' if union == "Dialog" else r'"([\w-]+)"'
    return set(re.findall(names, found[1]))


def opening_components() -> Iterator[str]:
    """The components that open something over the page, but for the dialogs of the shell."""
    for path in sorted(SOURCES.rglob("*.tsx")):
        text = path.read_text("utf-8")
        over = re.search(r"\b(Dialog|DropdownMenu|Popover|Select)\.Root|role=\"dialog\"", text)
        if over is not None and path.stem not in ("Modal", "PickDialog"):
            yield path.stem


def library_menu(editor: Editor, entry: str) -> None:
    editor.panel("Library").get_by_role("button", name=f"More: {TITLE}").click()
    editor.page.get_by_role("menuitem", name=entry).click()


def dialog(editor: Editor) -> Locator:
    return editor.page.get_by_role("dialog")


def chosen(editor: Editor, node: str) -> None:
    editor.node(node).locator(".node__title").click()


def open_sweep(editor: Editor) -> None:
    chosen(editor, "paper")
    editor.page.get_by_role("button", name="Sweep over width").click()


def open_sweep_grid(editor: Editor) -> None:
    open_sweep(editor)
    for label, value in (("From", "32"), ("To", "64"), ("How many", "2")):
        dialog(editor).get_by_label(label).fill(value)
    dialog(editor).get_by_role("button", name="Run 2 times").click()
    expect(editor.page.locator(".sweep-grid__cell img")).to_have_count(2, timeout=RUN_PATIENCE)


def open_difference(editor: Editor) -> None:
    rename(editor, "paper", "Renamed since")
    editor.panel("Queue").get_by_role("button", name=f"More: {TITLE}").last.click()
    editor.page.get_by_role("menuitem", name="Compare with the canvas").click()


def open_picture(editor: Editor) -> None:
    editor.node("show").locator(".shown button").first.click()


def open_beside(editor: Editor) -> None:
    gallery = editor.panel("Gallery")
    gallery.get_by_text("Previews").click()
    gallery.get_by_title(TITLE).first.click()
    dialog(editor).get_by_role("button", name="Compare", exact=True).click()
    dialog(editor).locator(".picture__strip button").first.click()
    dialog(editor).get_by_role("button", name="Side by side").click()
    expect(dialog(editor).locator("figcaption")).to_have_count(2)


def open_conflict(editor: Editor) -> None:
    """Save what was changed elsewhere since it was opened."""
    path = f"/api/v1/workflows/{NAME}"
    editor.page.evaluate(
        """async (path) => {
            const file = await (await fetch(path)).json();
            file.nodes.paper.title = `Theirs ${file.nodes.paper.title ?? ""}`;
            const headers = { "Content-Type": "application/json" };
            await fetch(path, { method: "PUT", body: JSON.stringify(file), headers });
        }""",
        path,
    )
    rename(editor, "paper", "Mine")
    editor.key("Control+s")


def open_close(editor: Editor) -> None:
    chosen(editor, "batch")
    editor.key("c")
    editor.key("Alt+w")


def keyed(node: str, key: str) -> Opener:
    def opener(editor: Editor) -> None:
        chosen(editor, node)
        editor.key(key)

    return opener


DIALOGS: Mapping[str, Opener] = {
    "palette": lambda editor: editor.key("Control+k"),
    "wire": keyed("show", "w"),
    "keys": lambda editor: editor.key("?"),
    "settings": lambda editor: editor.key("Control+,"),
    "sweep": open_sweep,
    "sweep-grid": open_sweep_grid,
    "stages": keyed("show", "v"),
    "picture": open_picture,
    "beside": open_beside,
    "save-as": lambda editor: editor.key("Control+Shift+s"),
    "versions": lambda editor: library_menu(editor, "Versions…"),
    "rename": lambda editor: library_menu(editor, "Rename…"),
    "confirm": lambda editor: library_menu(editor, "Delete"),
    "difference": open_difference,
    "conflict": open_conflict,
    "close": open_close,
}
"""By their kinds. `token` is tried where there is a server that asks for one."""

PANELS: Mapping[str, str] = {
    "nodes": "Nodes",
    "outline": "Outline",
    "library": "Library",
    "templates": "Templates",
    "gallery": "Gallery",
    "queue": "Queue",
}
STRIPS: Mapping[str, tuple[str, str]] = {
    "problems": ("p", "Problems"),
    "profile": ("Shift+P", "Profile of the last run"),
}
"""Their keys and what they are called."""


def menu_of(place: Callable[[Editor], Locator]) -> Opener:
    def opener(editor: Editor) -> None:
        place(editor).click(button="right")
        expect(editor.page.get_by_role("menu")).to_be_visible()

    return opener


def pressed(name: str) -> Opener:
    def opener(editor: Editor) -> None:
        editor.page.get_by_role("button", name=name).first.click()
        expect(editor.page.get_by_role("menu").first).to_be_visible()

    return opener


def open_item_menu(editor: Editor) -> None:
    editor.panel("Library")
    pressed(f"More: {TITLE}")(editor)


def open_finder(editor: Editor) -> None:
    editor.click_ground()
    editor.key("Tab")
    editor.page.get_by_role("combobox", name="Search nodes").fill("image")
    expect(editor.page.get_by_role("option").first).to_be_visible()


def open_of_node(node: str, name: str) -> Opener:
    def opener(editor: Editor) -> None:
        chosen(editor, node)
        # Not by a part of the name, which the button of a sweep over it has as well.
        editor.page.get_by_role("button", name=re.compile(f"^{name}")).first.click()

    return opener


def open_picker(editor: Editor) -> None:
    open_of_node("load", "Choose from the gallery")(editor)
    expect(editor.page.locator(".picker__pictures button").first).to_be_visible()


COMPONENTS: Mapping[str, Opener] = {
    "RunButton": pressed("More ways to run"),
    "TopBar": pressed("Weft menu"),
    "ItemMenu": open_item_menu,
    "ContextMenu": menu_of(lambda editor: editor.node("paper").locator(".node__title")),
    "AddNode": open_finder,
    "PickList": open_of_node("batch", "upscale method"),
    "PicturePicker": open_picker,
    "MaskDialog": open_of_node("load", "Paint a mask"),
}
"""What opens beside the dialogs of the shell, by the component that draws it."""


def opened(editor: Editor) -> None:
    """Open a saved workflow that has run, with something for everything that opens."""
    form = [{"node": "paper", "input": "width", "label": "How wide"}]
    inputs = {"width": 64, "height": 64, "batch_size": 1, "color": 0xCC3344}
    editor.load(
        {
            "format": 1,
            "title": TITLE,
            "nodes": {
                "paper": {"type": "EmptyImage", "version": 1, "inputs": inputs},
                "show": {
                    "type": "PreviewImage",
                    "version": 1,
                    "inputs": {"images": {"link": ["paper", "image"]}},
                },
                "load": {
                    "type": "LoadImage",
                    "version": 1,
                    "inputs": {"image": "weft-example.png"},
                },
                "batch": {
                    "type": "ImageScale",
                    "version": 1,
                    "inputs": {"image": {"link": ["load", "image"]}},
                },
            },
            "view": {
                "paper": {"x": 0, "y": 0},
                "show": {"x": 300, "y": 0},
                "load": {"x": 0, "y": 320},
                "batch": {"x": 300, "y": 320},
            },
            "form": form,
        }
    )
    save_as(editor, NAME)
    editor.run()
    editor.expect_picture("show")
    editor.key("i")
