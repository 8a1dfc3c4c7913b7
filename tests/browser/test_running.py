"""Running: pictures, problems, progress, cancel, the queue, and a server that dies meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import forgive_kill
from tests.browser.editor import RUN_PATIENCE, Editor, image_workflow, slow_workflow, workflow
from tests.browser.weft_server import WeftServer, serving


@pytest.fixture(autouse=True)
def _empty_queue(server: WeftServer) -> Iterator[None]:
    """Leave no run behind for the next test."""
    yield
    server.send("POST", "/api/v1/queue/resume")
    server.send("POST", "/api/v1/queue/clear")
    for job in server.get("/api/v1/queue")["running"]:
        server.send("POST", f"/api/v1/jobs/{job['id']}/cancel")


def test_a_run_shows_its_picture_on_the_node_and_in_the_gallery(editor: Editor) -> None:
    editor.load(image_workflow("Small red paper"))
    editor.run()
    editor.expect_picture("show")
    gallery = editor.panel("Gallery")
    expect(gallery.get_by_title("Small red paper")).to_have_count(0)
    gallery.get_by_text("Previews").click()
    gallery.get_by_title("Small red paper").first.click()
    dialog = editor.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Small red paper")
    dialog.get_by_role("button", name="Open its workflow").click()
    expect(editor.page.locator(".tab[data-active]")).to_contain_text("Small red paper")
    expect(editor.nodes()).to_have_count(2)


def test_a_second_run_has_nothing_to_compute_and_says_so_before(editor: Editor) -> None:
    content = image_workflow("Twice", 0x113355)
    editor.load(content)
    expect(editor.page.locator(".run__label")).to_have_text("Run: 2 of 2 nodes")
    editor.run()
    editor.expect_picture("show")
    expect(editor.page.locator(".run__label")).to_have_text(
        "Run: nothing has changed", timeout=RUN_PATIENCE
    )


def test_the_gallery_is_searched_by_what_its_pictures_are_called(editor: Editor) -> None:
    for title, colour in (("Heron", 0x113355), ("Otter", 0x553311)):
        editor.load(image_workflow(title, colour))
        editor.run()
        editor.expect_picture("show")
    gallery = editor.panel("Gallery")
    gallery.get_by_text("Previews").click()
    expect(gallery.get_by_title("Heron")).to_be_visible()
    gallery.get_by_role("searchbox").fill("otter")
    expect(gallery.get_by_title("Heron")).to_have_count(0)
    expect(gallery.get_by_title("Otter")).to_be_visible()


def test_what_a_run_would_compute_is_shown_under_the_pointer_until_it_is_pressed(
    editor: Editor,
) -> None:
    editor.load(image_workflow("Foreseen", 0x224466))
    veils = editor.page.locator(".node__veil")
    editor.page.locator(".run__start").hover()
    expect(veils).to_have_count(2)
    editor.run()
    editor.expect_picture("show")
    expect(veils).to_have_count(0)


def test_what_stands_in_the_way_is_said_before_the_run_on_its_node(editor: Editor) -> None:
    editor.load(workflow({"show": {"type": "PreviewImage"}}, "Open end"))
    expect(editor.node("show")).to_have_attribute("data-problem", "error")
    editor.key("p")
    problems = editor.page.get_by_role("region", name="Problems")
    expect(problems).to_contain_text("images")
    problems.get_by_role("button", name="Preview").click()
    expect(editor.node("show")).to_have_attribute("data-selected", "true")


def test_a_failure_is_a_sentence_on_its_node_with_what_to_do(editor: Editor) -> None:
    content = image_workflow("Fails")
    content["nodes"]["paper"] = {"type": "FailingImage", "version": 1, "inputs": {}}
    editor.load(content)
    editor.run()
    editor.expect_state("paper", "failed")
    expect(editor.node("paper")).to_contain_text("The paint has run out.")
    editor.key("p")
    problems = editor.page.get_by_role("region", name="Problems")
    expect(problems).to_contain_text("Buy some more, then run again.")


def test_a_run_shows_its_progress_and_stops_when_told_to(editor: Editor) -> None:
    editor.load(slow_workflow(steps=2000))
    editor.run()
    editor.expect_state("slow", "running")
    queue = editor.panel("Queue")
    bar = queue.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", re.compile("[1-9]"), timeout=RUN_PATIENCE)
    expect(queue).to_contain_text("of 2000")
    editor.page.get_by_role("button", name="Stop").click()
    editor.expect_state("slow", "cancelled")
    expect(queue).to_contain_text("Cancelled")


def test_what_is_being_made_is_seen_on_its_node(editor: Editor) -> None:
    editor.load(slow_workflow(steps=2000, title="Seen early"))
    editor.run()
    preview = editor.node("slow").locator(".node__preview")
    expect(preview).to_be_visible(timeout=RUN_PATIENCE)
    editor.page.get_by_role("button", name="Stop").click()
    editor.expect_state("slow", "cancelled")
    expect(preview).to_have_count(0)


def test_a_run_that_failed_is_queued_again_from_the_history(editor: Editor) -> None:
    content = image_workflow("Fails twice")
    content["nodes"]["paper"] = {"type": "FailingImage", "version": 1, "inputs": {}}
    editor.load(content)
    editor.run()
    editor.expect_state("paper", "failed")
    queue = editor.panel("Queue")
    queue.get_by_role("button", name="Pause the queue").click()
    expect(queue).to_contain_text("nothing new is started")
    queue.get_by_role("button", name="More: Fails twice").first.click()
    editor.page.get_by_role("menuitem", name="Run again").click()
    expect(queue.locator(".job--waiting", has_text="Fails twice")).to_be_visible()


def test_the_queue_is_paused_reordered_by_key_and_cleared(editor: Editor) -> None:
    queue = editor.panel("Queue")
    queue.get_by_role("button", name="Pause the queue").click()
    expect(queue).to_contain_text("nothing new is started")
    for title in ("First", "Second", "Third"):
        editor.load(image_workflow(title))
        editor.run()
        expect(queue.locator(".job--waiting", has_text=title)).to_be_visible()
    handles = queue.locator(".job__grip")
    expect(handles).to_have_count(3)
    handles.nth(2).press("Alt+ArrowUp")
    waiting = queue.locator(".job--waiting .job__title")
    expect(waiting).to_have_text(["First", "Third", "Second"])
    editor.page.reload()
    editor.ready()
    expect(waiting).to_have_count(0)
    queue = editor.panel("Queue")
    expect(queue.locator(".job--waiting .job__title")).to_have_text(["First", "Third", "Second"])
    queue.get_by_role("button", name="Take all waiting runs out").click()
    editor.page.get_by_role("button", name="Take them out").click()
    expect(queue.locator(".job--waiting")).to_have_count(0)


def test_the_seed_that_is_seen_is_the_seed_that_was_used(
    editor: Editor, server: WeftServer
) -> None:
    content = workflow(
        {
            "loader": {
                "type": "CheckpointLoaderSimple",
                "inputs": {"ckpt_name": "tiny.safetensors"},
            },
            "prompt": {
                "type": "CLIPTextEncode",
                "inputs": {"text": "a", "clip": {"link": ["loader", "clip"]}},
            },
            "latent": {"type": "EmptyLatentImage", "inputs": {"width": 32, "height": 32}},
            "sampler": {
                "type": "KSampler",
                "inputs": {
                    "model": {"link": ["loader", "model"]},
                    "positive": {"link": ["prompt", "conditioning"]},
                    "negative": {"link": ["prompt", "conditioning"]},
                    "latent_image": {"link": ["latent", "latent"]},
                    "seed": 5,
                    "steps": 1,
                },
            },
            "decode": {
                "type": "VAEDecode",
                "inputs": {
                    "samples": {"link": ["sampler", "latent"]},
                    "vae": {"link": ["loader", "vae"]},
                },
            },
            "show": {"type": "PreviewImage", "inputs": {"images": {"link": ["decode", "image"]}}},
        },
        "Seeds",
    )
    content["view"]["sampler"]["seeds"] = {"seed": "random"}
    editor.load(content)
    editor.run()
    editor.expect_state("show", "done")
    seen = editor.exported()["nodes"]["sampler"]["inputs"]["seed"]
    newest = server.get("/api/v1/jobs?limit=1")["items"][0]
    used = server.get(f"/api/v1/jobs/{newest['id']}")["workflow"]["nodes"]["sampler"]["inputs"]
    assert seen != 5
    assert used["seed"] == seen


def test_progress_lands_in_its_own_document(editor: Editor) -> None:
    editor.load(slow_workflow(steps=30, title="Left"))
    editor.run()
    editor.expect_state("slow", "running")
    editor.load(slow_workflow(steps=30, title="Right"))
    editor.page.wait_for_timeout(500)
    expect(editor.node("slow")).not_to_have_attribute("data-state", "running")
    editor.page.locator(".tab__name", has_text="Left").click()
    editor.expect_state("show", "done")


def test_a_page_that_is_reloaded_in_mid_run_sees_its_end(editor: Editor) -> None:
    editor.load(slow_workflow(steps=30))
    editor.run()
    editor.expect_state("slow", "running")
    editor.page.wait_for_timeout(700)
    editor.page.reload()
    editor.ready()
    editor.expect_state("show", "done")
    editor.expect_picture("show")


def test_a_server_killed_in_mid_run_loses_nothing_and_the_page_recovers(
    page: Page, complaints: list[str], models: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "data", models) as own:
        editor = Editor(page, tmp_path)
        editor.open(own.url)
        editor.load(slow_workflow(steps=20, title="Survives"))
        editor.run()
        editor.expect_state("slow", "running")
        own.kill()
        expect(page.get_by_text("The server does not answer.").first).to_be_visible()
        editor.node("show").locator(".node__title").click()
        own.start()
        expect(page.locator(".banner")).to_have_count(0, timeout=RUN_PATIENCE)
        editor.expect_state("show", "done")
        editor.expect_picture("show")
        states = [job["state"] for job in own.get("/api/v1/jobs?limit=5")["items"]]
        assert states == ["succeeded"]
    forgive_kill(complaints)
