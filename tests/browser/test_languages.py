"""The editor in another language: by the browser's preference, by choice, and kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import PATIENCE, listen
from tests.browser.editor import Editor, image_workflow, workflow
from tests.browser.weft_server import WeftServer


@pytest.fixture
def german(chromium: Browser, complaints: list[str]) -> Iterator[Page]:
    """A page of a browser whose user prefers German."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, locale="de-AT", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    listen(page, complaints)
    yield page
    context.close()
    assert complaints == []


def opened(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator(".tab[data-active]")).to_be_visible()
    expect(page.locator(".run__start")).to_be_enabled()


def test_who_prefers_german_is_met_in_german(german: Page, server: WeftServer) -> None:
    opened(german, server.url)
    expect(german.locator("html")).to_have_attribute("lang", "de")
    expect(german.get_by_role("navigation", name="Offene Workflows")).to_be_visible()
    expect(german.locator('[data-node="loader"]')).to_contain_text("Checkpoint laden")
    expect(german.locator('[data-node="sampler"]')).to_contain_text("Schritte")
    expect(german.locator(".tab[data-active]")).to_contain_text("Text zu Bild")
    german.keyboard.press("Alt+3")
    templates = german.get_by_role("region", name="Vorlagen", exact=True)
    expect(templates).to_contain_text("Malt den maskierten Teil eines Bildes neu")
    german.keyboard.press("i")
    german.locator('[data-node="sampler"] .node__title').click()
    details = german.get_by_role("region", name="Inspektor", exact=True)
    expect(details).to_contain_text("derselbe Seed gibt dasselbe Bild")
    german.keyboard.press("Alt+1")
    nodes = german.get_by_role("region", name="Nodes", exact=True)
    expect(nodes.get_by_text("Hochskalieren", exact=True)).to_be_visible()
    nodes.get_by_role("searchbox").fill("bild speichern")
    expect(nodes.get_by_role("button").filter(has_text="Bild speichern").first).to_be_visible()
    nodes.get_by_role("searchbox").fill("save image")
    expect(nodes.get_by_role("button").filter(has_text="Bild speichern").first).to_be_visible()


def test_a_run_and_every_dialog_are_german_and_have_no_serious_findings(
    german: Page, server: WeftServer, tmp_path: Path
) -> None:
    opened(german, server.url)
    editor = Editor(german, tmp_path)
    editor.load(image_workflow("Probe"))
    editor.run()
    editor.expect_picture("show")
    found = findings(editor)
    for chord, title in (("?", "Tastenkürzel"), ("Control+,", "Einstellungen")):
        editor.key(chord)
        expect(german.get_by_role("dialog", name=title)).to_be_visible()
        found += findings(editor)
        editor.key("Escape")
        expect(german.get_by_role("dialog")).to_have_count(0)
    assert found == []


def test_what_goes_wrong_is_said_in_german_before_a_run_and_after_it(
    german: Page, server: WeftServer, tmp_path: Path
) -> None:
    opened(german, server.url)
    editor = Editor(german, tmp_path)
    missing = {"type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "gone.safetensors"}}
    decode = {"type": "VAEDecode", "inputs": {"vae": {"link": ["loader", "vae"]}}}
    show = {"type": "PreviewImage", "inputs": {"images": {"link": ["decode", "image"]}}}
    editor.load(workflow({"loader": missing, "decode": decode, "show": show}, "Falsch"))
    german.keyboard.press("p")
    problems = german.get_by_role("region", name="Probleme", exact=True)
    expect(problems).to_contain_text("In checkpoints gibt es keine Datei 'gone.safetensors'")
    expect(problems).to_contain_text("VAE-Dekodierung braucht `samples`.")
    expect(problems).to_contain_text("Mit einer Node verbinden, die das gibt (Latent)")
    failing = image_workflow("Scheitert")
    image = {"link": ["paper", "image"]}
    failing["nodes"] |= {
        "mask": {"type": "ImageToMask", "inputs": {"image": image, "channel": "alpha"}},
        "back": {"type": "MaskToImage", "inputs": {"mask": {"link": ["mask", "mask"]}}},
    }
    failing["nodes"]["show"]["inputs"] = {"images": {"link": ["back", "image"]}}
    editor.load(failing)
    editor.run()
    editor.expect_state("mask", "failed")
    expect(editor.node("mask")).to_contain_text("Dieses Bild hat keinen Alphakanal.")
    rail = german.get_by_role("navigation", name="Bereiche")
    rail.get_by_role("button", name="Warteschlange").click()
    queue = german.get_by_role("region", name="Warteschlange", exact=True)
    expect(queue).to_contain_text("Dieses Bild hat keinen Alphakanal.")


def test_the_chosen_language_holds_after_a_reload_and_nothing_open_is_lost(editor: Editor) -> None:
    editor.load(image_workflow("Kept"))
    editor.node("paper").locator(".node__title").dblclick()
    editor.page.keyboard.type("Mein Papier")
    editor.key("Enter")
    editor.key("Control+,")
    editor.page.get_by_role("dialog").get_by_text("Deutsch", exact=True).click()
    expect(editor.page.locator("html")).to_have_attribute("lang", "de")
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("Kept")
    expect(editor.node("paper")).to_contain_text("Mein Papier")
    expect(editor.node("show")).to_contain_text("Bildvorschau")
    editor.page.reload()
    expect(editor.page.get_by_role("button", name="Ausführen").first).to_be_visible()
    editor.key("Control+,")
    editor.page.get_by_role("dialog").get_by_text("English", exact=True).click()
    expect(editor.page.locator("html")).to_have_attribute("lang", "en")
    editor.ready()
    assert editor.exported()["nodes"]["paper"]["title"] == "Mein Papier"
