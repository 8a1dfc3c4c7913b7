"""Axe finds nothing serious in anything that opens, in both themes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.axe import findings
from tests.browser.conftest import forgive
from tests.browser.editor import Editor, image_workflow, workflow
from tests.browser.surfaces import (
    COMPONENTS,
    DIALOGS,
    NAME,
    PANELS,
    STRIPS,
    chosen,
    dialog,
    kinds,
    opened,
    opening_components,
)
from tests.browser.weft_server import WeftServer


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, editor: Editor, server: WeftServer) -> Iterator[Editor]:
    editor.page.emulate_media(color_scheme=request.param)
    yield editor
    if NAME in [item["name"] for item in server.get("/api/v1/workflows")["items"]]:
        server.send("DELETE", f"/api/v1/workflows/{NAME}")


def found(editor: Editor, what: str) -> list[str]:
    return [f"{what}: {finding}" for finding in findings(editor)]


def test_whatever_opens_is_tried() -> None:
    assert set(PANELS) == kinds("LeftPanel")
    assert set(STRIPS) == kinds("BottomPanel")
    assert set(DIALOGS) | {"token"} == kinds("Dialog")
    assert set(COMPONENTS) == set(opening_components())


def test_no_panel_has_serious_findings(themed: Editor) -> None:
    opened(themed)
    all_found = found(themed, "page")
    for name in PANELS.values():
        themed.panel(name)
        all_found += found(themed, name)
    chosen(themed, "paper")
    for key, name in STRIPS.values():
        themed.key(key)
        expect(themed.page.get_by_role("region", name=name)).to_be_visible()
        all_found += found(themed, name)
    themed.key("Control+a")
    all_found += found(themed, "several nodes")
    themed.key("Escape")
    all_found += found(themed, "document")
    themed.key("Control+f")
    themed.page.keyboard.type("paper")
    all_found += found(themed, "find")
    assert all_found == []


def test_no_dialog_has_serious_findings(themed: Editor, complaints: list[str]) -> None:
    opened(themed)
    all_found = []
    for name, opener in DIALOGS.items():
        opener(themed)
        expect(dialog(themed)).to_be_visible()
        all_found += found(themed, name)
        themed.key("Escape")
        expect(dialog(themed)).to_have_count(0)
    assert all_found == []
    forgive(complaints, "status of 412")


def test_no_menu_and_no_picker_has_serious_findings(themed: Editor) -> None:
    opened(themed)
    all_found = []
    for name, opener in COMPONENTS.items():
        opener(themed)
        all_found += found(themed, name)
        themed.key("Escape")
        expect(themed.page.locator("[role=menu], [role=dialog]")).to_have_count(0)
    assert all_found == []


def test_no_form_has_serious_findings(themed: Editor) -> None:
    opened(themed)
    themed.key("Shift+F")
    all_found = found(themed, "form")
    themed.page.get_by_text("Use over HTTP").click()
    expect(themed.page.get_by_role("textbox", name="The call")).to_be_visible()
    all_found += found(themed, "call")
    themed.page.get_by_role("button", name="Change the form").click()
    all_found += found(themed, "form editor")
    assert all_found == []


def test_neither_problems_nor_notices_nor_ghosts_have_serious_findings(themed: Editor) -> None:
    themed.load(workflow({"show": {"type": "PreviewImage"}, "gone": {"type": "Gone"}}, "Wrong"))
    themed.key("p")
    expect(themed.page.get_by_role("img", name="Show the node").first).to_be_visible()
    themed.key("i")
    chosen(themed, "show")
    expect(themed.page.locator(".callout .hint")).to_be_visible()
    themed.drop(b"no workflow", "broken.json")
    expect(themed.page.get_by_text("This file holds no workflow.")).to_be_visible()
    assert found(themed, "problems") == []


def test_the_inside_of_a_subgraph_has_no_serious_findings(themed: Editor) -> None:
    themed.load(image_workflow())
    themed.key("i")
    chosen(themed, "paper")
    themed.key("Control+g")
    themed.key("Enter")
    expect(themed.node("paper")).to_have_count(0)
    themed.key("Enter")
    themed.key("Escape")
    expect(themed.page.get_by_text("Inputs of the subgraph")).to_be_visible()
    assert found(themed, "subgraph") == []
