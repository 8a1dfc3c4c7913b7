"""Model and input folders: what is listed, what a name opens, what changes a stamp."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nodes.errors import FileProblem
from server.file_kinds import KINDS
from server.files import EXAMPLES, Files
from server.settings import Settings


def put(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def files_of(data: Path, *models: Path) -> Files:
    return Files(Settings(data_dir=data, models_dirs=models))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_names_are_relative_and_sorted_without_regard_to_case(tmp_path: Path, models: Path) -> None:
    for name in ("b.safetensors", "A.safetensors", "sdxl/base/c.safetensors"):
        put(models / "checkpoints" / name)
    files = files_of(tmp_path, models)
    assert files.names("checkpoints") == [
        "A.safetensors",
        "b.safetensors",
        "sdxl/base/c.safetensors",
    ]
    assert files.path("checkpoints", "sdxl/base/c.safetensors").is_file()


def test_only_the_endings_of_a_kind_are_listed(tmp_path: Path, models: Path) -> None:
    for name in ("a.safetensors", "b.ckpt", "c.txt", ".hidden.safetensors", "d.SAFETENSORS"):
        put(models / "loras" / name)
    assert files_of(tmp_path, models).names("loras") == ["a.safetensors", "d.SAFETENSORS"]


@pytest.mark.parametrize("name", ["a.ckpt", "x/b.PT", "c.pth", "d.bin", "e.pkl"])
def test_a_format_that_can_run_code_is_refused_with_what_to_do(
    tmp_path: Path, models: Path, name: str
) -> None:
    put(models / "checkpoints" / name)
    with pytest.raises(FileProblem) as refused:
        files_of(tmp_path, models).path("checkpoints", name)
    assert refused.value.code == "file.unsafe"
    assert "safetensors" in refused.value.hint


def test_pickled_weights_are_taken_for_two_kinds_alone(tmp_path: Path, models: Path) -> None:
    for name in ("upscale_models/a.pth", "upscale_models/b.ckpt", "embeddings/c.pt", "vae/a.pth"):
        put(models / name)
    files = files_of(tmp_path, models)
    for kind, name in (("upscale_models", "a.pth"), ("embeddings", "c.pt")):
        assert files.names(kind) == [name]
        assert files.path(kind, name).is_file()
    for kind, name in (("vae", "a.pth"), ("upscale_models", "b.ckpt")):
        with pytest.raises(FileProblem) as refused:
            files.path(kind, name)
        assert refused.value.code == "file.unsafe"


def test_the_first_folder_that_has_a_name_gives_it(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    put(ours / "vae" / "a.safetensors", "ours")
    put(theirs / "vae" / "a.safetensors", "theirs")
    put(theirs / "vae" / "b.safetensors", "theirs")
    files = files_of(tmp_path, ours, theirs)
    assert files.names("vae") == ["a.safetensors", "b.safetensors"]
    assert files.path("vae", "a.safetensors").read_text(encoding="utf-8") == "ours"


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("models/checkpoints", "checkpoints"),
        ("models/unet", "diffusion_models"),
        ("models/clip", "text_encoders"),
        ("models/Stable-diffusion", "checkpoints"),
        ("models/Lora", "loras"),
        ("models/VAE", "vae"),
        ("models/ESRGAN", "upscale_models"),
        ("embeddings", "embeddings"),
        ("extensions/sd-webui-controlnet/models", "controlnet"),
    ],
)
def test_another_programs_folder_can_be_given_as_it_is(
    tmp_path: Path, place: str, kind: str
) -> None:
    put(tmp_path / "theirs" / place / "m.safetensors")
    assert files_of(tmp_path, tmp_path / "theirs").names(kind) == ["m.safetensors"]


def test_a_diffusers_folder_is_one_entry(tmp_path: Path, models: Path) -> None:
    put(models / "checkpoints" / "sd" / "model_index.json", "{}")
    put(models / "checkpoints" / "sd" / "unet" / "model.safetensors")
    put(models / "diffusers" / "x" / "y" / "model_index.json", "{}")
    put(models / "text_encoders" / "t5" / "config.json", "{}")
    put(models / "text_encoders" / "t5" / "model.safetensors")
    files = files_of(tmp_path, models)
    assert files.names("checkpoints") == ["sd"]
    assert files.names("diffusers") == ["x/y"]
    assert files.names("text_encoders") == ["t5"]
    assert files.path("checkpoints", "sd").is_dir()
    before = files.stamp("checkpoints", "sd")
    put(models / "checkpoints" / "sd" / "unet" / "model.safetensors", "changed")
    assert files.stamp("checkpoints", "sd") != before


def test_a_plain_folder_is_no_checkpoint(tmp_path: Path, models: Path) -> None:
    put(models / "checkpoints" / "sdxl" / "a.safetensors")
    with pytest.raises(FileProblem) as refused:
        files_of(tmp_path, models).path("checkpoints", "sdxl")
    assert refused.value.code == "file.missing"


def test_new_and_removed_files_are_seen_at_once(tmp_path: Path, models: Path) -> None:
    files = files_of(tmp_path, models)
    assert files.names("loras") == []
    path = put(models / "loras" / "deep" / "a.safetensors")
    assert files.names("loras") == ["deep/a.safetensors"]
    path.unlink()
    assert files.names("loras") == []


def test_an_old_listing_is_kept_and_a_change_below_it_still_seen(
    tmp_path: Path, models: Path
) -> None:
    put(models / "loras" / "deep" / "a.safetensors")
    for folder in (models / "loras" / "deep", models / "loras"):
        os.utime(folder, (1_000_000, 1_000_000))
    files = files_of(tmp_path, models)
    first = files.listing("loras")
    assert files.listing("loras") is first
    put(models / "loras" / "deep" / "b.safetensors")
    assert list(files.listing("loras")) == ["deep/a.safetensors", "deep/b.safetensors"]


def test_a_link_out_of_the_models_is_neither_listed_nor_opened(
    tmp_path: Path, models: Path
) -> None:
    secret = put(tmp_path / "elsewhere" / "s.safetensors")
    (models / "loras").mkdir(parents=True)
    (models / "loras" / "s.safetensors").symlink_to(secret)
    (models / "loras" / "folder").symlink_to(secret.parent)
    files = files_of(tmp_path, models)
    assert files.names("loras") == []
    for name in ("s.safetensors", "folder/s.safetensors"):
        with pytest.raises(FileProblem) as refused:
            files.path("loras", name)
        assert refused.value.code == "file.outside"
    assert files_of(tmp_path, models, secret.parent).names("loras") == [
        "folder/s.safetensors",
        "s.safetensors",
    ]


def test_folders_that_link_to_themselves_are_read_once(tmp_path: Path, models: Path) -> None:
    put(models / "loras" / "a.safetensors")
    (models / "loras" / "again").symlink_to(models / "loras")
    assert files_of(tmp_path, models).names("loras") == ["a.safetensors"]


def test_an_input_may_lie_in_the_outputs_when_its_name_says_so(tmp_path: Path) -> None:
    put(tmp_path / "output" / "o.png")
    put(tmp_path / "input" / "i.png")
    files = files_of(tmp_path)
    assert files.path("input", "o.png [output]") == tmp_path / "output" / "o.png"
    assert files.path("input", "i.png [input]") == tmp_path / "input" / "i.png"
    choices = files.choices("input")
    assert "o.png [output]" in choices
    assert "i.png" in choices
    assert "../o.png [output]" not in choices
    assert "x.png [temp]" not in choices
    assert "i.png" in list(choices)
    assert "o.png [output]" not in list(choices)
    with pytest.raises(FileProblem):
        files.path("input", "../weft.sqlite [output]")


def test_latents_lie_among_inputs_and_outputs_and_pictures_are_none(tmp_path: Path) -> None:
    put(tmp_path / "input" / "a.latent")
    put(tmp_path / "input" / "b.png")
    put(tmp_path / "output" / "latents" / "c.latent")
    files = files_of(tmp_path)
    assert files.names("latents") == ["a.latent"]
    assert "a.latent" not in files.names("input")
    saved = files.path("latents", "latents/c.latent [output]")
    assert saved == tmp_path / "output" / "latents" / "c.latent"
    with pytest.raises(FileProblem):
        files.path("latents", "b.png")


def test_an_unknown_kind_and_a_missing_file_are_named(tmp_path: Path) -> None:
    files = files_of(tmp_path)
    with pytest.raises(FileProblem) as refused:
        files.names("secrets")
    assert refused.value.code == "file.kind"
    with pytest.raises(FileProblem) as refused:
        files.path("input", "none.png")
    assert refused.value.code == "file.missing"
    assert str(tmp_path) not in refused.value.message


def test_the_stamp_changes_with_the_file_and_not_without(tmp_path: Path) -> None:
    path = put(tmp_path / "input" / "a.png", "one")
    files = files_of(tmp_path)
    before = files.stamp("input", "a.png")
    assert files.stamp("input", "a.png") == before
    put(path, "other")
    assert files.stamp("input", "a.png") != before


def test_a_stamp_of_all_files_changes_with_each_of_them(tmp_path: Path, models: Path) -> None:
    put(models / "embeddings" / "a.safetensors")
    files = files_of(tmp_path, models)
    before = files.stamp("embeddings", "")
    assert files.stamp("embeddings", "") == before
    put(models / "embeddings" / "sub" / "b.safetensors")
    assert files.stamp("embeddings", "") != before
    assert files.stamp("embeddings", "embedding:b") == files.stamp(
        "embeddings", "sub/b.safetensors"
    )


def test_every_kind_can_be_listed(tmp_path: Path, models: Path) -> None:
    files = files_of(tmp_path, models)
    shipped = sorted(path.name for path in EXAMPLES.iterdir())
    found = {kind: files.names(kind) for kind in KINDS}
    assert found == {kind: shipped if kind == "input" else [] for kind in KINDS}


def test_the_pictures_of_the_shipped_workflows_are_inputs_and_give_way_to_the_users(
    tmp_path: Path,
) -> None:
    (name, *_) = sorted(path.name for path in EXAMPLES.iterdir())
    files = files_of(tmp_path)
    assert files.path("input", name) == EXAMPLES / name
    own = put(tmp_path / "input" / name)
    assert files.path("input", name) == own


def test_info_tells_size_and_time(tmp_path: Path) -> None:
    put(tmp_path / "input" / "a.png", "12345")
    info = files_of(tmp_path).info("input")[0]
    assert (info.name, info.size) == ("a.png", 5)
    assert info.modified > 1_600_000_000
