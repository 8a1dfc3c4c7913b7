"""Uploads, inputs, artifacts and thumbnails over HTTP."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from server.artifacts import Artifact
from server.engine.canonical import canonical_dumps
from tests.server.http.serving import V1, Client, form, quoted, serving, workflow
from tests.server.pictures import bomb, encoded, put, text_bomb

AT = f"{V1}/uploads"


def made(server: Client, name: str, data: bytes, **more: Any) -> str:
    """Record a file as a worker's run does."""
    put(server.data / more.get("folder", "output") / more.get("subfolder", "") / name, data)
    artifact = Artifact.from_json(
        {
            "job": "job",
            "node": name,
            "index": 0,
            "kind": "image",
            "name": name,
            "folder": "output",
            "subfolder": "",
            "mime": "image/png",
            "bytes": len(data),
            "sha256": "0" * 64,
            **more,
        }
    )
    recorded = server.services.artifacts.record(artifact, canonical_dumps(workflow()))
    return asyncio.run(recorded).id


def test_an_upload_is_an_input_at_once(server: Client) -> None:
    stored = server.upload(encoded(30, 20), "Bild ä.png")
    assert (stored.status, stored.json()) == (
        201,
        {"name": "Bild ä.png", "kind": "input", "width": 30, "height": 20},
    )
    names = [item["name"] for item in server.get(f"{V1}/files/input").json()["items"]]
    assert "Bild ä.png" in names
    content = server.get(f"{V1}/files/input/{quoted('Bild ä.png')}")
    assert content.body == encoded(30, 20)
    assert content.headers["content-type"] == "image/png"
    named = content.headers["content-disposition"]
    assert named == "inline; filename*=UTF-8''Bild%20%C3%A4.png"
    tag = content.headers["etag"]
    again = server.get(f"{V1}/files/input/{quoted('Bild ä.png')}", If_None_Match=tag)
    assert again.status == 304
    small = server.get(f"{V1}/files/input/{quoted('Bild ä.png')}/thumbnail?size=16")
    assert small.headers["content-type"] == "image/webp"


def test_other_content_gets_a_number_unless_it_is_to_overwrite(server: Client) -> None:
    names = [
        server.upload(data, "same.png", **how).json()["name"]
        for data, how in (
            (encoded(3, 3), {}),
            (encoded(3, 3), {}),
            (encoded(4, 4), {}),
            (encoded(5, 5), {"overwrite": "true"}),
        )
    ]
    assert names == ["same.png", "same.png", "same (1).png", "same.png"]


def test_a_mask_is_put_on_its_picture(server: Client) -> None:
    server.upload(encoded(8, 6), "face.png")
    mask = encoded(8, 6, mode="RGBA")
    stored = server.upload(mask, "mask.png", f"{AT}/mask", original="face.png")
    assert (stored.status, stored.json()["name"]) == (201, "face mask.png")
    content = server.get(f"{V1}/files/input/{quoted('face mask.png')}")
    with Image.open(io.BytesIO(content.body)) as image:
        assert image.getpixel((0, 0)) == (200, 30, 60, 128)
    wrong = server.upload(encoded(4, 4, mode="RGBA"), "m.png", f"{AT}/mask", original="face.png")
    assert (wrong.status, wrong.code) == (422, "picture.mask")
    for original in ("none.png", "../weft.sqlite", "", "/etc/passwd"):
        refused = server.upload(mask, "m.png", f"{AT}/mask", original=original)
        assert refused.status in (400, 404)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 422),
        (b"<script>alert(1)</script>", 422),
        (b"<svg onload='alert(1)' xmlns='http://www.w3.org/2000/svg'/>", 422),
        (bomb(), 413),
        (text_bomb(), 422),
        (encoded(64, 64)[:90], 422),
    ],
    ids=["empty", "html", "svg", "pixels", "text", "cut"],
)
def test_what_is_no_good_picture_is_refused(server: Client, data: bytes, status: int) -> None:
    refused = server.upload(data, "innocent.png")
    assert refused.status == status
    assert refused.code.startswith("picture.")
    assert not list((server.data / "input").glob(".weft-*"))


@pytest.mark.parametrize(
    "name", ["../../evil.png", "..\\evil.png", "/etc/evil.png", "C:\\evil.png", "a\0.png", ".png"]
)
def test_a_hostile_name_is_made_tame(server: Client, name: str) -> None:
    before = {path for path in server.data.rglob("*") if path.parent != server.data / "input"}
    stored = server.upload(encoded(), name)
    assert stored.status in (201, 400, 422)
    if stored.status == 201:
        assert (server.data / "input" / stored.json()["name"]).is_file()
    after = {path for path in server.data.rglob("*") if path.parent != server.data / "input"}
    assert {path for path in after - before if path.suffix == ".png"} == set()


def test_forms_that_are_none_are_refused(server: Client) -> None:
    body, media = form(encoded(), "a.png")
    cases = [
        (body, "application/json"),
        (body, "text/plain"),
        (body, ""),
        (body, "multipart/form-data"),
        (body, "multipart/form-data; boundary=other"),
        (body, "multipart/form-data; boundary=" + "x" * 300),
        (body, "multipart/mixed; boundary=edge"),
        (body[:-20], media),
        (b"", media),
        (b"--edge--\r\n", media),
        (body.replace(b'name="file"', b'name="other"'), media),
        (body.replace(b'name="file"; ', b""), media),
        (body[: -len("--edge--\r\n")] + body, media),
        (
            b"--edge\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x--\r\n--edge--\r\n",
            media,
        ),
        (
            b"--edge\r\nContent-Disposition: form-data; name=file; filename=a.png\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--edge--\r\n",
            media,
        ),
        (
            b"--edge\r\nContent-Disposition: form-data; name=file; filename=a.png\r\n"
            b"Content-Encoding: deflate\r\n\r\nxxxx\r\n--edge--\r\n",
            media,
        ),
        (b'--edge\r\nContent-Disposition: form-data; name="x"\r\n\r\n\xff\r\n' + body, media),
    ]
    for data, declared in cases:
        answer = server.send("POST", AT, data, {"Content-Type": declared} if declared else {})
        assert 400 <= answer.status < 500, (declared, data[:80], answer)
        assert answer.code
    assert not list((server.data / "input").glob(".weft-*"))


def test_an_upload_over_the_limit_is_refused_before_it_is_stored(server: Client) -> None:
    limit = server.services.settings.upload_limit * 2**20
    huge = server.send(
        "POST",
        AT,
        None,
        {"Content-Type": "multipart/form-data; boundary=edge", "Content-Length": str(limit * 4)},
    )
    assert huge.status in (400, 413)


def test_an_artifact_is_listed_fetched_and_deleted(server: Client) -> None:
    picture = encoded(300, 200)
    name = made(server, "a_00001_.png", picture, title="Fox")
    at = f"{V1}/artifacts/{name}"
    (item,) = server.get(f"{V1}/artifacts?q=fox").json()["items"]
    assert item == server.get(at).json()
    content = server.get(f"{at}/content")
    assert (content.body, content.headers["content-type"]) == (picture, "image/png")
    assert "immutable" in content.headers["cache-control"]
    part = server.get(f"{at}/content", Range="bytes=10-19")
    assert (part.status, part.body) == (206, picture[10:20])
    assert server.get(f"{at}/content", Range="bytes=999999-").status == 416
    small = server.get(f"{at}/thumbnail?size=128")
    with Image.open(io.BytesIO(small.body)) as image:
        assert (image.format, image.size) == ("WEBP", (128, 85))
    assert server.get(f"{at}/workflow").json() == workflow()
    assert server.delete(at).status == 204
    assert server.delete(at).status == 204
    assert not (server.data / "output" / "a_00001_.png").exists()
    for path in ("", "/content", "/thumbnail", "/tile?level=0&column=0&row=0", "/workflow"):
        assert server.get(at + path).code == "file.missing"


def test_a_part_of_a_large_picture_is_fetched_in_tiles(server: Client) -> None:
    at = f"{V1}/artifacts/{made(server, 'large_00001_.png', encoded(700, 600))}/tile"
    corner = server.get(f"{at}?level=0&column=1&row=1")
    with Image.open(io.BytesIO(corner.body)) as image:
        assert (image.format, image.size) == ("JPEG", (188, 88))
    whole = server.get(f"{at}?level=1&column=0&row=0")
    with Image.open(io.BytesIO(whole.body)) as image:
        assert image.size == (350, 300)
    assert "immutable" in whole.headers["cache-control"]
    assert "content-disposition" not in whole.headers
    for query in ("level=0&column=2&row=0", "level=2&column=0&row=0"):
        assert server.get(f"{at}?{query}").code == "file.missing"
    assert server.get(f"{at}?level=-1&column=0&row=0").status == 422


def test_a_picture_of_a_run_stands_for_a_saved_workflow(server: Client) -> None:
    artifact = made(server, "cover_00001_.png", encoded(300, 200))
    at = f"{V1}/workflows/{quoted('portraits/covered')}"
    assert server.put(f"{at}/cover", {"artifact": artifact}).code == "file.missing"
    server.put(at, workflow())
    assert server.get(f"{at}/cover").code == "file.missing"
    assert server.put(f"{at}/cover", {"artifact": artifact}).status == 204
    (item,) = server.get(f"{V1}/workflows?q=covered").json()["items"]
    assert item["cover"] > 0
    server.delete(f"{V1}/artifacts/{artifact}")
    server.post(f"{at}/rename", {"to": "moved"})
    with Image.open(io.BytesIO(server.get(f"{V1}/workflows/moved/cover").body)) as image:
        assert (image.format, max(image.size)) == ("WEBP", 256)
    server.delete(f"{V1}/workflows/moved")
    server.put(f"{V1}/workflows/moved", workflow())
    assert server.get(f"{V1}/workflows/moved/cover").code == "file.missing"


def test_a_template_has_a_picture(server: Client) -> None:
    listed = server.get(f"{V1}/templates?q=text").json()["items"]
    assert any(item["name"] == "text_to_image" and item["cover"] for item in listed)
    cover = server.get(f"{V1}/templates/text_to_image/cover")
    with Image.open(io.BytesIO(cover.body)) as image:
        assert image.format == "WEBP"


@pytest.mark.parametrize("name", ["x.html", "x.svg", "x.js", "x.xml", "x.pdf", "x"])
def test_what_could_run_in_a_browser_is_a_download(server: Client, name: str) -> None:
    artifact = made(server, name, b"<script>alert(1)</script>", mime="text/html")
    content = server.get(f"{V1}/artifacts/{artifact}/content")
    assert content.headers["content-type"] == "application/octet-stream"
    assert content.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in content.headers["content-security-policy"]
    assert content.headers["x-content-type-options"] == "nosniff"


def test_a_picture_that_is_none_has_no_thumbnail(server: Client) -> None:
    artifact = made(server, "fake.png", b"<script>")
    refused = server.get(f"{V1}/artifacts/{artifact}/thumbnail")
    assert (refused.status, refused.code) == (422, "picture.format")
    lost = made(server, "lost.png", encoded())
    (server.data / "output" / "lost.png").unlink()
    assert server.get(f"{V1}/artifacts/{lost}/thumbnail").status == 404
    assert server.get(f"{V1}/artifacts/{lost}/content").status == 404


def test_a_link_out_of_the_outputs_is_not_followed(server: Client) -> None:
    artifact = made(server, "link.png", encoded())
    path = server.data / "output" / "link.png"
    path.unlink()
    path.symlink_to(server.data / "weft.sqlite")
    assert server.get(f"{V1}/artifacts/{artifact}/content").code == "file.outside"


@pytest.mark.parametrize(
    "name",
    [
        "../weft.sqlite",
        "..%2fweft.sqlite",
        "%2e%2e%2fweft.sqlite",
        "..%5cweft.sqlite",
        "..%252fweft.sqlite",
        "%2fetc%2fpasswd",
        "%00",
        "a%0ab",
        "c:%5cwindows",
        "%ff%fe",
        "x" * 3000,
        "..%2fweft.sqlite%20%5boutput%5d",
    ],
)
def test_no_name_opens_what_lies_outside(server: Client, name: str) -> None:
    for path in (
        f"{V1}/files/input/{name}",
        f"{V1}/files/input/{name}/thumbnail",
        f"{V1}/files/{name}",
        f"{V1}/workflows/{name}",
        f"{V1}/templates/{name}",
        f"{V1}/artifacts/{name}/content",
        f"/assets/{name}",
    ):
        answer = server.get(path)
        assert 400 <= answer.status < 500, path
        assert b"SQLite" not in answer.body
        assert str(server.data).encode() not in answer.body


def test_models_are_listed_by_kind_and_tell_of_themselves(tmp_path: Path) -> None:
    header = json.dumps({"__metadata__": {"ss_tag": "fox"}, "w": {"dtype": "F32"}}).encode()
    put(tmp_path / "m/loras/a/b.safetensors", len(header).to_bytes(8, "little") + header)
    for name, data in {
        "page": b"<html>",
        "empty": b"",
        "huge": b"\xff" * 20,
        "cut": b"\x20" + b"\0" * 7 + b"{",
        "list": (2).to_bytes(8, "little") + b"[]",
    }.items():
        put(tmp_path / "m/loras" / f"{name}.safetensors", data)
    put(tmp_path / "m/loras/old.ckpt", b"pickle")
    shapes = {"unet.attn2.to_k.lora_A.weight": {"dtype": "F16", "shape": [8, 2048]}}
    lora = json.dumps(shapes).encode()
    put(tmp_path / "m/loras/fox.safetensors", len(lora).to_bytes(8, "little") + lora)
    with serving(tmp_path / "data", models_dirs=(tmp_path / "m",)) as server:
        names = [item["name"] for item in server.get(f"{V1}/files/loras").json()["items"]]
        assert "a/b.safetensors" in names
        assert "old.ckpt" not in names
        at = f"{V1}/files/loras"
        told = server.get(f"{at}/{quoted('a/b.safetensors')}/metadata").json()
        assert told == {"name": "a/b.safetensors", "metadata": {"ss_tag": "fox"}}
        for name in ("page", "empty", "huge", "cut", "list"):
            assert server.get(f"{at}/{name}.safetensors/metadata").code == "file.format"
        assert server.get(f"{at}/old.ckpt/metadata").code == "file.unsafe"
        assert server.get(f"{V1}/files/secrets").code == "file.kind"
        assert server.get(f"{V1}/files/secrets/families").code == "file.kind"
        # What cannot be read is not recognised, and keeps nothing else from being so.
        assert server.get(f"{at}/families").json() == {
            "items": [{"name": "fox.safetensors", "family": "SDXL"}]
        }
