"""Where models are, nothing is computed in double precision: Apple's devices have none.

The models here are on torch's device without memory, where every step is made but no number is
known: what asks for a number there would also make a real device wait.
"""

import copy
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nodes import guidance, patches, perturbation, speed
from nodes.diffusion import vae as coding
from nodes.diffusion.sampling import Sampling
from nodes.diffusion.schedules import sigmas_for
from nodes.diffusion.solvers import SOLVERS
from nodes.types import Latent, LatentFormat, Mask, Model, Noise, Sampler, Vae
from tests.nodes.diffusion.tiny_models import tiny_parts
from tests.nodes.diffusion.tiny_sampling import prompt, tiniest_model, tiny_model

NODES = str(Path(guidance.__file__).parent)
DOUBLE = (torch.float64, torch.complex128)


class Doubles(TorchDispatchMode):
    """Notes where something in double precision is made on the device."""

    def __init__(self) -> None:
        super().__init__()
        self.places: set[str] = set()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        made = function(*args, **(kwargs or {}))
        for value in tree_leaves(made):
            if isinstance(value, Tensor) and value.is_meta and value.dtype in DOUBLE:
                own = [at for at in traceback.extract_stack() if at.filename.startswith(NODES)]
                self.places.add(f"{own[-1].filename}:{own[-1].lineno}")
        return made


@contextmanager
def single_precision() -> Iterator[None]:
    with Doubles() as found:
        yield
    assert found.places == set()


@cache
def away(model: Model) -> Model:
    """Put a model where no numbers are."""
    return replace(model, network=copy.deepcopy(model.network).to("meta"))


def sample(model: Model, solver: str = "euler", mask: Mask | None = None) -> int:
    """Make four steps; give how many were made."""
    guider = guidance.cfg_guider(model, prompt(0), prompt(1), 5.0)
    latent = Latent(torch.zeros(1, 4, 8, 8), mask=mask)
    sigmas = sigmas_for(model.sampling, "normal", 4, solver=solver)
    steps = Sampling(guider, Sampler(solver), sigmas, Noise(1), latent).steps()
    return sum(step.x.is_meta for step in steps)


# Whose step sizes follow from what it finds.
@pytest.mark.parametrize("solver", sorted(SOLVERS.keys() - {"dpm_adaptive"}))
def test_solvers_need_single_precision_and_wait_for_nothing(solver: str) -> None:
    with single_precision():
        assert sample(away(tiniest_model()), solver) >= 2


PATCHES: dict[str, Callable[[Model], Model]] = {
    "APG": guidance.adaptive_projected_guidance,
    "CFG norm": guidance.cfg_norm,
    "CFG-Zero*": guidance.cfg_zero_star,
    "Mahiro": guidance.mahiro,
    "RescaleCFG": guidance.rescale_cfg,
    "TCFG": guidance.tangential_damping_cfg,
    "PAG": perturbation.perturbed_attention_guidance,
    "SAG": perturbation.self_attention_guidance,
    "FreeU": patches.free_u_v2,
    "token merging": patches.tome_patch_model,
    "DeepCache": speed.deep_cache,
}


@pytest.mark.parametrize("name", PATCHES)
def test_patches_need_single_precision_and_wait_for_nothing(name: str) -> None:
    with single_precision():
        assert sample(PATCHES[name](away(tiny_model()))) == 4


def test_a_mask_needs_single_precision() -> None:
    with single_precision():
        assert sample(away(tiniest_model()), mask=Mask(torch.rand(1, 1, 64, 64))) == 4


@pytest.mark.parametrize("way", ["encode", "decode"])
def test_a_vae_needs_single_precision(way: str) -> None:
    network: Any = copy.deepcopy(tiny_parts().vae).to("meta")
    vae = Vae(network, LatentFormat(4, 0.5), "float32", "away")
    given = {"encode": torch.zeros(1, 3, 32, 32), "decode": torch.zeros(1, 4, 4, 4)}[way]
    # The way back to the processor is the last step, and there is nothing to bring.
    with single_precision(), pytest.raises(NotImplementedError, match="meta tensor"):
        next(getattr(coding, way)(vae, given))
