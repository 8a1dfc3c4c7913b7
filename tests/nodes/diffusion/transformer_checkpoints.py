"""Whole models of Stable Diffusion 3 and Flux in miniature, as single files and as folders."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_networks import Checkpoint
from nodes.text import clip_text_encode
from nodes.types import Clip, Cond
from tests.nodes.diffusion.family_files import (
    open_clip,
    text_with_projection,
    write,
    write_clip_vocabulary,
)
from tests.nodes.diffusion.t5_files import NUMBER, t5, t5_weights, write_spiece
from tests.nodes.diffusion.tiny_models import SD1_VAE, Config
from tests.nodes.diffusion.transformer_files import original, transformer
from tests.nodes.folder_context import FolderContext

VAE: Config = SD1_VAE | {
    "latent_channels": 16,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}
SCALES: dict[str, Config] = {
    "sd3": {"scaling_factor": 1.5305, "shift_factor": 0.0609},
    "flux": {"scaling_factor": 0.3611, "shift_factor": 0.1159},
}
TEXTS = ("clip_l", "clip_g", "t5xxl")

PROMPT, CLIP_IDS, T5_PIECES = "a red cat", (320, 736, 2368), ("▁a", "▁red", "▁cat")


@cache
def vae_of(family: str) -> Any:
    torch.manual_seed(0)
    network: Any = AutoencoderKL(**(VAE | SCALES[family]))
    return network.requires_grad_(False).eval()


def vae_weights(prefix: str) -> dict[str, Tensor]:
    """Name the weights of a VAE with 16 channels, which are the same for both families here."""
    named = ldm_keys.vae_to_ldm(vae_of("flux").state_dict(), VAE, prefix)
    return {name: tensor.contiguous() for name, tensor in named.items()}


def text_weights(name: str) -> dict[str, Tensor]:
    """Name a text encoder's weights as within a checkpoint."""
    start = f"text_encoders.{name}."
    if name == "t5xxl":
        return t5_weights(start + "transformer.") | {start + "logit_scale": torch.ones(())}
    model = text_with_projection(768 if name == "clip_l" else 1280)
    named = {start + "transformer." + n: t.contiguous() for n, t in model.state_dict().items()}
    return named | {start + "logit_scale": torch.ones(())}


def file_of(name: str, texts: tuple[str, ...] = TEXTS) -> dict[str, Tensor]:
    """Collect the weights of a checkpoint with everything: "sd3", "sd35", "flux" or "schnell"."""
    sd3 = name.startswith("sd3")
    weights = original(transformer(name))
    weights |= vae_weights("first_stage_model." if sd3 else "vae.")
    for text in texts:
        if sd3 or text != "clip_g":
            weights |= text_weights(text)
    return weights


def write_folder(folder: Path, name: str) -> Path:
    """Write a pipeline's folder; its transformer lies in several files, as the real ones do."""
    sd3 = name.startswith("sd3")
    pipeline = "StableDiffusion3Pipeline" if sd3 else "FluxPipeline"
    small, big = text_with_projection(768), text_with_projection(1280)
    texts = (small, big, t5()) if sd3 else (small, t5())
    index: dict[str, Any] = {"_class_name": pipeline}
    transformer(name).save_pretrained(folder / "transformer", max_shard_size="1MB")
    vae_of("sd3" if sd3 else "flux").save_pretrained(folder / "vae")
    for number, model in enumerate(texts, 1):
        part = "text_encoder" if number == 1 else f"text_encoder_{number}"
        index[part] = ["transformers", type(model).__name__]
        model.save_pretrained(folder / part)
        tokenizer = folder / part.replace("text_encoder", "tokenizer")
        if model is t5():
            write_spiece(tokenizer)
        else:
            write_clip_vocabulary(tokenizer, "!" if model is big else "<|endoftext|>")
    noise: Config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
    if name == "flux":
        noise |= {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(noise), encoding="utf-8")
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def write_models(root: Path) -> Path:
    """Write whole models, and their text encoders and a VAE in files of their own."""
    texts = root / "text_encoders"
    write_spiece(texts)
    for kind in ("checkpoints", "vae"):
        (root / kind).mkdir()
    for name in ("sd3", "flux", "schnell"):
        write(root / "checkpoints" / f"{name}.safetensors", file_of(name))
    small = {n: t.contiguous() for n, t in text_with_projection(768).state_dict().items()}
    write(texts / "l.safetensors", small)
    big = open_clip(text_with_projection(1280), "")
    write(texts / "g.safetensors", {n: t.contiguous() for n, t in big.items()})
    write(texts / "t5.safetensors", t5_weights())
    write(root / "vae" / "ae.safetensors", vae_weights(""))
    return root


def clip_ids(pad: int, ids: tuple[int, ...] = CLIP_IDS) -> Tensor:
    row = [49406, *ids, 49407]
    return torch.tensor([row + [pad] * (77 - len(row))])


def t5_states(length: int, pieces: tuple[str, ...] = T5_PIECES) -> Tensor:
    row = [*(NUMBER[piece] for piece in pieces), 1]
    states: Tensor = t5()(torch.tensor([row + [0] * (length - len(row))])).last_hidden_state
    return states


def sd3_text() -> tuple[Tensor, Tensor]:
    """Encode the prompt by transformers' modules alone, as Stable Diffusion 3 reads it."""
    small = text_with_projection(768).text_model(clip_ids(49407), output_hidden_states=True)
    big = text_with_projection(1280)(clip_ids(0), output_hidden_states=True)
    clips = torch.cat([small.hidden_states[-2], big.hidden_states[-2]], dim=2)
    clips = torch.cat([clips, torch.zeros(1, 77, 4096 - 2048)], dim=2)
    pooled = torch.cat([small.pooler_output, big.text_embeds], dim=1)
    return torch.cat([clips, t5_states(77)], dim=1), pooled


def close(one: Tensor | None, two: Tensor) -> bool:
    return one is not None and torch.allclose(one, two, atol=1e-4)


def encoded(clip: Clip, prompt: str = PROMPT) -> Cond:
    (part,) = clip_text_encode(prompt, clip).parts
    return part


def loaded(models: FolderContext, name: str) -> Checkpoint:
    return load_checkpoint(models.root / "checkpoints" / f"{name}.safetensors", "float32")
