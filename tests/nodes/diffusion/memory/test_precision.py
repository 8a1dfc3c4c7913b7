"""Dtypes by device, and weights in 8 bits."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from nodes.diffusion.memory.by_layer import work_place
from nodes.diffusion.memory.modules import module_bytes
from nodes.diffusion.memory.precision import (
    EIGHT_BITS,
    WIDENING,
    as_computed,
    compute_dtype,
    compute_in,
    dtype_for,
    kept_in,
)
from nodes.sampling import k_sampler
from nodes.types import Latent
from tests.nodes.diffusion.tiny_models import tiny_parts
from tests.nodes.diffusion.tiny_sampling import prompt, tiny_model


@pytest.mark.parametrize(
    ("kind", "capability", "name"),
    [
        ("cpu", None, "float32"),
        ("mps", None, "float16"),
        ("cuda", (7, 5), "float16"),
        ("cuda", (8, 0), "bfloat16"),
        ("cuda", (9, 0), "bfloat16"),
    ],
)
def test_each_kind_of_device_has_its_dtype(
    kind: str, capability: tuple[int, int] | None, name: str
) -> None:
    assert dtype_for(kind, capability) == name


def test_this_processor_computes_in_single_precision() -> None:
    assert compute_dtype("cpu") == "float32"


@pytest.mark.parametrize("storage", EIGHT_BITS)
def test_a_network_kept_in_8_bits_equals_one_whose_weights_were_rounded(
    storage: torch.dtype,
) -> None:
    unet: Any = tiny_parts().unet
    before = {name: weight.clone() for name, weight in unet.state_dict().items()}
    kept: Any = kept_in(unet, storage)
    rounded: Any = type(unet).from_config(unet.config).eval()
    rounded.load_state_dict(
        {n: w.to(storage).float() if w.ndim > 1 else w for n, w in before.items()}
    )
    given = (torch.randn(1, 4, 8, 8), torch.tensor(7), torch.randn(1, 5, 16))
    with torch.no_grad():
        assert torch.equal(kept(*given).sample, rounded(*given).sample)
        assert not torch.equal(kept(*given).sample, unet(*given).sample)
    assert all(torch.equal(weight, before[n]) for n, weight in unet.state_dict().items())


def test_8_bits_take_half_of_half_precision() -> None:
    layer = nn.Linear(64, 64, bias=False).half()
    kept = kept_in(layer, torch.float8_e4m3fn)
    assert 2 * module_bytes(kept) == module_bytes(layer) == 2 * 64 * 64
    assert work_place(kept) == (torch.device("cpu"), torch.float16)


def test_vectors_are_shared_and_not_rounded() -> None:
    layer: Any = nn.Linear(4, 4)
    kept: Any = kept_in(layer, torch.float8_e4m3fn)
    assert kept.state_dict()["weight"].dtype == torch.float8_e4m3fn
    assert kept.state_dict()["bias"].data_ptr() == layer.bias.data_ptr()


@pytest.mark.parametrize("storage", EIGHT_BITS)
def test_values_beyond_the_range_stay_finite(storage: torch.dtype) -> None:
    layer: Any = nn.Linear(2, 1, bias=False)
    layer.weight = nn.Parameter(torch.tensor([[1e6, -1e6]]))
    bound = torch.finfo(storage).max
    assert kept_in(layer, storage).state_dict()["weight"].float().tolist() == [[bound, -bound]]


def test_8_bits_of_a_file_stay_and_other_dtypes_are_cast() -> None:
    weights = {
        "small": torch.randn(2, 2).to(torch.float8_e5m2),
        "half": torch.randn(2, 2).half(),
        "single": torch.randn(2, 2),
    }
    computed = as_computed(weights, torch.float32)
    assert computed["small"] is weights["small"]
    assert computed["half"].dtype == torch.float32
    assert computed["single"] is weights["single"]


def test_matrices_that_would_grow_too_large_stay_as_in_their_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = {"matrix": torch.randn(4, 4).half(), "vector": torch.randn(4).half()}
    monkeypatch.setattr(WIDENING, "most_bytes", 20 * 4)
    assert as_computed(weights, torch.float32)["matrix"].dtype == torch.float32
    monkeypatch.setattr(WIDENING, "most_bytes", 20 * 4 - 1)
    computed = as_computed(weights, torch.float32)
    assert computed["matrix"] is weights["matrix"]
    assert computed["vector"].dtype == torch.float32
    # Nothing grows, so nothing stays.
    assert as_computed(weights, torch.bfloat16)["matrix"].dtype == torch.bfloat16


def test_layers_in_the_wanted_dtype_are_left_alone() -> None:
    pair = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).half())
    compute_in(pair, torch.float32)
    assert type(pair[0]) is nn.Linear
    assert type(pair[1]) is not nn.Linear
    assert pair(torch.ones(1, 2)).dtype == torch.float32


def test_sampling_in_half_precision_ends_near_that_in_single() -> None:
    model = tiny_model()
    half = replace(model, network=copy.deepcopy(model.network).to(torch.bfloat16), dtype="bfloat16")
    latent = Latent(torch.zeros(1, 4, 8, 8))
    single, low = (
        k_sampler(each, prompt(1), prompt(2), latent, seed=1, steps=4, cfg=3.0).samples
        for each in (model, half)
    )
    assert low.dtype == torch.float32
    error = float((low - single).square().mean().sqrt() / single.std())
    assert 0 < error < 0.05
