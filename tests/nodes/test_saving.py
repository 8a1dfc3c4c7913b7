"""Models that are saved are read back as they were."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_file import read_weights
from nodes.diffusion.files.separate_parts import load_clip, load_denoiser
from nodes.diffusion.files.vae_file import load_vae
from nodes.diffusion.text.encoding import encode
from nodes.errors import FileProblem, NodeError
from nodes.merging import model_merge_simple
from nodes.saving import checkpoint_save, clip_save, model_save, vae_save
from nodes.types import Clip
from tests.nodes.diffusion.family_files import file_of, write
from tests.nodes.diffusion.files.test_scaled_weights import scaled
from tests.nodes.diffusion.t5_files import write_spiece
from tests.nodes.diffusion.tiny_sampling import tiny_model
from tests.nodes.diffusion.transformer_checkpoints import TEXTS
from tests.nodes.diffusion.transformer_checkpoints import file_of as transformer_file
from tests.nodes.diffusion.transformer_files import original, transformer
from tests.nodes.folder_context import FolderContext

PROMPT = "a (red:1.2) cat"


def same(one: nn.Module, two: nn.Module) -> bool:
    mine, theirs = one.state_dict(), two.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[n], theirs[n]) for n in mine)


def says(clip: Clip) -> list[Tensor]:
    return [each for each in encode(clip, PROMPT) if each is not None]


def alike(one: list[Tensor], two: list[Tensor]) -> bool:
    return len(one) == len(two) and all(
        torch.allclose(a, b, atol=1e-5) for a, b in zip(one, two, strict=True)
    )


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    return FolderContext(tmp_path)


def saved(host: FolderContext, number: int = -1) -> Path:
    return host.saved[number][0]


@pytest.mark.parametrize("name", ["sd2", "sdxl", "refiner", "sd3", "flux", "schnell"])
def test_a_checkpoint_comes_back_whole(host: FolderContext, name: str) -> None:
    joint = name in ("sd3", "flux", "schnell")
    weights = transformer_file(name, TEXTS) if joint else file_of(name)
    write_spiece(host.root)
    found = load_checkpoint(write(host.root / "a.safetensors", weights), "float32")
    checkpoint_save(found.model, found.clip, found.vae, "b", ctx=host)
    back = load_checkpoint(saved(host), "float32")
    assert back.family == found.family
    assert same(back.model.network, found.model.network)
    assert same(back.vae.network, found.vae.network)
    assert back.vae.latent_format == found.vae.latent_format
    assert alike(says(back.clip), says(found.clip))
    if not joint:
        # The names are the original ones, but for what nobody reads.
        lost = weights.keys() - read_weights(saved(host), lambda _: True).keys()
        assert all(name.endswith((".logit_scale", ".text_projection")) for name in lost)


def test_a_merged_model_is_saved_as_it_is_now(host: FolderContext) -> None:
    path = write(host.root / "a.safetensors", file_of("sdxl"))
    found = load_checkpoint(path, "float32")
    other: Any = load_checkpoint(path, "float32").model
    merged = model_merge_simple(found.model, other, 0.25)
    model_save(merged, "b", ctx=host)
    assert same(load_denoiser(saved(host), "float32").network, merged.network)


def test_parts_are_saved_as_files_of_their_own(host: FolderContext) -> None:
    found = load_checkpoint(write(host.root / "a.safetensors", file_of("sdxl")), "float32")
    vae_save(found.vae, "vae", ctx=host)
    vae = load_vae(saved(host), "float32")
    assert same(vae.network, found.vae.network)
    assert vae.latent_format == found.vae.latent_format
    clip_save(found.clip, "clip", ctx=host)
    assert ["clip_l" in path.name for path, _ in host.saved] == [False, True, False]
    clip = load_clip([saved(host, 1), saved(host, 2)], "float32")
    assert alike(says(clip), says(found.clip))


def test_velocity_is_told_in_the_file(host: FolderContext) -> None:
    weights = file_of("sdxl") | {"v_pred": torch.zeros(0)}
    found = load_checkpoint(write(host.root / "a.safetensors", weights), "float32")
    model_save(found.model, "b", ctx=host)
    assert load_denoiser(saved(host), "float32").sampling.prediction == "v_prediction"


def test_scaled_weights_are_saved_as_their_products(host: FolderContext) -> None:
    stored = scaled(original(transformer("schnell"), ""), "scale_weight")
    model = load_denoiser(write(host.root / "a.safetensors", stored), "float32")
    model_save(model, "b", ctx=host)
    back: Any = load_denoiser(saved(host), "float32").network
    given: Any = model.network
    name = "transformer_blocks.0.attn.to_q"
    assert torch.allclose(
        back.get_submodule(name).weight, given.get_submodule(name).weight, rtol=1e-2
    )


def test_what_could_not_be_read_back_is_refused(host: FolderContext) -> None:
    with pytest.raises(NodeError, match="could not be read back"):
        model_save(tiny_model(), ctx=host)
    bare = {n: t for n, t in file_of("sdxl").items() if n.startswith("model.diffusion_model.")}
    found = load_checkpoint(write(host.root / "a.safetensors", bare), "float32")
    with pytest.raises(FileProblem, match="holds no text encoder"):
        checkpoint_save(found.model, found.clip, found.vae, ctx=host)
