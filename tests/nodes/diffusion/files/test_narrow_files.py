"""Files in 8 bits, the choice of 8 bits, and halves that stay as they are, through the loaders."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nodes.diffusion.memory.modules import module_bytes
from nodes.diffusion.memory.precision import WIDENING
from nodes.diffusion.text.encoding import encode
from nodes.loaders import clip_loader, lora_loader_model_only, unet_loader
from nodes.sampling import k_sampler
from nodes.types import Latent
from tests.nodes.diffusion.family_files import text_with_projection, unet, write
from tests.nodes.diffusion.tiny_sampling import prompt
from tests.nodes.folder_context import FolderContext

FINE = torch.float8_e4m3fn
EMPTY = Latent(torch.zeros(1, 4, 8, 8))
LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    for kind in ("diffusion_models", "text_encoders", "loras"):
        (tmp_path / kind).mkdir()
    return FolderContext(tmp_path)


def sampled(model: Any) -> Tensor:
    texts = prompt(1, width=1024), prompt(2, width=1024)
    return k_sampler(model, *texts, EMPTY, seed=3, steps=2).samples


def write_half(path: Path, network: nn.Module) -> None:
    write(path, {name: weight.half() for name, weight in network.state_dict().items()})


def both(load: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Load with weights that are cast, and with weights that stay."""
    cast = load()
    monkeypatch.setattr(WIDENING, "most_bytes", 0)
    return cast, load()


def weight_of(model: Any) -> Tensor:
    weight: Tensor = model.network.get_submodule(LAYER).weight
    return weight


def test_a_file_in_8_bits_stays_so_and_samples_as_its_values_say(host: FolderContext) -> None:
    folder = host.root / "diffusion_models"
    small = {name: weight.to(FINE) for name, weight in unet("sd2").state_dict().items()}
    write(folder / "small.safetensors", small)
    write(folder / "same.safetensors", {name: weight.float() for name, weight in small.items()})
    kept, same = (unet_loader(f"{name}.safetensors", ctx=host) for name in ("small", "same"))
    assert {weight.dtype for weight in kept.network.state_dict().values()} == {FINE}
    assert 4 * module_bytes(kept.network) == module_bytes(same.network)
    torch.testing.assert_close(sampled(kept), sampled(same), rtol=1e-4, atol=1e-5)


def test_8_bits_can_be_chosen_for_any_file(host: FolderContext) -> None:
    write(host.root / "diffusion_models" / "a.safetensors", unet("sd2").state_dict())
    whole = unet_loader("a.safetensors", ctx=host)
    kept = unet_loader("a.safetensors", "fp8_e4m3fn", ctx=host)
    fast = unet_loader("a.safetensors", "fp8_e4m3fn_fast", ctx=host)
    assert len({whole.key, kept.key, unet_loader("a.safetensors", "fp8_e5m2", ctx=host).key}) == 3
    assert module_bytes(kept.network) < 0.26 * module_bytes(whole.network)
    assert torch.equal(sampled(kept), sampled(fast))
    near = torch.corrcoef(torch.stack([sampled(kept).flatten(), sampled(whole).flatten()]))
    assert 0.9 < near[0, 1] < 1


def test_a_lora_on_8_bits_is_not_rounded_to_them(host: FolderContext) -> None:
    write(host.root / "diffusion_models" / "a.safetensors", unet("sd2").state_dict())
    model = unet_loader("a.safetensors", "fp8_e4m3fn", ctx=host)
    before: Any = model.network.get_submodule(LAYER)
    change = {
        f"unet.{LAYER}.lora_A.weight": torch.full((1, before.in_features), 1e-4),
        f"unet.{LAYER}.lora_B.weight": torch.ones(before.out_features, 1),
    }
    write(host.root / "loras" / "a.safetensors", change)
    changed = lora_loader_model_only(model, "a.safetensors", ctx=host)
    after: Any = changed.network.get_submodule(LAYER)
    torch.testing.assert_close(after.weight, before.weight + 1e-4)
    assert before.state_dict()["weight"].dtype == FINE


def test_a_text_encoder_in_8_bits_reads_as_its_values_say(host: FolderContext) -> None:
    folder = host.root / "text_encoders"
    text = text_with_projection(1280)
    small = {name: weight.to(FINE) for name, weight in text.state_dict().items()}
    write(folder / "small.safetensors", small)
    write(folder / "same.safetensors", {name: weight.float() for name, weight in small.items()})
    kept, same = (clip_loader(f"{name}.safetensors", ctx=host) for name in ("small", "same"))
    for one, other in zip(
        encode(kept, "a (red:1.2) cat"), encode(same, "a (red:1.2) cat"), strict=True
    ):
        assert isinstance(one, Tensor)
        assert isinstance(other, Tensor)
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert FINE in {weight.dtype for weight in kept.encoder.state_dict().values()}


def test_a_denoiser_that_stays_narrow_takes_half_the_memory_and_samples_the_same(
    host: FolderContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_half(host.root / "diffusion_models" / "a.safetensors", unet("sd2"))
    cast, narrow = both(lambda: unet_loader("a.safetensors", ctx=host), monkeypatch)
    assert module_bytes(narrow.network) < 0.52 * module_bytes(cast.network)
    assert (narrow.dtype, narrow.key) == (cast.dtype, cast.key)
    assert torch.equal(sampled(narrow), sampled(cast))


def test_a_lora_on_what_stays_narrow_is_not_rounded(
    host: FolderContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_half(host.root / "diffusion_models" / "a.safetensors", unet("sd2"))
    cast, narrow = both(lambda: unet_loader("a.safetensors", ctx=host), monkeypatch)
    width = cast.network.get_submodule(LAYER).in_features
    change = {
        f"unet.{LAYER}.lora_A.weight": torch.full((1, width), 1e-6),
        f"unet.{LAYER}.lora_B.weight": torch.ones(width, 1),
    }
    write(host.root / "loras" / "a.safetensors", change)
    changed = [lora_loader_model_only(model, "a.safetensors", ctx=host) for model in (cast, narrow)]
    one, other, before = (weight_of(model) for model in (*changed, cast))
    assert torch.equal(one, other)
    assert not torch.equal(one, before)
    assert torch.equal(*map(sampled, changed))


def test_a_text_encoder_that_stays_narrow_reads_the_same(
    host: FolderContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_half(host.root / "text_encoders" / "a.safetensors", text_with_projection(1280))
    cast, narrow = both(lambda: clip_loader("a.safetensors", ctx=host), monkeypatch)
    assert torch.float16 in {weight.dtype for weight in narrow.encoder.state_dict().values()}
    for one, other in zip(
        encode(cast, "a (red:1.2) cat"), encode(narrow, "a (red:1.2) cat"), strict=True
    ):
        assert isinstance(one, Tensor)
        assert isinstance(other, Tensor)
        assert torch.equal(one, other)
