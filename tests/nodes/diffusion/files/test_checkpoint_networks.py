"""Networks that are built around weights attend as torch does fastest."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.text.encoding import encode
from nodes.diffusion.vae import decode_once, encode_once
from nodes.types import Conditioning
from tests.nodes.diffusion.test_network_calls import asked, drawn, model_of, text
from tests.nodes.diffusion.tiny_models import (
    SD1_TEXT,
    SD1_UNET,
    SD1_VAE,
    make_parts,
    write_checkpoint,
)
from tests.nodes.diffusion.tiny_sampling import prompt


class Fused(TorchFunctionMode):
    """Counts calls of torch's fused attention, which keeps no scores."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += func is scaled_dot_product_attention
        return func(*args, **(kwargs or {}))


def attentions(network: nn.Module) -> int:
    """Count the modules that project to queries."""
    names = [name.rpartition(".")[2] for name, _ in network.named_modules()]
    return names.count("to_q") + names.count("q_proj")


def test_every_part_of_a_checkpoint_attends_fused(tmp_path: Path) -> None:
    parts = make_parts(SD1_UNET, SD1_VAE, SD1_TEXT)
    found = load_checkpoint(write_checkpoint(tmp_path / "sd1.safetensors", parts, {}), "float32")
    vae: Any = found.vae.network
    with Fused() as of_text:
        encode(found.clip, "a cat")
    assert of_text.calls == attentions(found.clip.encoder) > 0
    x = torch.zeros(1, 4, 8, 8)
    with Fused() as of_unet:
        asked(found.model, x, prompt(1, width=768))
    assert of_unet.calls == attentions(found.model.network) > 0
    with Fused() as of_encoder:
        encode_once(found.vae, torch.zeros(1, 3, 64, 64))
    assert of_encoder.calls == attentions(vae.encoder) > 0
    with Fused() as of_decoder:
        decode_once(found.vae, x)
    assert of_decoder.calls == attentions(vae.decoder) > 0


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_transformers_attend_fused(name: str) -> None:
    model = model_of(name)
    given: Conditioning = text(2, model)
    with Fused() as fused:
        asked(model, drawn(1, 1, 16, 8, 8), given)
    assert fused.calls == attentions(model.network) > 0
