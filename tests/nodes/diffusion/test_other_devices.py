"""Where models are on another device, all is computed there, in single precision, unwaited for."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from nodes import attention, conditioning, guidance, patches, perturbation, speed
from nodes.control import control_net_apply_advanced
from nodes.diffusion import vae as coding
from nodes.diffusion.sampling import Sampling
from nodes.diffusion.schedules import sigmas_for
from nodes.diffusion.solvers import SOLVERS
from nodes.loaders import checkpoint_loader_simple
from nodes.text import clip_text_encode
from nodes.types import (
    Conditioning,
    Hook,
    Hooks,
    Image,
    Latent,
    LatentFormat,
    Lora,
    Mask,
    Model,
    Noise,
    Sampler,
    Vae,
)
from tests.nodes.diffusion.adapters.test_control import tiny_control
from tests.nodes.diffusion.elsewhere import DEVICE, DeviceContext, elsewhere, moved
from tests.nodes.diffusion.tiny_models import tiny_parts
from tests.nodes.diffusion.tiny_sampling import prompt, tiniest_model, tiny_model
from tests.nodes.diffusion.transformer_checkpoints import write_models
from tests.nodes.folder_context import FolderContext

MASK = Mask(torch.ones(1, 1, 64, 64))


@cache
def tiny() -> Model:
    there: Model = moved(tiny_model())
    return there


@cache
def tiniest() -> Model:
    there: Model = moved(tiniest_model())
    return there


def sample(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    solver: str = "euler",
    mask: Mask | None = None,
    steps: int = 2,
) -> int:
    """Sample; give how many steps were made on the device."""
    guider = guidance.cfg_guider(model, positive, negative, 5.0)
    latent = Latent(torch.zeros(1, model.latent_format.channels, 8, 8), mask=mask)
    sigmas = sigmas_for(model.sampling, "normal", steps, solver=solver)
    with elsewhere():
        made = Sampling(guider, Sampler(solver), sigmas, Noise(1), latent).steps()
        return sum(step.x.device == DEVICE for step in made)


# Whose step sizes follow from what it finds.
@pytest.mark.parametrize("solver", sorted(SOLVERS.keys() - {"dpm_adaptive"}))
def test_solvers_work_on_the_device_and_wait_for_nothing(solver: str) -> None:
    assert sample(tiniest(), prompt(0), prompt(1), solver, steps=4) >= 2


PATCHES: dict[str, Callable[[Model], Model]] = {
    "APG": guidance.adaptive_projected_guidance,
    "CFG norm": guidance.cfg_norm,
    "CFG-Zero*": guidance.cfg_zero_star,
    "Mahiro": guidance.mahiro,
    "RescaleCFG": guidance.rescale_cfg,
    "TCFG": guidance.tangential_damping_cfg,
    "PAG": perturbation.perturbed_attention_guidance,
    "SAG": perturbation.self_attention_guidance,
    "NAG": attention.na_guidance,
    "HyperTile": patches.hyper_tile,
    "deep shrink": patches.patch_model_add_downscale,
    "differential diffusion": patches.differential_diffusion,
    "token merging": patches.tome_patch_model,
    "DeepCache": speed.deep_cache,
}


@pytest.mark.parametrize("name", PATCHES)
def test_patches_work_on_the_device_and_wait_for_nothing(name: str) -> None:
    assert sample(PATCHES[name](tiny()), prompt(0), prompt(1), mask=MASK) == 2


def hooked(given: Conditioning, change: Lora | Model) -> Conditioning:
    hooks = Hooks((Hook(change, None, 0.5, 0.0),))
    return conditioning.conditioning_set_properties(given, hooks=hooks)


QUERY = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
LORA = Lora("a", "a", {QUERY: {"lora_down": torch.ones(2, 16), "lora_up": torch.ones(16, 2)}})

STEERED: dict[str, Callable[[Conditioning], Conditioning]] = {
    "area": lambda given: conditioning.conditioning_set_area(given, 32, 32, 8, 8),
    "mask": lambda given: conditioning.conditioning_set_mask(given, MASK),
    "range": lambda given: conditioning.conditioning_set_timestep_range(given, 0.2, 0.8),
    "long": lambda given: conditioning.conditioning_concat(given, prompt(2, tokens=11)),
    "two": lambda given: conditioning.conditioning_combine(given, prompt(2, tokens=11)),
    "default": lambda given: conditioning.conditioning_set_default_combine(
        conditioning.conditioning_set_area(given, 32, 32, 8, 8), prompt(2)
    ),
    "LoRA": lambda given: hooked(given, LORA),
    # Its weights are where they were loaded.
    "model": lambda given: hooked(given, tiny_model()),
    "ControlNet": lambda given: (
        control_net_apply_advanced(
            given, prompt(1), moved(tiny_control()), Image(torch.ones(1, 3, 64, 64))
        ).positive
    ),
}


@pytest.mark.parametrize("name", STEERED)
def test_conditions_work_on_the_device(name: str) -> None:
    assert sample(tiny(), STEERED[name](prompt(0)), prompt(1)) == 2


@pytest.fixture(scope="module")
def transformers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_transformers_work_on_the_device(name: str, transformers: Path) -> None:
    host = FolderContext(transformers)
    loaded = checkpoint_loader_simple(f"{name}.safetensors", ctx=host)
    given = clip_text_encode("a red cat", loaded.clip, ctx=host)
    assert sample(moved(loaded.model), given, given) == 2
    with elsewhere():
        part = clip_text_encode("a red cat", loaded.clip, ctx=DeviceContext(transformers)).parts[0]
    assert part.embeds.shape == given.parts[0].embeds.shape


@pytest.mark.parametrize("way", ["encode", "decode"])
def test_a_vae_works_on_the_device(way: str) -> None:
    network: Any = moved(tiny_parts().vae)
    vae = Vae(network, LatentFormat(4, 0.5), "float32", "away")
    given = {"encode": torch.zeros(1, 3, 32, 32), "decode": torch.zeros(1, 4, 4, 4)}[way]
    with elsewhere():
        made = next(getattr(coding, way)(vae, given))
    assert made.device.type == "cpu"
