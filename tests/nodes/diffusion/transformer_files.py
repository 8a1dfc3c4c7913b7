"""Narrow transformers of Stable Diffusion 3 and Flux, and their weights as the originals name them.

The originals' names are written down here once more, in the other direction, so that a mistake in
the tables that are tested is not made twice.
"""

from functools import cache
from typing import Any

import torch
from diffusers import ChromaTransformer2DModel, FluxTransformer2DModel, SD3Transformer2DModel
from torch import Tensor

from tests.nodes.diffusion.tiny_models import Config

# One head each, of the published width; the text as wide as the encoders of `text_files`.
SD3_CONFIG: Config = {
    "num_layers": 2,
    "num_attention_heads": 1,
    "caption_projection_dim": 64,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 2048,
    "pos_embed_max_size": 12,
}
SD35_CONFIG: Config = SD3_CONFIG | {"dual_attention_layers": (0,), "qk_norm": "rms_norm"}
FLUX_CONFIG: Config = {
    "num_layers": 1,
    "num_single_layers": 2,
    "num_attention_heads": 1,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 768,
    "guidance_embeds": True,
}
CHROMA_CONFIG: Config = {
    "num_layers": 1,
    "num_single_layers": 2,
    "num_attention_heads": 1,
    "joint_attention_dim": 4096,
    "approximator_hidden_dim": 32,
    "approximator_layers": 2,
}
SCHNELL_CONFIG: Config = FLUX_CONFIG | {"guidance_embeds": False}

_SD3_STREAMS = {
    "x_block": {
        "attn.proj": "attn.to_out.0",
        "attn.ln_q": "attn.norm_q",
        "attn.ln_k": "attn.norm_k",
        "attn2.proj": "attn2.to_out.0",
        "attn2.ln_q": "attn2.norm_q",
        "attn2.ln_k": "attn2.norm_k",
        "adaLN_modulation.1": "norm1.linear",
        "mlp.fc1": "ff.net.0.proj",
        "mlp.fc2": "ff.net.2",
    },
    "context_block": {
        "attn.proj": "attn.to_add_out",
        "attn.ln_q": "attn.norm_added_q",
        "attn.ln_k": "attn.norm_added_k",
        "adaLN_modulation.1": "norm1_context.linear",
        "mlp.fc1": "ff_context.net.0.proj",
        "mlp.fc2": "ff_context.net.2",
    },
}


@cache
def transformer(name: str, **changes: Any) -> Any:
    """Make a network with random weights."""
    torch.manual_seed(0)
    network: Any
    if name in ("sd3", "sd35"):
        config = {"sd3": SD3_CONFIG, "sd35": SD35_CONFIG}[name] | changes
        network = SD3Transformer2DModel(**config)
    elif name == "chroma":
        network = ChromaTransformer2DModel(**CHROMA_CONFIG | changes)
    else:
        config = {"flux": FLUX_CONFIG, "schnell": SCHNELL_CONFIG}[name] | changes
        network = FluxTransformer2DModel(**config)
    for parameter in network.parameters():
        # Modulations start at zero in training; here each must show.
        parameter.data.normal_(0, 0.05)
    return network.requires_grad_(False).eval()


def original(network: Any, prefix: str = "model.diffusion_model.") -> dict[str, Tensor]:
    """Name a network's weights as its original does."""
    made = _sd3(network) if isinstance(network, SD3Transformer2DModel) else _flux(network)
    if isinstance(network, ChromaTransformer2DModel):
        made = {_of_chroma(name): tensor for name, tensor in made.items()}
    return {prefix + name: tensor.contiguous() for name, tensor in made.items()}


def _of_chroma(name: str) -> str:
    for ours, theirs in ((".linear_1.", ".in_layer."), (".linear_2.", ".out_layer.")):
        name = name.replace(ours, theirs)
    return name.replace(".weight", ".scale") if ".norms." in name else name


def _take(weights: dict[str, Tensor], ours: str, theirs: str, out: dict[str, Tensor]) -> None:
    for kind in ("weight", "bias"):
        if f"{ours}.{kind}" in weights:
            out[f"{theirs}.{kind}"] = weights.pop(f"{ours}.{kind}")


def _fuse(weights: dict[str, Tensor], ours: list[str], theirs: str, out: dict[str, Tensor]) -> None:
    if f"{ours[0]}.weight" in weights:
        for kind in ("weight", "bias"):
            out[f"{theirs}.{kind}"] = torch.cat([weights.pop(f"{name}.{kind}") for name in ours])


def _swap(out: dict[str, Tensor], name: str) -> None:
    for kind in ("weight", "bias"):
        scale, shift = out[f"{name}.{kind}"].chunk(2)
        out[f"{name}.{kind}"] = torch.cat([shift, scale])


def _sd3(network: Any) -> dict[str, Tensor]:
    weights, out = dict(network.state_dict()), dict[str, Tensor]()
    out["pos_embed"] = weights.pop("pos_embed.pos_embed")
    _take(weights, "pos_embed.proj", "x_embedder.proj", out)
    _take(weights, "context_embedder", "context_embedder", out)
    for ours, theirs in (("timestep", "t"), ("text", "y")):
        for ours_layer, theirs_layer in ((1, 0), (2, 2)):
            path = f"time_text_embed.{ours}_embedder.linear_{ours_layer}"
            _take(weights, path, f"{theirs}_embedder.mlp.{theirs_layer}", out)
    for layer in range(network.config.num_layers):
        ours, theirs = f"transformer_blocks.{layer}.", f"joint_blocks.{layer}."
        for stream, names in _SD3_STREAMS.items():
            for original_name, name in names.items():
                _take(weights, ours + name, f"{theirs}{stream}.{original_name}", out)
        for place in ("attn", "attn2"):
            parts = [f"{ours}{place}.to_{letter}" for letter in "qkv"]
            _fuse(weights, parts, f"{theirs}x_block.{place}.qkv", out)
        added = [f"{ours}attn.add_{letter}_proj" for letter in "qkv"]
        _fuse(weights, added, f"{theirs}context_block.attn.qkv", out)
    _swap(out, f"joint_blocks.{network.config.num_layers - 1}.context_block.adaLN_modulation.1")
    return _finished(weights, out)


def _flux(network: Any) -> dict[str, Tensor]:
    weights, out = dict(network.state_dict()), dict[str, Tensor]()
    _take(weights, "x_embedder", "img_in", out)
    _take(weights, "context_embedder", "txt_in", out)
    for ours, theirs in (("timestep", "time"), ("text", "vector"), ("guidance", "guidance")):
        for number, name in ((1, "in"), (2, "out")):
            path = f"time_text_embed.{ours}_embedder.linear_{number}"
            _take(weights, path, f"{theirs}_in.{name}_layer", out)
    for layer in range(network.config.num_layers):
        ours, theirs = f"transformer_blocks.{layer}.", f"double_blocks.{layer}."
        for stream, ff, norm, added, last in (
            ("img", "ff", "norm1", "", "to_out.0"),
            ("txt", "ff_context", "norm1_context", "added_", "to_add_out"),
        ):
            _take(weights, f"{ours}{norm}.linear", f"{theirs}{stream}_mod.lin", out)
            _take(weights, f"{ours}{ff}.net.0.proj", f"{theirs}{stream}_mlp.0", out)
            _take(weights, f"{ours}{ff}.net.2", f"{theirs}{stream}_mlp.2", out)
            _take(weights, f"{ours}attn.{last}", f"{theirs}{stream}_attn.proj", out)
            for letter, word in (("q", "query"), ("k", "key")):
                name = f"{theirs}{stream}_attn.norm.{word}_norm.scale"
                out[name] = weights.pop(f"{ours}attn.norm_{added}{letter}.weight")
            names = [f"add_{x}_proj" if added else f"to_{x}" for x in "qkv"]
            _fuse(weights, [f"{ours}attn.{n}" for n in names], f"{theirs}{stream}_attn.qkv", out)
    for layer in range(network.config.num_single_layers):
        ours, theirs = f"single_transformer_blocks.{layer}.", f"single_blocks.{layer}."
        _take(weights, f"{ours}norm.linear", f"{theirs}modulation.lin", out)
        _take(weights, f"{ours}proj_out", f"{theirs}linear2", out)
        parts = [f"{ours}attn.to_{letter}" for letter in "qkv"]
        _fuse(weights, [*parts, f"{ours}proj_mlp"], f"{theirs}linear1", out)
        for letter, word in (("q", "query"), ("k", "key")):
            out[f"{theirs}norm.{word}_norm.scale"] = weights.pop(f"{ours}attn.norm_{letter}.weight")
    return _finished(weights, out)


def _finished(weights: dict[str, Tensor], out: dict[str, Tensor]) -> dict[str, Tensor]:
    _take(weights, "proj_out", "final_layer.linear", out)
    for name in [name for name in weights if name.startswith("distilled_guidance_layer.")]:
        out[name] = weights.pop(name)
    _take(weights, "norm_out.linear", "final_layer.adaLN_modulation.1", out)
    if "final_layer.adaLN_modulation.1.weight" in out:
        _swap(out, "final_layer.adaLN_modulation.1")
    assert not weights, f"left over: {sorted(weights)}"
    return out
