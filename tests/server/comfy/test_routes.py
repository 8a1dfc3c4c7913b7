"""Nodes, models, pictures, settings and files under ComfyUI's routes, and hostile names in them."""

from __future__ import annotations

import io
import json
import re
import sys
import urllib.parse
import urllib.request
from typing import Any

import pytest
from PIL import Image

from server.comfy.routes import ROUTES
from tests.server.comfy.script import get, post, send, view
from tests.server.pictures import encoded
from tests.server.running import Server

TRAVERSALS = [
    "../weft.sqlite",
    "../../weft.sqlite",
    "/etc/passwd",
    "a/../../weft.sqlite",
    "..\\weft.sqlite",
    "C:\\x",
    "a\u0000b",
    "con",
    "",
    ".",
    "x" * 300,
    "\ud7ff",
]


def upload(
    server: Server, path: str, data: bytes, name: str = "a.png", **fields: str
) -> tuple[int, Any]:
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = f'--edge\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
    body = b"".join([*parts, head.encode(), data, b"\r\n--edge--\r\n"])
    return send(server, "POST", path, body, {"Content-Type": "multipart/form-data; boundary=edge"})


def address(route: str, **query: str) -> str:
    return f"{route}?{urllib.parse.urlencode(query)}"


def test_every_route_is_served_under_both_names(server: Server) -> None:
    for method, path, _ in ROUTES:
        if method != "GET" or path == "/ws":
            continue
        path = re.sub(r"\{\w+\}", "x", path)
        plain, prefixed = get(server, path)[0], get(server, f"/api{path}")[0]
        assert plain == prefixed
        assert plain in (200, 400, 404), path


def test_our_own_routes_come_first(server: Server) -> None:
    assert "workers" in get(server, "/api/v1/system")[1]
    assert get(server, "/ws")[0] == 400


def test_nodes_are_described_as_clients_read_them(server: Server) -> None:
    everything = get(server, "/object_info")[1]
    info = get(server, "/object_info/KSampler")[1]["KSampler"]
    assert everything["KSampler"] == info
    # Programs that write workflows as calls of functions give values by their places.
    assert info["input_order"]["required"] == [
        *("model", "seed", "steps", "cfg", "sampler_name", "scheduler"),
        *("positive", "negative", "latent_image", "denoise"),
    ]
    required = info["input"]["required"]
    assert required["model"][0] == "MODEL"
    kind, options = required["seed"]
    assert (kind, options["max"], options["control_after_generate"]) == ("INT", 2**64 - 1, True)
    kind, options = required["cfg"]
    assert (kind, options["min"], options["step"]) == ("FLOAT", 0, 0.1)
    choices, options = required["sampler_name"]
    assert options["default"] == "euler"
    assert "dpmpp_2m" in choices
    assert (info["output"], info["output_name"]) == (["LATENT"], ["LATENT"])
    assert (info["output_is_list"], info["output_node"]) == ([False], False)
    assert everything["SaveImage"]["output_node"] is True
    image = everything["LoadImage"]["input"]["required"]["image"]
    assert image[1]["image_upload"] is True
    assert "weft-example.png" in image[0]
    loader = everything["CheckpointLoaderSimple"]
    assert loader["output"] == loader["output_name"] == ["MODEL", "CLIP", "VAE"]
    assert get(server, "/object_info/NoSuch") == (200, {})


def test_every_input_of_every_node_has_a_type_and_options(server: Server) -> None:
    for name, info in get(server, "/object_info")[1].items():
        assert info["name"] == name
        for group, inputs in info["input"].items():
            assert info["input_order"][group] == list(inputs)
            for kind, options in inputs.values():
                assert isinstance(kind, str | list)
                assert isinstance(options, dict)
                assert kind not in ("INT", "FLOAT") or options["min"] < options["max"]
        assert len(info["output"]) == len(info["output_name"]) == len(info["output_is_list"])


def test_the_server_tells_of_itself_without_paths(server: Server) -> None:
    stats = get(server, "/system_stats")[1]
    assert 0 <= stats["system"]["ram_free"] < stats["system"]["ram_total"]
    assert stats["system"]["os"] == sys.platform
    assert [device["type"] for device in stats["devices"]] == ["cpu"]
    assert get(server, "/features")[1]["supports_preview_metadata"] is True
    assert "checkpoints" in get(server, "/models")[1]
    assert get(server, "/models/nope")[0] == get(server, "/models/input")[0] == 404
    assert get(server, "/embeddings") == get(server, "/extensions") == (200, [])
    assert get(server, "/i18n") == get(server, "/workflow_templates") == (200, {})
    for path in ("/system_stats", "/experiment/models", "/experiment/models/checkpoints"):
        status, answer = get(server, path)
        assert status == 200
        assert str(server.data.parent) not in json.dumps(answer)


def test_what_weights_say_of_themselves_is_told(server: Server) -> None:
    for name in get(server, "/models/checkpoints")[1]:
        status, answer = get(server, address("/view_metadata/checkpoints", filename=name))
        assert status == 200
        assert "weft.config" in answer
    for name in ("none.safetensors", "../x.safetensors", ""):
        status, _ = get(server, address("/view_metadata/checkpoints", filename=name))
        assert status in (400, 404)


def test_a_picture_is_named_in_a_way_that_every_client_reads(server: Server) -> None:
    _, kept = upload(server, "/upload/image", encoded(8, 6), "plain name (1).png")
    url = f"http://127.0.0.1:{server.port}{address('/view', filename=kept['name'], type='input')}"
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD")) as answer:
        assert answer.headers["Content-Disposition"] == 'inline; filename="plain name (1).png"'
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.read() == b""


def test_a_picture_is_uploaded_and_viewed(server: Server) -> None:
    data = encoded(8, 6, mode="RGBA")
    expected = {"name": "up.png", "subfolder": "deep/er", "type": "input"}
    for _ in range(2):
        assert upload(server, "/upload/image", data, "up.png", subfolder="deep/er") == (
            200,
            expected,
        )
    _, other = upload(server, "/upload/image", encoded(4, 4), "up.png", subfolder="deep/er")
    assert other["name"] == "up (1).png"
    assert upload(server, "/api/upload/image", encoded(5, 5), "up (1).png", overwrite="true")[0]
    there = {"filename": "up.png", "subfolder": "deep/er", "type": "input"}
    assert view(server, there) == data
    assert view(server, {"filename": "deep/er/up.png [input]"}) == data
    with Image.open(io.BytesIO(view(server, there, preview="webp;50"))) as image:
        assert (image.format, image.size) == ("WEBP", (8, 6))
    with Image.open(io.BytesIO(view(server, there, preview="jpeg"))) as image:
        assert image.format == "JPEG"
    with Image.open(io.BytesIO(view(server, there, channel="rgb"))) as image:
        assert (image.mode, image.getpixel((0, 0))) == ("RGB", (200, 30, 60))
    with Image.open(io.BytesIO(view(server, there, channel="a"))) as image:
        assert image.getpixel((0, 0)) == (0, 0, 0, 128)
    assert get(server, address("/view", **there, channel="x"))[0] == 400


def test_what_a_run_made_is_not_written_over(server: Server) -> None:
    names = [
        upload(server, "/upload/image", encoded(n, n), "out.png", type="output", overwrite="1")[1]
        for n in (3, 4)
    ]
    assert [made["name"] for made in names] == ["out.png", "out (1).png"]


def test_a_mask_goes_on_its_picture(server: Server) -> None:
    upload(server, "/upload/image", encoded(8, 6), "plain.png")
    ref = json.dumps({"filename": "plain.png", "subfolder": "", "type": "input"})
    status, made = upload(
        server,
        "/upload/mask",
        encoded(8, 6, mode="RGBA"),
        "mask.png",
        original_ref=ref,
        subfolder="clipspace",
    )
    assert (status, made["subfolder"]) == (200, "clipspace")
    named = {"filename": made["name"], "subfolder": made["subfolder"], "type": made["type"]}
    with Image.open(io.BytesIO(view(server, named))) as image:
        assert image.getpixel((0, 0)) == (200, 30, 60, 128)
    for wrong in ("", "{", "[]", "{}", '{"filename": 5}', '{"filename": "../x.png"}'):
        status, _ = upload(server, "/upload/mask", encoded(8, 6), "m.png", original_ref=wrong)
        assert 400 <= status < 500, wrong


@pytest.mark.parametrize("name", TRAVERSALS)
def test_no_name_leads_out_of_its_folder(server: Server, name: str) -> None:
    outside = (400, 403, 404)
    for place in ("input", "output", "temp"):
        assert get(server, address("/view", filename=name, type=place))[0] in outside
        told = address("/view", filename="a.png", subfolder=name, type=place)
        assert get(server, told)[0] in outside
    segment = urllib.parse.quote(name, safe="")
    if segment not in ("", "."):
        assert get(server, f"/userdata/{segment}")[0] in outside
        assert send(server, "DELETE", f"/userdata/{segment}")[0] in outside
        moved = send(server, "POST", f"/userdata/kept.json/move/{segment}", b"")
        assert moved[0] in outside
    if name not in ("con", "\ud7ff", "", "."):
        status, _ = upload(server, "/upload/image", encoded(), subfolder=name)
        assert status in (400, 200)
        assert not (server.data.parent / "a.png").exists()
        assert get(server, address("/userdata", dir=name))[0] in outside
        assert get(server, address("/v2/userdata", path=name))[0] in outside
    assert (server.data / "weft.sqlite").exists()


@pytest.mark.parametrize("place", ["models", "../input", "x" * 5000])
def test_there_are_three_folders_and_no_others(server: Server, place: str) -> None:
    assert get(server, address("/view", filename="a.png", type=place))[0] == 400
    assert upload(server, "/upload/image", encoded(), type=place)[0] in (400, 413)


def test_what_is_no_picture_is_refused(server: Server) -> None:
    assert upload(server, "/upload/image", b"<svg onload=alert(1)>", "a.svg")[0] == 422
    assert send(server, "POST", "/upload/image", b"x")[0] == 415
    assert upload(server, "/upload/image", b"", "a.png")[0] == 422


def test_settings_are_kept(server: Server) -> None:
    assert get(server, "/settings/none") == (200, None)
    assert post(server, "/settings", {"A": 1, "B": {"c": [2]}})[0] == 200
    assert post(server, "/settings/A", True)[0] == 200
    assert get(server, "/settings")[1].items() >= {"A": True, "B": {"c": [2]}}.items()
    assert get(server, "/settings/B") == (200, {"c": [2]})
    assert post(server, "/settings", [1])[0] == 400
    assert post(server, "/settings/big", "x" * 2**20)[0] == 413
    assert get(server, "/users")[1]["storage"] == "server"
    assert post(server, "/users", {"username": "me"})[0] == 400


def test_files_of_the_user_are_kept_moved_and_deleted(server: Server) -> None:
    there = "/userdata/workflows%2Fone.json"
    status, info = send(server, "POST", f"{there}?overwrite=false&full_info=true", b'{"a": 1}')
    assert (status, info["path"], info["size"]) == (200, "workflows/one.json", 8)
    assert send(server, "POST", f"{there}?overwrite=false", b"{}")[0] == 409
    assert send(server, "POST", there, b"{}") == (200, "workflows/one.json")
    assert get(server, there) == (200, {})
    assert get(server, "/userdata?dir=workflows") == (200, ["one.json"])
    assert get(server, "/userdata?dir=workflows&split=true")[1] == [["one.json", "one.json"]]
    moved = send(server, "POST", f"{there}/move/workflows%2Fdeep%2Ftwo.json", b"")
    assert moved == (200, "workflows/deep/two.json")
    listed = get(server, "/userdata?dir=workflows&recurse=true&full_info=true")[1]
    assert [item["path"] for item in listed] == ["deep/two.json"]
    entries = get(server, "/v2/userdata?path=workflows")[1]
    assert [(entry["name"], entry["type"]) for entry in entries] == [
        ("deep", "directory"),
        ("two.json", "file"),
    ]
    gone = "/userdata/workflows%2Fdeep%2Ftwo.json"
    assert send(server, "DELETE", gone)[0] == 204
    assert send(server, "DELETE", gone)[0] == get(server, gone)[0] == 404
    assert get(server, "/userdata")[0] == 400
    assert get(server, "/userdata?dir=none")[0] == 404


@pytest.mark.parametrize("path", ["/queue", "/history", "/interrupt", "/free", "/settings"])
@pytest.mark.parametrize("body", [b"[]", b"{", b"5", b'{"delete": 5}', b'{"delete": [5]}'])
def test_a_body_of_another_form_is_told(server: Server, path: str, body: bytes) -> None:
    status, _ = send(server, "POST", path, body)
    assert status in (200, 400)
    assert status == 400 or (b"delete" in body and path not in ("/queue", "/history"))


def test_an_interrupt_of_what_is_no_id_is_refused_in_words(server: Server) -> None:
    status, answer = post(server, "/interrupt", {"prompt_id": 5})
    assert status == 400
    assert "`prompt_id` has to be an id." in json.dumps(answer)
    assert post(server, "/interrupt", {"prompt_id": None})[0] == 200


def test_nothing_at_all_is_an_empty_object(server: Server) -> None:
    for path in ("/queue", "/history", "/interrupt", "/free"):
        assert send(server, "POST", path)[0] == 200
        assert send(server, "POST", path, b"{}")[0] == 200
    assert post(server, "/free", {"unload_models": True, "free_memory": True})[0] == 200


@pytest.mark.parametrize("query", ["max_items=x", "offset=1.5", "max_items=" + "9" * 30])
def test_a_page_has_to_be_a_number(server: Server, query: str) -> None:
    assert get(server, f"/history?{query}")[0] == 400


def test_a_client_has_to_have_a_name(server: Server) -> None:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version": "13",
    }
    assert send(server, "GET", f"/ws?clientId={'x' * 300}", headers=headers)[0] == 400
    foreign = {**headers, "Origin": "http://evil.example"}
    assert send(server, "GET", "/ws?clientId=a", headers=foreign)[0] == 403
