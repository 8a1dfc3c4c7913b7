"""Parts of a pipeline load as folders of their own, as they lie in it."""

from pathlib import Path
from typing import Any

import pytest
import torch

from nodes.errors import FileProblem, NodeError
from nodes.loaders import clip_loader, dual_clip_loader, unet_loader, vae_loader
from nodes.sampling import k_sampler
from nodes.text import clip_text_encode
from nodes.types import Latent
from tests.nodes.diffusion.family_files import text_with_projection, unet
from tests.nodes.diffusion.t5_files import t5, write_spiece
from tests.nodes.diffusion.transformer_checkpoints import (
    close,
    encoded,
    loaded,
    t5_states,
    vae_of,
)
from tests.nodes.folder_context import FolderContext


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    return FolderContext(tmp_path)


def same_weights(network: Any, other: Any) -> bool:
    mine, theirs = network.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in mine)


@pytest.mark.parametrize("family", ["sd3", "flux"])
def test_the_folder_of_a_vae_tells_its_scale(host: FolderContext, family: str) -> None:
    vae_of(family).save_pretrained(host.root / "vae" / "own")
    vae = vae_loader("own", ctx=host)
    assert same_weights(vae.network, vae_of(family))
    assert vae.latent_format.scaling_factor == vae_of(family).config.scaling_factor
    assert vae.latent_format.shift == vae_of(family).config.shift_factor


def test_the_folder_of_a_unet_loads(host: FolderContext) -> None:
    unet("sd2").save_pretrained(host.root / "diffusion_models" / "own", max_shard_size="1MB")
    assert same_weights(unet_loader("own", ctx=host).network, unet("sd2"))


def test_folders_of_clip_and_t5_are_read_together(host: FolderContext) -> None:
    folder = host.root / "text_encoders"
    text_with_projection(768).save_pretrained(folder / "clip_l")
    t5().save_pretrained(folder / "t5", max_shard_size="1MB")
    assert len(list((folder / "t5").glob("*.safetensors"))) > 1
    write_spiece(folder)
    both = dual_clip_loader("clip_l", "t5", "flux", ctx=host)
    assert close(encoded(both).embeds, t5_states(256))
    alone = encoded(clip_loader("clip_l", ctx=host))
    whole = text_with_projection(768).text_model
    ids = torch.tensor([[49406, 320, 736, 2368] + [49407] * 73])
    assert close(alone.embeds, whole(ids).last_hidden_state)


def test_a_folder_whose_files_are_missing_is_told(host: FolderContext) -> None:
    t5().save_pretrained(host.root / "text_encoders" / "t5", max_shard_size="1MB")
    last = sorted((host.root / "text_encoders" / "t5").glob("*.safetensors"))[-1]
    last.unlink()
    with pytest.raises(FileProblem, match=f"{last.name} cannot be read"):
        clip_loader("t5", "sd3", ctx=host)
    (host.root / "vae" / "empty").mkdir(parents=True)
    with pytest.raises(FileProblem, match=r"empty/config\.json is missing"):
        vae_loader("empty", ctx=host)
    (host.root / "diffusion_models" / "empty").mkdir(parents=True)
    with pytest.raises(FileProblem, match=r"diffusion_models/empty has no weights"):
        unet_loader("empty", ctx=host)


def test_a_prompt_of_sdxl_is_refused_by_flux_in_words(models: FolderContext) -> None:
    pair = dual_clip_loader("l.safetensors", "g.safetensors", "sdxl", ctx=models)
    text = clip_text_encode("a red cat", pair)
    flux = loaded(models, "schnell").model
    with pytest.raises(NodeError, match="summary has 1280 numbers, but the model reads 768"):
        k_sampler(flux, text, text, Latent(torch.zeros(1, 16, 4, 4)), steps=1)


def test_a_latent_of_four_channels_is_refused_in_words(models: FolderContext) -> None:
    found = loaded(models, "schnell")
    text = clip_text_encode("a red cat", found.clip)
    with pytest.raises(NodeError, match="has 4 channels, but the model works on 16"):
        k_sampler(found.model, text, text, Latent(torch.ones(1, 4, 4, 4)), steps=1)
