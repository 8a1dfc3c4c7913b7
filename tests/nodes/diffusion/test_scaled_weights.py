"""Weights in 8 bits with a factor beside them stay so, and are what their products say."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from nodes.diffusion.by_layer import kept_values
from nodes.diffusion.lora import model_with_lora, read_lora
from nodes.diffusion.merging import merged_models
from nodes.diffusion.placement import place
from nodes.diffusion.scaled_weights import factors_apart
from nodes.diffusion.separate_parts import load_denoiser
from nodes.diffusion.text_keys import text_places
from nodes.loaders import clip_loader
from tests.nodes.diffusion.t5_files import t5_weights, write_spiece
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


@pytest.mark.parametrize("mark", ["scale_weight", "weight_scale"])
def test_weights_of_8_bits_stay_and_layers_apply_the_factor_beside_them(
    tmp_path: Path, mark: str
) -> None:
    save_file(scaled(original(transformer("schnell"), ""), mark), tmp_path / "fp8.safetensors")
    found = load_denoiser(tmp_path / "fp8.safetensors", "float32")
    made: Any = found.network
    for name, weight in transformer("schnell").state_dict().items():
        path, _, kind = name.rpartition(".")
        layer = made.get_submodule(path)
        assert made.state_dict()[name].dtype == (FINE if weight.ndim > 1 else torch.float32)
        assert torch.allclose(getattr(layer, kind), weight, rtol=0.07, atol=1e-3)
        # Copies on a device, and what LoRAs and merges read, are the same.
        on_device = place(made, torch.device("cpu"), 1 << 40).module.get_submodule(path)
        kept = kept_values(layer, kind)
        assert kept is not None
        assert torch.equal(getattr(on_device, kind), getattr(layer, kind))
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
    halves = merged_models(model, changed, lambda _: (0.5, 0.5), "half").network
    merged: Any = halves.get_submodule(name)
    torch.testing.assert_close(merged.weight, before.weight + 5e-4)
    untouched: Any = halves.get_submodule("single_transformer_blocks.1.attn.to_q")
    same: Any = model.network.get_submodule("single_transformer_blocks.1.attn.to_q")
    torch.testing.assert_close(untouched.weight, same.weight)


def test_factors_of_rows_are_multiplied_in(tmp_path: Path) -> None:
    stored = scaled(original(transformer("schnell"), ""), "weight_scale", rows=True)
    save_file(stored, tmp_path / "rows.safetensors")
    made: Any = load_denoiser(tmp_path / "rows.safetensors", "float32").network
    for name, weight in transformer("schnell").state_dict().items():
        assert torch.allclose(made.state_dict()[name], weight, rtol=0.07, atol=1e-3)


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
    assert factors["shared"] == pytest.approx(float(stored["encoder.embed_tokens.weight_scale"]))
