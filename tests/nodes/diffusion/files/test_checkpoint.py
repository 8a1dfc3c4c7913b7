"""Files and folders become models that compute what their weights compute, or a clear sentence."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from diffusers import DDIMScheduler
from safetensors.torch import save_file
from torch import Tensor

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_file import read_header, stamp
from nodes.diffusion.files.vae_file import load_vae
from nodes.diffusion.text.encoding import encode
from nodes.errors import FileProblem
from nodes.text import clip_set_last_layer
from nodes.types import Latent
from nodes.vae import vae_decode
from server.engine.result import shape_of
from tests.nodes.diffusion import tiny_models
from tests.nodes.diffusion.tiny_models import (
    SD1_TEXT,
    SD1_UNET,
    SD1_VAE,
    Parts,
    make_parts,
    tiny_parts,
    weft_config,
    write_checkpoint,
    write_tiny,
)


def eps(parts_unet: Any, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 4, 16, 16, generator=generator)
    text = torch.randn(1, 5, width, generator=generator)
    output: Tensor = parts_unet(x, torch.tensor([500]), text).sample
    return output


def same_weights(network: Any, other: Any) -> bool:
    mine, theirs = network.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in mine)


@cache
def tiny_sd1() -> Parts:
    return make_parts(SD1_UNET, SD1_VAE, SD1_TEXT)


@pytest.fixture(scope="module")
def sd1_parts() -> Parts:
    return tiny_sd1()


@pytest.fixture(scope="module")
def sd1_file(tmp_path_factory: pytest.TempPathFactory, sd1_parts: Parts) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("sd1") / "sd1.safetensors", sd1_parts, {})


def test_a_file_with_its_own_configuration_loads(tmp_path: Path) -> None:
    found = load_checkpoint(write_tiny(tmp_path / "tiny.safetensors"), "float32")
    parts = tiny_parts()
    assert same_weights(found.model.network, parts.unet)
    assert same_weights(found.vae.network, parts.vae)
    assert same_weights(found.clip.encoder, parts.text_encoder)
    assert torch.allclose(eps(found.model.network, 16), eps(parts.unet, 16), atol=1e-5)
    assert found.model.sampling.prediction == "v_prediction"
    assert found.vae.latent_format.scaling_factor == 0.5
    assert found.model.latent_format == found.vae.latent_format
    assert found.clip.tokenizer.ids("ab") == (37,)


def test_stable_diffusion_1_loads_by_its_shapes_alone(sd1_file: Path, sd1_parts: Parts) -> None:
    found = load_checkpoint(sd1_file, "float32")
    assert found.family == "stable-diffusion-v1"
    assert torch.allclose(eps(found.model.network, 768), eps(sd1_parts.unet, 768), atol=1e-5)
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    ours, theirs = (
        network.encode(picture).latent_dist.mean
        for network in (cast(Any, found.vae.network), sd1_parts.vae)
    )
    assert torch.allclose(ours, theirs, atol=1e-5)
    embeds, _ = encode(found.clip, "a photo of a cat")
    ids = [49406, 320, 1125, 539, 320, 2368] + [49407] * 71
    expected = sd1_parts.text_encoder(torch.tensor([ids])).last_hidden_state
    assert torch.allclose(embeds, expected, atol=1e-5)


def test_noise_levels_are_those_of_the_scheduler(sd1_file: Path) -> None:
    scheduler: Any = DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012
    )
    alphas = scheduler.alphas_cumprod.double()
    sigmas = load_checkpoint(sd1_file, "float32").model.sampling.sigmas
    assert torch.allclose(sigmas.double(), ((1 - alphas) / alphas).sqrt(), rtol=1e-4)


def test_weights_stay_on_disk_and_nothing_is_left_without_values(sd1_file: Path) -> None:
    found = load_checkpoint(sd1_file, "float32")
    networks = (found.model.network, found.clip.encoder, found.vae.network)
    parameters = [parameter for network in networks for parameter in network.parameters()]
    # Copies would lie apart; what is mapped lies within one stretch as long as the file.
    first = min(parameter.data_ptr() for parameter in parameters)
    last = max(parameter.data_ptr() + parameter.nbytes for parameter in parameters)
    assert last - first <= sd1_file.stat().st_size
    assert not any(parameter.requires_grad for parameter in parameters)
    assert not any(buffer.is_meta for network in networks for buffer in network.buffers())


def test_halves_are_cast_once_where_the_device_computes_in_float32(tmp_path: Path) -> None:
    halves = {name: tensor.half() for name, tensor in tiny_parts().ldm().items()}
    path = tmp_path / "half.safetensors"
    save_file(halves, path, {"weft.config": weft_config()})
    found = load_checkpoint(path, "float32")
    assert all(p.dtype == torch.float32 for p in found.model.network.parameters())
    assert (eps(found.model.network, 16) - eps(tiny_parts().unet, 16)).abs().max() < 0.05
    in_half = load_checkpoint(path, "float16")
    assert all(p.dtype == torch.float16 for p in in_half.model.network.parameters())
    assert all(p.dtype == torch.float32 for p in in_half.vae.network.parameters())


def test_the_key_follows_the_file(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "tiny.safetensors")
    first = load_checkpoint(path, "float32").model.key
    assert load_checkpoint(path, "float32").model.key == first
    path.touch()
    assert stamp(path) not in first


def test_old_names_of_the_text_encoder_are_read(tmp_path: Path) -> None:
    named = {
        name.replace("transformer.text_model.", "transformer."): tensor
        for name, tensor in tiny_parts().ldm().items()
    }
    path = tmp_path / "old.safetensors"
    save_file(named, path, {"weft.config": weft_config()})
    found = load_checkpoint(path, "float32")
    assert same_weights(found.clip.encoder, tiny_parts().text_encoder)


def test_averaged_copies_in_a_file_are_passed_over(tmp_path: Path) -> None:
    named = tiny_parts().ldm() | {"model_ema.decay": torch.ones(1)}
    path = tmp_path / "ema.safetensors"
    save_file(named, path, {"weft.config": weft_config()})
    assert same_weights(load_checkpoint(path, "float32").model.network, tiny_parts().unet)


def write_folder(folder: Path) -> Path:
    parts = tiny_parts()
    parts.unet.save_pretrained(folder / "unet")
    parts.vae.save_pretrained(folder / "vae")
    parts.text_encoder.save_pretrained(folder / "text_encoder")
    own = tiny_models.tiny_vocabulary()
    files = {
        "model_index.json": json.dumps({"_class_name": "StableDiffusionPipeline"}),
        "tokenizer/vocab.json": json.dumps(own["vocab"]),
        "tokenizer/merges.txt": "#version: 0.2\n" + "\n".join(" ".join(m) for m in own["merges"]),
        "scheduler/scheduler_config.json": json.dumps(tiny_models.SCHEDULER),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_diffusers_folder_loads(tmp_path: Path) -> None:
    found = load_checkpoint(write_folder(tmp_path / "model"), "float32")
    assert same_weights(found.model.network, tiny_parts().unet)
    assert same_weights(found.vae.network, tiny_parts().vae)
    assert same_weights(found.clip.encoder, tiny_parts().text_encoder)
    assert found.clip.tokenizer.ids("ab") == (37,)
    assert found.model.sampling.prediction == "v_prediction"


def remove(folder: Path, name: str) -> None:
    (folder / name).unlink()


def replace_text(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda f: remove(f, "model_index.json"), "model/model_index.json is missing"),
        (lambda f: remove(f, "unet/config.json"), "unet/config.json is missing"),
        (
            lambda f: remove(f, "vae/diffusion_pytorch_model.safetensors"),
            "model/vae has no weights",
        ),
        (lambda f: remove(f, "tokenizer/merges.txt"), "tokenizer of model is missing"),
        (lambda f: replace_text(f, "vae/config.json", "[1]"), "vae/config.json is damaged"),
        (
            lambda f: replace_text(f, "model_index.json", '{"_class_name": "WanPipeline"}'),
            "holds a WanPipeline",
        ),
    ],
)
def test_a_harmed_folder_is_told_by_what_is_wrong(
    tmp_path: Path, harm: Callable[[Path], None], sentence: str
) -> None:
    folder = write_folder(tmp_path / "model")
    harm(folder)
    with pytest.raises(FileProblem, match=sentence):
        load_checkpoint(folder, "float32")


def vae_alone(layout: str) -> dict[str, Tensor]:
    vae = make_parts(tiny_models.UNET, SD1_VAE, tiny_models.TEXT).vae
    if layout == "diffusers":
        return dict(vae.state_dict())
    if layout == "old diffusers":
        renamed = {}
        for name, tensor in vae.state_dict().items():
            for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value")):
                name = name.replace(f".{new}.", f".{old}.")
            renamed[name.replace(".to_out.0.", ".proj_attn.")] = tensor
        return renamed
    prefix = "first_stage_model." if layout == "ldm" else ""
    named = ldm_keys.vae_to_ldm(vae.state_dict(), SD1_VAE, prefix)
    return {name: tensor.contiguous() for name, tensor in named.items()}


@pytest.mark.parametrize("layout", ["ldm", "ldm alone", "diffusers", "old diffusers"])
def test_a_vae_of_its_own_loads_in_every_layout(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "vae.safetensors"
    save_file(vae_alone(layout) | {"loss.weight": torch.zeros(1)}, path)
    found = load_vae(path, "float32")
    assert same_weights(found.network, make_parts(tiny_models.UNET, SD1_VAE, tiny_models.TEXT).vae)
    assert found.latent_format.scaling_factor == 0.18215


def test_a_vae_loads_out_of_a_checkpoint_with_its_own_configuration(tmp_path: Path) -> None:
    found = load_vae(write_tiny(tmp_path / "tiny.safetensors"), "float32")
    assert same_weights(found.network, tiny_parts().vae)
    assert found.latent_format.scaling_factor == 0.5


def test_a_vae_that_names_sdxl_has_its_scale(tmp_path: Path) -> None:
    path = tmp_path / "vae.safetensors"
    save_file(vae_alone("ldm"), path, {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"})
    assert load_vae(path, "float32").latent_format.scaling_factor == 0.13025


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        (b"", "checkpoint.truncated", "is empty"),
        (b"PK\x03\x04" + b"x" * 100, "checkpoint.pickle", "can run any program"),
        (b"\x80\x02}q\x00" + b"x" * 100, "checkpoint.pickle", "can run any program"),
        (b"<!DOCTYPE html><html>" + b" " * 100, "checkpoint.format", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "checkpoint.format", "Git LFS"),
        (b"GGUF" + b"\0" * 100, "checkpoint.format", "a GGUF file"),
        (b"\xff" * 100, "checkpoint.format", "no safetensors file"),
        ((50).to_bytes(8, "little") + b"{" + b"x" * 60, "checkpoint.damaged", "header"),
        ((9000).to_bytes(8, "little") + b"{", "checkpoint.truncated", "incomplete"),
    ],
)
def test_files_that_are_something_else_get_a_sentence(
    tmp_path: Path, content: bytes, code: str, sentence: str
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(FileProblem, match=sentence) as caught:
        load_checkpoint(path, "float32")
    assert caught.value.code == code
    assert str(tmp_path) not in caught.value.message


def test_a_broken_off_download_is_told(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "tiny.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(FileProblem, match="incomplete"):
        load_checkpoint(path, "float32")
    path.write_bytes(whole)
    assert read_header(path).metadata.keys() == {"weft.config"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: w.pop("model.diffusion_model.out.2.bias"), "UNet in this file lacks conv_out"),
        (
            lambda w: w.update({"model.diffusion_model.out.2.bias": torch.zeros(5)}),
            r"should have the shape \(4,\), and has \(5,\)",
        ),
        (
            lambda w: w.update({"first_stage_model.stray": torch.zeros(5)}),
            "not in a VAE of this configuration: first_stage_model.stray",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(
    tmp_path: Path, change: Callable[[dict[str, Tensor]], object], sentence: str
) -> None:
    weights = tiny_parts().ldm()
    change(weights)
    path = tmp_path / "model.safetensors"
    save_file(weights, path, {"weft.config": weft_config()})
    with pytest.raises(FileProblem, match=sentence):
        load_checkpoint(path, "float32")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"unet": None}, "says too little"),
        ({"vae": {"block_out_channels": [4]}}, "says too little"),
        ({"scheduler": {"prediction_type": "magic"}}, "predicts 'magic'"),
        ({"text_encoder": {"vocab_size": 5}}, "knows 5 tokens"),
        ({"tokenizer": {"vocab": {}}}, "vocabulary"),
    ],
)
def test_a_wrong_configuration_is_told(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    path = tmp_path / "model.safetensors"
    save_file(
        tiny_parts().ldm(), path, {"weft.config": json.dumps(json.loads(weft_config()) | change)}
    )
    with pytest.raises(FileProblem, match=sentence):
        load_checkpoint(path, "float32")


def test_an_editing_model_is_told_by_its_eight_channels(tmp_path: Path) -> None:
    unet = SD1_UNET | {"in_channels": 8}
    path = write_checkpoint(tmp_path / "edit.safetensors", make_parts(unet, SD1_VAE, SD1_TEXT), {})
    assert load_checkpoint(path, "float32").family == "stable-diffusion-v1-edit"


def test_a_part_that_a_file_lacks_is_missed_where_it_is_used(tmp_path: Path) -> None:
    only_unet = {n: t for n, t in tiny_sd1().ldm().items() if n.startswith(ldm_keys.UNET_PREFIX)}
    path = tmp_path / "unet.safetensors"
    save_file(only_unet, path)
    found = load_checkpoint(path, "float32")
    assert found.model.latent_format.scaling_factor == 0.18215
    with pytest.raises(FileProblem, match=r"unet\.safetensors holds no text encoder"):
        encode(found.clip, "a cat")
    with pytest.raises(FileProblem, match=r"unet\.safetensors holds no VAE"):
        vae_decode(Latent(torch.zeros(1, 4, 2, 2)), found.vae)
    with pytest.raises(FileProblem, match="holds no text encoder"):
        clip_set_last_layer(found.clip, -2)
    # The engine looks at what a node gave: that is no use.
    assert shape_of(found.clip) is None
    assert shape_of(found.vae) is None
