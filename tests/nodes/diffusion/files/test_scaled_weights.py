"""Weights in 8 bits with a factor beside them stay so, and are what their products say."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from nodes.diffusion.adapters.lora import model_with_lora, read_lora
from nodes.diffusion.adapters.merging import merged_models
from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.model_files import denoiser_weights
from nodes.diffusion.files.scaled_weights import factors_apart
from nodes.diffusion.files.separate_parts import load_denoiser
from nodes.diffusion.files.text_keys import text_places
from nodes.diffusion.memory.by_layer import kept_values
from nodes.diffusion.memory.placement import place
from nodes.diffusion.memory.precision import kept_in
from nodes.loaders import clip_loader
from nodes.sampling import k_sampler
from nodes.types import Latent, Model
from tests.nodes.diffusion.family_files import unet
from tests.nodes.diffusion.t5_files import t5_weights, write_spiece
from tests.nodes.diffusion.tiny_sampling import prompt
from tests.nodes.diffusion.transformer_checkpoints import close, encoded
from tests.nodes.diffusion.transformer_files import original, transformer
from tests.nodes.folder_context import FolderContext

FINE = torch.float8_e4m3fn


def scaled(weights: dict[str, Tensor], mark: str, rows: bool = False) -> dict[str, Tensor]:
    """Keep matrices in 8 bits, with a factor for each or for each of its rows."""
    stored: dict[str, Tensor] = {"scaled_fp8": torch.zeros(0, dtype=FINE)}
    for name, weight in weights.items():
        if weight.ndim < 2:
            stored[name] = weight
            continue
        most = weight.abs().flatten(1).amax(1) if rows else weight.abs().max()
        factor = most / 448
        stored[name] = (weight / factor.reshape(-1, *[1] * (weight.ndim - 1))).to(FINE)
        stored[name.removesuffix("weight") + mark] = factor
        stored[name.removesuffix("weight") + "scale_input"] = torch.ones(())
    return stored


MARKS = pytest.mark.parametrize(
    ("mark", "rows"), [("scale_weight", False), ("weight_scale", False), ("weight_scale", True)]
)


@MARKS
def test_weights_of_8_bits_stay_and_layers_apply_the_factor_beside_them(
    tmp_path: Path, mark: str, rows: bool
) -> None:
    stored = scaled(original(transformer("schnell"), ""), mark, rows)
    save_file(stored, tmp_path / "fp8.safetensors")
    made = load_denoiser(tmp_path / "fp8.safetensors", "float32").network
    check_kept(made, transformer("schnell"))


@MARKS
@pytest.mark.parametrize("layout", ["checkpoint", "alone", "diffusers"])
def test_those_of_a_unet_stay_too(tmp_path: Path, layout: str, mark: str, rows: bool) -> None:
    weights = dict(unet("sdxl").state_dict())
    if layout != "diffusers":
        prefix = ldm_keys.UNET_PREFIX if layout == "checkpoint" else ""
        named = ldm_keys.unet_to_ldm(weights, dict(unet("sdxl").config))
        start = len(ldm_keys.UNET_PREFIX) - len(prefix)
        weights = {name[start:]: tensor for name, tensor in named.items()}
    save_file(scaled(weights, mark, rows), tmp_path / "fp8.safetensors")
    load = load_checkpoint_model if layout == "checkpoint" else load_denoiser
    check_kept(load(tmp_path / "fp8.safetensors", "float32").network, unet("sdxl"))


def load_checkpoint_model(path: Path, dtype: str) -> Model:
    return load_checkpoint(path, dtype).model


def check_kept(made: Any, source: Any) -> None:
    """Check that matrices are in 8 bits, and work as the network's that they were made of."""
    stored = made.state_dict()
    assert stored.keys() == source.state_dict().keys()
    on_device = place(made, torch.device("cpu"), 1 << 40).module
    for name, weight in source.state_dict().items():
        path, _, kind = name.rpartition(".")
        layer = made.get_submodule(path)
        assert stored[name].dtype == (FINE if weight.ndim > 1 else torch.float32)
        assert torch.allclose(getattr(layer, kind), weight, rtol=0.07, atol=1e-3)
        # Copies on a device, and what LoRAs and merges read, are the same.
        kept = kept_values(layer, kind)
        assert kept is not None
        assert torch.equal(getattr(on_device.get_submodule(path), kind), getattr(layer, kind))
        assert torch.equal(kept, getattr(layer, kind))


def test_a_change_of_scaled_weights_is_not_scaled_again(tmp_path: Path) -> None:
    save_file(scaled(original(transformer("schnell"), ""), "scale_weight"), tmp_path / "a.sft")
    model = load_denoiser(tmp_path / "a.sft", "float32")
    name = "single_transformer_blocks.0.attn.to_q"
    before: Any = model.network.get_submodule(name)
    change = {
        f"transformer.{name}.lora_A.weight": torch.full((1, before.in_features), 1e-3),
        f"transformer.{name}.lora_B.weight": torch.ones(before.out_features, 1),
    }
    save_file(change, tmp_path / "lora.safetensors")
    lora = read_lora(tmp_path / "lora.safetensors")
    changed, _ = model_with_lora(model, lora, 1.0)
    after: Any = changed.network.get_submodule(name)
    torch.testing.assert_close(after.weight, before.weight + 1e-3)
    # What was changed may be kept in 8 bits again, without the factor that it had.
    kept: Any = kept_in(changed.network, FINE).get_submodule(name)
    assert kept.state_dict()["weight"].dtype == FINE
    torch.testing.assert_close(kept.weight, after.weight, rtol=0.07, atol=2e-3)
    torch.testing.assert_close(after.weight, before.weight + 1e-3)
    halves = merged_models((model, changed), lambda _: (0.5, 0.5), "half").network
    merged: Any = halves.get_submodule(name)
    torch.testing.assert_close(merged.weight, before.weight + 5e-4)
    untouched: Any = halves.get_submodule("single_transformer_blocks.1.attn.to_q")
    same: Any = model.network.get_submodule("single_transformer_blocks.1.attn.to_q")
    torch.testing.assert_close(untouched.weight, same.weight)


def test_a_unet_in_scaled_8_bits_samples_as_its_products_say(tmp_path: Path) -> None:
    stored = scaled(unet("sd2").state_dict(), "weight_scale", rows=True)
    save_file(stored, tmp_path / "kept.safetensors")
    products = {
        name: weight.float() * stored[mark].reshape(-1, *[1] * (weight.ndim - 1))
        if (mark := name.removesuffix("weight") + "weight_scale") in stored
        else weight
        for name, weight in stored.items()
        if "scale" not in name
    }
    save_file(products, tmp_path / "same.safetensors")
    texts = prompt(1, width=1024), prompt(2, width=1024)
    empty = Latent(torch.zeros(1, 4, 8, 8))
    kept, same = (
        k_sampler(load_denoiser(tmp_path / f"{name}.safetensors", "float32"), *texts, empty, 3, 2)
        for name in ("kept", "same")
    )
    torch.testing.assert_close(kept.samples, same.samples, rtol=1e-4, atol=1e-5)


def test_what_is_saved_again_has_its_factors_multiplied_in(tmp_path: Path) -> None:
    save_file(scaled(unet("sd2").state_dict(), "weight_scale", rows=True), tmp_path / "a.sft")
    written = denoiser_weights(load_denoiser(tmp_path / "a.sft", "float32"))
    named = ldm_keys.unet_to_ldm(unet("sd2").state_dict(), dict(unet("sd2").config))
    assert written.keys() == named.keys()
    for name, weight in named.items():
        assert torch.allclose(written[name].float(), weight, rtol=0.07, atol=1e-3)


def test_t5_in_scaled_8_bits_reads_as_its_products_say(tmp_path: Path) -> None:
    folder = tmp_path / "text_encoders"
    write_spiece(folder)
    stored = scaled(t5_weights(), "scale_weight")
    save_file(stored, folder / "kept.safetensors")
    products = {
        name: weight.float() * stored.get(name.removesuffix("weight") + "scale_weight", 1.0)
        for name, weight in stored.items()
        if "scale" not in name
    }
    save_file(products, folder / "same.safetensors")
    host = FolderContext(tmp_path)
    kept, same = (clip_loader(f"{name}.safetensors", "sd3", ctx=host) for name in ("kept", "same"))
    assert close(encoded(kept).embeds, encoded(same).embeds)
    weight = kept.encoder.state_dict()["encoder.block.0.layer.0.SelfAttention.q.weight"]
    assert weight.dtype == FINE


def test_words_under_their_second_name_keep_their_factor() -> None:
    weights = {
        name.replace("shared.", "encoder.embed_tokens."): w for name, w in t5_weights().items()
    }
    stored = scaled(weights, "weight_scale")
    (found,) = text_places({name: tuple(t.shape) for name, t in stored.items()})
    own, factors = factors_apart(found.weights(stored))
    assert own.keys() == t5_weights().keys()
    assert float(factors["shared"]) == pytest.approx(
        float(stored["encoder.embed_tokens.weight_scale"])
    )
