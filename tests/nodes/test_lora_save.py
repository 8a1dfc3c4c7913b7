"""What is extracted from a difference brings one model to the other."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nodes.diffusion.text.tokenizer import clip_vocabulary
from nodes.errors import NodeError
from nodes.loaders import lora_loader, lora_loader_model_only
from nodes.merging import clip_merge_subtract, model_merge_subtract
from nodes.saving import lora_save
from nodes.types import Clip, Model
from tests.nodes.diffusion.family_files import text_with_projection
from tests.nodes.diffusion.tiny_sampling import EPSILON, FORMAT, tiny_model
from tests.nodes.diffusion.transformer_files import transformer
from tests.nodes.folder_context import FolderContext

RANK = 4


def tuned(network: nn.Module) -> Any:
    """Change some layers by a low rank, and vectors and biases by any amount."""
    changed = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(3)
    for name, parameter in changed.named_parameters():
        if "attn" not in name and "norm" not in name and "conv_in" not in name:
            continue
        shape = parameter.shape
        if parameter.ndim < 2:
            change = torch.randn(shape, generator=generator)
        else:
            rows, columns = shape[0], parameter[0].numel()
            left = torch.randn(rows, RANK, generator=generator)
            change = (left @ torch.randn(RANK, columns, generator=generator)).reshape(shape)
        parameter.data = parameter.data + 0.05 * change
    return changed.requires_grad_(False).eval()


def close(one: nn.Module, two: nn.Module) -> bool:
    mine, theirs = one.state_dict(), two.state_dict()
    # The file is in half precision.
    return all(torch.allclose(mine[n], theirs[n], atol=2e-3) for n in mine)


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    return FolderContext(tmp_path)


def unet() -> Model:
    return tiny_model()


def flux() -> Model:
    return Model(transformer("schnell"), EPSILON, FORMAT, "float32", "flux")


@pytest.mark.parametrize("make", [unet, flux])
@pytest.mark.parametrize("kind", ["standard", "full_diff"])
def test_the_lora_of_a_difference_gives_the_tuned_model(
    host: FolderContext, make: Any, kind: str
) -> None:
    base = make()
    other = Model(tuned(base.network), EPSILON, FORMAT, "float32", "tuned")
    difference = model_merge_subtract(other, base)
    lora_save("loras/made", RANK, kind, True, difference, ctx=host)
    (path, _), *_ = host.saved
    again = lora_loader_model_only(base, path.name, ctx=host)
    assert close(again.network, other.network)
    assert not close(base.network, other.network)
    assert host.warnings == []


def test_a_smaller_rank_is_farther_and_a_smaller_file(host: FolderContext) -> None:
    base = tiny_model()
    other = Model(tuned(base.network), EPSILON, FORMAT, "float32", "tuned")
    difference = model_merge_subtract(other, base)
    lora_save("loras/small", 1, "standard", False, difference, ctx=host)
    lora_save("loras/large", RANK, "standard", True, difference, ctx=host)
    small, large = (path for path, _ in host.saved)
    assert small.stat().st_size < large.stat().st_size
    made = lora_loader_model_only(base, small.name, ctx=host).network
    assert not close(made, other.network)
    name = "conv_in"
    bias: Any = made.get_submodule(name).bias
    kept: Any = base.network.get_submodule(name).bias
    assert torch.equal(bias, kept)


def test_text_encoders_are_extracted_too(host: FolderContext) -> None:
    encoder = text_with_projection(768).text_model
    base = Clip(encoder, clip_vocabulary(), "l")
    other = Clip(tuned(encoder), clip_vocabulary(), "tuned")
    lora_save("loras/text", RANK, text_encoder_diff=clip_merge_subtract(other, base), ctx=host)
    (path, _), *_ = host.saved
    made = lora_loader(tiny_model(), base, path.name, ctx=host)
    assert close(made.clip.encoder, other.encoder)


def test_nothing_is_told(host: FolderContext) -> None:
    same = model_merge_subtract(tiny_model(), tiny_model())
    with pytest.raises(NodeError, match="no difference to save"):
        lora_save("loras/none", model_diff=same, ctx=host)
    with pytest.raises(NodeError, match="no difference to save"):
        lora_save("loras/none", ctx=host)
