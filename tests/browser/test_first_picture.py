"""The first thing that anyone does: open the page, press Run, see a picture."""

from __future__ import annotations

import io
import urllib.request

from PIL import Image
from playwright.sync_api import expect

from tests.browser.editor import RUN_PATIENCE, Editor
from tests.browser.weft_server import WeftServer

NODES = (
    "load checkpoint",
    "clip text encode",
    "empty latent image",
    "ksampler",
    "vae decode",
    "save image",
)
WIRES = (
    ("clip_text_encode", "clip", "load checkpoint"),
    ("k_sampler", "model", "load checkpoint"),
    ("k_sampler", "positive", "clip text encode"),
    ("k_sampler", "negative", "clip text encode"),
    ("k_sampler", "latent image", "empty latent"),
    ("vae_decode", "samples", "ksampler"),
    ("vae_decode", "vae", "load checkpoint"),
    ("save_image", "images", "vae decode"),
)


def test_the_page_opens_ready_to_run_and_draws_a_picture(
    editor: Editor, server: WeftServer
) -> None:
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("Text to image")
    expect(editor.page.locator(".run__label")).to_contain_text("nodes", timeout=RUN_PATIENCE)
    editor.run()
    saving = server.get("/api/v1/templates/text_to_image")["nodes"]
    sink = next(name for name, node in saving.items() if node["type"] == "SaveImage")
    editor.expect_picture(sink)
    newest = server.get("/api/v1/artifacts?limit=1")["items"][0]
    with urllib.request.urlopen(f"{server.url}/api/v1/artifacts/{newest['id']}/content") as answer:
        picture = Image.open(io.BytesIO(answer.read())).convert("RGB")
    assert picture.size == (128, 128)
    colours = picture.getcolors(maxcolors=128 * 128)
    assert colours is None or len(colours) > 10, "The picture is blank."


def command(editor: Editor, words: str) -> None:
    """Type what to do into the palette, and take the first that is found."""
    editor.key("Control+k")
    editor.page.keyboard.type(words)
    expect(editor.page.get_by_role("option", selected=True)).to_be_visible()
    editor.key("Enter")


def tab_to(editor: Editor, selector: str) -> None:
    """Go on with the Tab key until what has the focus is of a kind."""
    place = editor.page.locator(f":focus:is({selector})")
    for _ in range(60):
        if place.count() > 0:
            return
        editor.key("Tab")
    raise AssertionError(f"No Tab led to {selector}.")


def row(editor: Editor, node: str) -> None:
    """Go to a node in the outline."""
    if editor.page.get_by_role("region", name="Outline", exact=True).count() > 0:
        command(editor, "outline")
    command(editor, "outline")
    expect(editor.page.get_by_role("region", name="Outline", exact=True)).to_be_focused()
    tab_to(editor, "[data-row]")
    editor.key("Home")
    wanted = editor.page.locator(f"[data-row={node}]:focus")
    for _ in range(len(NODES)):
        if wanted.count() > 0:
            return
        editor.key("ArrowDown")
    expect(wanted).to_be_attached()


def pick(editor: Editor, words: str) -> None:
    editor.page.keyboard.type(words)
    expect(editor.page.get_by_role("option", selected=True)).to_be_visible()
    editor.key("Enter")


def test_text_to_image_is_built_from_nothing_and_drawn_by_keys_alone(editor: Editor) -> None:
    editor.key("Alt+n")
    expect(editor.nodes()).to_have_count(0)
    for words in NODES:
        command(editor, words)
    expect(editor.nodes()).to_have_count(len(NODES))
    for node, port, source in WIRES:
        row(editor, node)
        editor.key("w")
        pick(editor, port)
        pick(editor, source)
    row(editor, "checkpoint_loader_simple")
    editor.key("Enter")
    tab_to(editor, "[aria-label^='ckpt name:']")
    editor.key("Enter")
    pick(editor, "weft-mini")
    row(editor, "clip_text_encode")
    editor.key("Enter")
    tab_to(editor, "textarea")
    editor.page.keyboard.type("a red star on a blue background")
    row(editor, "empty_latent_image")
    editor.key("Enter")
    for side in ("width", "height"):
        tab_to(editor, f"[aria-label={side}]")
        editor.page.keyboard.type("128")
        editor.key("Enter")
    editor.key("Control+Enter")
    editor.expect_picture("save_image")
    inputs = {name: node["inputs"] for name, node in editor.exported()["nodes"].items()}
    assert inputs["clip_text_encode"]["text"] == "a red star on a blue background"
    assert (inputs["empty_latent_image"]["width"], inputs["empty_latent_image"]["height"]) == (
        128,
        128,
    )
    assert inputs["k_sampler"]["negative"] == {"link": ["clip_text_encode", "conditioning"]}
