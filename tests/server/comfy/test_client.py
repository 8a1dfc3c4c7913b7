"""Scripts that were written for ComfyUI work unchanged: what they send, hear, read and fetch."""

from __future__ import annotations

import asyncio
import io
import json
import struct
from itertools import groupby
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from server.formats.png import read_text
from tests.server.comfy.script import (
    Heard,
    Prompt,
    connected,
    followed,
    get,
    listen,
    node,
    post,
    run,
    simple,
    view,
)
from tests.server.running import ROOT, Server, until

CAPTURE = json.loads(Path(__file__).with_name("capture.json").read_text(encoding="utf-8"))
MINIATURE = "weft-mini.safetensors"


def failing(text: str = "on purpose") -> Prompt:
    return {
        "1": node("ToyText", text="a"),
        "2": node("ToyFail", text=["1", 0]),
        "3": node("ToySave", text=["2", 0], filename_prefix=text),
    }


def stepping(steps: int, seconds: float = 0.02) -> Prompt:
    return {
        "1": node("ToyText", text="steps"),
        "2": node("ToySteps", text=["1", 0], steps=steps, seconds=seconds),
        "3": node("ToySink", text=["2", 0]),
    }


def drawing() -> Prompt:
    """A picture by the miniature model where it is there, and a plain one elsewhere."""
    if not (ROOT / "models" / "checkpoints" / MINIATURE).exists():
        return simple(0x336699, "SaveImage", filename_prefix="script")
    return {
        "4": node("CheckpointLoaderSimple", ckpt_name=MINIATURE),
        "5": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "6": node("CLIPTextEncode", text="a red circle on a blue background", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="", clip=["4", 1]),
        "3": node(
            "KSampler",
            seed=8566257,
            steps=3,
            cfg=5,
            sampler_name="euler",
            scheduler="normal",
            denoise=1,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="script", images=["8", 0]),
    }


def order(messages: list[tuple[str, Any]]) -> list[tuple[str, tuple[str, ...]]]:
    """Types with their fields, repeats of one type once, without steps within a node."""
    told: list[tuple[str, tuple[str, ...]]] = []
    for kind, fields in messages:
        if kind != "progress":
            told.append((kind, tuple(sorted(fields))))
        else:
            assert told.pop()[0] == "progress_state"
    return [entry for entry, _ in groupby(told)]


def recorded(name: str) -> list[tuple[str, tuple[str, ...]]]:
    return order([(kind, fields) for kind, fields in CAPTURE["messages"][name]])


def test_a_script_draws_a_picture_and_fetches_it(server: Server) -> None:
    prompt = drawing()
    heard = run(server, prompt)
    entry = get(server, f"/history/{heard.id}")[1][heard.id]
    assert entry["status"]["status_str"] == "success"
    (images,) = (made["images"] for made in entry["outputs"].values())
    data = view(server, images[0])
    texts = read_text(data)
    assert json.loads(texts["prompt"]) == prompt
    assert json.loads(texts["weft"])["nodes"].keys() == prompt.keys()
    with Image.open(io.BytesIO(data)) as image:
        assert image.size in ((64, 64), (16, 16))


@pytest.mark.parametrize("sink", ["PreviewImage", "SaveImage"])
def test_a_first_run_is_told_in_the_recorded_order(server: Server, sink: str) -> None:
    heard = run(server, simple(0x111111 + len(sink), sink))
    name = {"PreviewImage": "simple first run", "SaveImage": "save image"}[sink]
    assert order(heard.messages) == recorded(name)
    assert [data["node"] for data in heard.of("executing")] == ["1", "2", "3", None]
    assert heard.of("execution_cached")[0]["nodes"] == []


def test_a_second_run_is_told_in_the_recorded_order(server: Server) -> None:
    first, second = (run(server, simple(0x222222)) for _ in range(2))
    assert order(second.messages) == recorded("fully cached re-run")
    assert second.of("execution_cached")[0]["nodes"] == ["1", "2", "3"]
    assert [made["output"] for made in second.of("executed")] == [
        made["output"] for made in first.of("executed")
    ]


def test_a_failure_is_told_in_the_recorded_order(server: Server) -> None:
    heard = run(server, failing())
    assert order(heard.messages) == recorded("run-time error")
    (error,) = heard.of("execution_error")
    assert (error["node_id"], error["node_type"], error["executed"]) == ("2", "ToyFail", ["1"])
    assert "a 0" in error["exception_message"]
    assert error["traceback"] == []
    entry = get(server, f"/history/{heard.id}")[1][heard.id]
    assert entry["status"]["status_str"] == "error"
    kept = entry["status"]["messages"][-1]
    assert kept == ["execution_error", {**error, "timestamp": kept[1]["timestamp"]}]


def test_an_interrupt_is_told_in_the_recorded_order(server: Server) -> None:
    async def react(kind: str, data: dict[str, Any]) -> None:
        if kind == "progress":
            assert (await asyncio.to_thread(post, server, "/interrupt", {}))[0] == 200

    heard = asyncio.run(followed(server, stepping(100_000), react=react))
    assert order(heard.messages) == recorded("interrupt async node")
    (told,) = heard.of("execution_interrupted")
    assert (told["node_id"], told["node_type"], told["executed"]) == ("2", "ToySteps", ["1"])
    entry = get(server, f"/history/{heard.id}")[1][heard.id]
    assert entry["status"]["completed"] is False
    kept = entry["status"]["messages"][-1]
    assert kept == ["execution_interrupted", {**told, "timestamp": kept[1]["timestamp"]}]


def test_previews_come_in_the_form_that_the_client_announced(server: Server) -> None:
    plain = run(server, stepping(3, 0.2), extra_data={"preview_method": "auto"})
    assert {struct.unpack(">II", frame[:8]) for frame in plain.frames} == {(1, 1)}
    assert plain.frames[0][8:] == b"picture 0"
    told = run(server, stepping(3, 0.2), flags={"supports_preview_metadata": True})
    kind, length = struct.unpack(">II", told.frames[0][:8])
    assert kind == 4
    assert json.loads(told.frames[0][8 : 8 + length]) == {
        "node_id": "2",
        "prompt_id": told.id,
        "display_node_id": "2",
        "parent_node_id": None,
        "real_node_id": "2",
        "image_type": "image/jpeg",
    }
    assert told.of("feature_flags")[0]["supports_preview_metadata"] is True


@pytest.mark.parametrize(
    "told",
    [
        {},
        {
            "extra_data": {"preview_method": "none"},
            "flags": {"supports_preview_metadata": True},
        },
    ],
)
def test_no_previews_come_to_a_script_that_may_take_them_for_results(
    server: Server, told: dict[str, Any]
) -> None:
    heard = run(server, stepping(3, 0.2), **told)
    assert heard.frames == []
    assert heard.of("execution_success")


def test_pictures_are_sent_while_their_node_is_at_work_also_a_second_time(server: Server) -> None:
    prompt = {
        "1": node("EmptyImage", width=8, height=6, batch_size=2, color=0x102030),
        "2": node("SaveImageWebsocket", images=["1", 0]),
    }
    for _ in range(2):
        heard = run(server, prompt)
        assert heard.at_work == ["2", "2"]
        assert {struct.unpack(">II", frame[:8]) for frame in heard.frames} == {(1, 2)}
        for frame in heard.frames:
            with Image.open(io.BytesIO(frame[8:])) as image:
                assert image.size == (8, 6)
                assert image.convert("RGB").getpixel((0, 0)) == (0x10, 0x20, 0x30)
        assert heard.of("executed") == []
        assert get(server, f"/history/{heard.id}")[1][heard.id]["outputs"] == {}


def test_the_clients_own_node_ids_come_back(server: Server) -> None:
    prompt = {
        "5:12": node("EmptyImage", width=8, height=8, color=77),
        "5_12": node("ImageInvert", image=["5:12", 0]),
        "ä 1": node("PreviewImage", images=["5_12", 0]),
    }
    heard = run(server, prompt)
    assert [data["node"] for data in heard.of("executing")] == [*prompt, None]
    assert [data["node"] for data in heard.of("executed")] == ["ä 1"]
    entry = get(server, f"/history/{heard.id}")[1][heard.id]
    assert list(entry["outputs"]) == list(entry["meta"]) == ["ä 1"]
    assert entry["prompt"][2] == prompt
    assert entry["prompt"][4] == ["ä 1"]


def test_nothing_reaches_a_stranger_but_the_length_of_the_queue(server: Server) -> None:
    async def both() -> tuple[Heard, Heard]:
        stranger = Heard()
        async with (
            aiohttp.ClientSession() as session,
            connected(session, server, "stranger") as socket,
        ):
            owner = await followed(server, stepping(20, 0.05), client="owner")
            await asyncio.to_thread(post, server, "/prompt", {"prompt": simple(0x303030)})
            mine = {"prompt": simple(0x313131), "client_id": "stranger"}
            await asyncio.to_thread(post, server, "/prompt", mine)
            await listen(socket, stranger)
        return owner, stranger

    owner, stranger = asyncio.run(both())
    ids = {data["prompt_id"] for kind, data in stranger.messages if kind != "status"}
    assert owner.id not in ids
    assert len(ids) == 1
    assert not stranger.frames
    counts = {data["status"]["exec_info"]["queue_remaining"] for data in stranger.of("status")}
    assert {0, 1} <= counts


def test_a_client_that_comes_back_hears_which_node_runs_and_the_rest(server: Server) -> None:
    async def again() -> Heard:
        heard = Heard()
        async with aiohttp.ClientSession() as session:
            async with connected(session, server, "comes-back") as socket:
                body = {"prompt": stepping(60, 0.05), "client_id": "comes-back"}
                _, heard.answer = await asyncio.to_thread(post, server, "/prompt", body)
                while '"progress"' not in str((await socket.receive()).data):
                    pass
            async with connected(session, server, "comes-back") as socket:
                await listen(socket, heard)
        return heard

    heard = asyncio.run(again())
    kinds = [kind for kind, _ in heard.messages]
    assert kinds[:2] == ["status", "executing"]
    assert heard.messages[0][1]["sid"] == "comes-back"
    assert heard.messages[1][1]["node"] == "2"
    assert "execution_start" not in kinds
    assert "execution_success" in kinds


def test_what_came_along_is_embedded_and_secrets_are_not_kept(server: Server) -> None:
    extra = {
        "extra_pnginfo": {"workflow": {"nodes": [], "name": "Prüfung"}, "note": [1]},
        "api_key_comfy_org": "hush",
        "mine": 1,
    }
    heard = run(server, simple(0x414141, "SaveImage"), extra_data=extra)
    entry = get(server, f"/history/{heard.id}")[1][heard.id]
    assert "hush" not in json.dumps(entry)
    assert entry["prompt"][3]["mine"] == 1
    texts = read_text(view(server, entry["outputs"]["3"]["images"][0]))
    assert json.loads(texts["workflow"]) == extra["extra_pnginfo"]["workflow"]  # type: ignore[index]
    assert json.loads(texts["note"]) == [1]


def test_a_prompt_is_an_ordinary_job_and_a_job_is_in_the_history(server: Server) -> None:
    heard = run(server, simple(0x515151))
    job = server.job(heard.id)
    assert (job["state"], job["title"]) == ("succeeded", "API prompt")
    ours = server.submit(("a", "ToyText", {"text": "x"}), ("b", "ToySave", {"text": "@a"}))
    server.wait_for(ours)
    entry = get(server, f"/history/{ours}")[1][ours]
    assert entry["prompt"][3]["create_time"] <= entry["status"]["messages"][0][1]["timestamp"]
    assert entry["prompt"][2]["b"]["inputs"]["text"] == ["a", 0]
    assert [made["type"] for made in entry["outputs"]["b"]["files"]] == ["output"]


def test_the_queue_is_told_and_emptied(server: Server) -> None:
    _, busy = post(server, "/prompt", {"prompt": stepping(100_000), "prompt_id": "busy"})
    until(lambda: get(server, "/queue")[1]["queue_running"])
    for number, name in ((5, "late"), (-5, "early"), (None, "last")):
        body = {"prompt": simple(), "prompt_id": name, "number": number}
        status, answer = post(server, "/prompt", body)
        assert (status, answer["prompt_id"]) == (200, name)
        assert number is None or answer["number"] == number
    told = get(server, "/queue")[1]
    assert [item[1] for item in told["queue_running"]] == ["busy"]
    assert [item[1] for item in told["queue_pending"]] == ["early", "late", "last"]
    _, _, prompt, extra, outputs = told["queue_pending"][0]
    assert (prompt, extra.keys(), outputs) == (simple(), {"create_time"}, ["3"])
    assert get(server, "/prompt")[1] == {"exec_info": {"queue_remaining": 4}}
    assert get(server, "/history/busy")[1] == get(server, "/history/late")[1] == {}
    assert post(server, "/queue", {"delete": ["late", "nobody", "busy"]})[0] == 200
    assert [item[1] for item in get(server, "/queue")[1]["queue_pending"]] == ["early", "last"]
    assert post(server, "/queue", {"clear": True})[0] == 200
    assert get(server, "/queue")[1]["queue_pending"] == []
    assert post(server, "/interrupt", {"prompt_id": "late"})[0] == 200
    assert get(server, "/prompt")[1]["exec_info"]["queue_remaining"] == 1
    assert post(server, "/interrupt", {"prompt_id": busy["prompt_id"]})[0] == 200
    until(lambda: get(server, "/history/busy")[1])
    assert get(server, "/history/late")[1] == {}, "what never ran is in no history"


def test_an_id_that_is_taken_is_not_given_twice(server: Server) -> None:
    body = {"prompt": simple(0x616161), "prompt_id": "mine"}
    assert post(server, "/prompt", body)[0] == 200
    assert post(server, "/prompt", body)[1]["prompt_id"] == "mine"
    status, answer = post(server, "/prompt", {**body, "prompt": simple(0x626262)})
    assert (status, answer["error"]["type"]) == (409, "prompt_id_taken")


def test_the_history_is_paged_and_forgotten(server: Server) -> None:
    ids = [run(server, simple(0x707070 + n)).id for n in range(3)]
    latest = get(server, "/history?max_items=2")[1]
    assert list(latest) == ids[-2:]
    everything = list(get(server, "/history")[1])
    assert list(get(server, "/api/history?max_items=1&offset=1")[1]) == everything[1:2]
    assert post(server, "/history", {"delete": [ids[0], "nobody"]})[0] == 200
    assert get(server, f"/history/{ids[0]}")[1] == {}
    assert post(server, "/history", {"clear": True})[0] == 200
    assert get(server, "/history")[1] == {}
