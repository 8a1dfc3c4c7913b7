"""Content that means harm, in values, in pictures, in what runs make: shown, and harmless."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import expect

from tests.browser.editor import RUN_PATIENCE, Editor, image_workflow, workflow
from tests.browser.test_keeping import HOSTILE

SCRIPT = "<script>window.hacked=1</script>"


def hostile_workflow(title: str = "Values") -> dict[str, Any]:
    """Values, labels and names that would run, were they ever taken for HTML."""
    words = {"type": "PrimitiveStringMultiline", "inputs": {"value": HOSTILE}, "title": HOSTILE}
    show = {"type": "PreviewAny", "inputs": {"source": {"link": ["words", "string"]}}}
    ghost = {"type": HOSTILE, "inputs": {HOSTILE: HOSTILE, "__proto__": {"value": {"x": 1}}}}
    return workflow(
        {"words": words, "show": show, "ghost": ghost},
        title,
        form=[{"node": "words", "input": "value", "label": HOSTILE, "group": HOSTILE}],
        signatures={HOSTILE: {"inputs": [{"name": HOSTILE, "type": HOSTILE}], "outputs": []}},
        meta={"author": HOSTILE, "licence": HOSTILE, "__proto__": {"polluted": True}},
    )


def expect_harmless(editor: Editor) -> None:
    assert editor.page.evaluate("window.hacked") is None
    assert editor.page.evaluate("({}).polluted") is None
    expect(editor.page.locator("main script, main img[src='x']")).to_have_count(0)


def test_hostile_values_are_shown_and_run_as_text(editor: Editor) -> None:
    content = hostile_workflow()
    editor.load(content)
    expect(editor.node("words")).to_contain_text(SCRIPT)
    editor.key("i")
    editor.node("words").locator(".node__title").click()
    expect(editor.page.get_by_role("region", name="Inspector")).to_be_visible()
    editor.panel("Outline")
    editor.key("Shift+F")
    form = editor.page.get_by_role("region", name="Form", exact=True)
    expect(form.locator("legend")).to_contain_text(SCRIPT)
    expect(form.get_by_role("textbox").first).to_have_value(HOSTILE)
    expect_harmless(editor)
    kept = editor.exported()
    assert kept["nodes"]["ghost"]["inputs"] == content["nodes"]["ghost"]["inputs"]
    assert kept["meta"] == content["meta"]


def test_the_text_that_a_hostile_run_makes_is_text(editor: Editor) -> None:
    content = hostile_workflow("Made")
    del content["nodes"]["ghost"]
    editor.load(content)
    editor.run()
    shown = editor.node("show").locator("pre")
    expect(shown).to_contain_text(SCRIPT, timeout=RUN_PATIENCE)
    expect_harmless(editor)


def carrier(**texts: str) -> bytes:
    """A picture with texts."""
    info = PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text, zip=True)
    made = io.BytesIO()
    Image.new("RGB", (8, 8)).save(made, "PNG", pnginfo=info)
    return made.getvalue()


def test_a_workflow_out_of_a_hostile_picture_is_shown_as_text(editor: Editor) -> None:
    editor.drop(carrier(weft=json.dumps(hostile_workflow(HOSTILE)), prompt="{"), "evil.png")
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("<img src=x")
    expect(editor.node("words")).to_contain_text(SCRIPT)
    expect_harmless(editor)


def broken_text() -> bytes:
    """A picture whose packed text was cut."""
    return carrier(weft=json.dumps(image_workflow())).replace(
        b"weft\0\1\0\0\0x", b"weft\0\1\0\0\0y"
    )


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (carrier(weft="no JSON"), "holds no workflow"),
        (carrier(weft='{"format": 1, "nodes": {"a": 3}}'), "should be an object"),
        (carrier(weft=" " * (17 * 2**20)), "too long for a workflow"),
        (broken_text(), "is damaged"),
    ],
    ids=["text", "form", "bomb", "cut"],
)
def test_a_picture_whose_text_is_no_workflow_is_refused_in_words(
    editor: Editor, picture: bytes, said: str
) -> None:
    tabs = editor.page.locator(".tab")
    expect(tabs).to_have_count(1)
    editor.drop(picture, "evil.png")
    expect(editor.page.get_by_role("status").filter(has_text=said).first).to_be_visible()
    expect(tabs).to_have_count(1)
