"""Patches hold during a call of the network, and leave nothing behind."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.patches.patch import (
    Call,
    LonePatch,
    NetworkPatch,
    RememberingPatch,
    remembering,
    replaced,
    unet_of,
    with_patch,
)
from nodes.errors import NodeError
from tests.nodes.diffusion.tiny_sampling import flat, reader

X = torch.zeros(2, 4, 6, 8)


def test_a_patch_sees_the_call_and_lasts_as_long() -> None:
    model, network = reader()
    seen: list[Call] = []

    @contextmanager
    def watching(module: nn.Module, call: Call, *, note: str) -> Iterator[None]:
        assert module is network
        assert note == "here"
        seen.append(call)
        yield
        assert len(network.calls) == len(seen)

    patched = with_patch(model, NetworkPatch(watching, {"note": "here"}))
    prompts = fit_conditionings((flat(1.0), flat(2.0)), model.sampling, X, 8)
    denoise(patched, X, 3.0, prompts)
    denoise(patched, X, 2.0, ((), prompts[1]))
    assert [(call.sigma, call.size, call.groups) for call in seen] == [
        (3.0, (6, 8), (0, 1)),
        (2.0, (6, 8), (1,)),
    ]
    assert model.patches == ()


def test_what_is_replaced_comes_back_even_from_a_failure() -> None:
    layer = nn.Linear(2, 2)
    with replaced(layer, "forward", lambda x: x):
        assert layer(torch.ones(1, 3)).shape == (1, 3)
    with pytest.raises(RuntimeError), replaced(layer, "forward", None):
        raise RuntimeError
    assert layer(torch.ones(1, 2)).shape == (1, 2)
    assert "forward" not in vars(layer)


def test_a_network_that_is_no_unet_is_named() -> None:
    model, _ = reader()
    with pytest.raises(NodeError, match=r"FreeU works on U-Nets.*this model is a Reader"):
        unet_of(model, "FreeU")


def test_a_lone_patch_holds_where_no_other_changes_the_network() -> None:
    model, _ = reader()
    seen: list[str] = []

    @contextmanager
    def noting(_: nn.Module, __: Call, *, name: str) -> Iterator[None]:
        seen.append(name)
        yield

    lone = with_patch(
        model, LonePatch(noting, {"name": "first"}), LonePatch(noting, {"name": "last"})
    )
    prompts = fit_conditionings((flat(1.0),), model.sampling, X, 8)
    denoise(lone, X, 3.0, prompts)
    assert seen == ["last"]
    denoise(with_patch(lone, NetworkPatch(noting, {"name": "other"})), X, 3.0, prompts)
    assert seen == ["last", "other"]


def test_a_remembering_patch_has_one_memory_for_each_sampling() -> None:
    model, _ = reader()

    @contextmanager
    def counting(_: nn.Module, __: Call, *, memory: dict[str, int], by: int) -> Iterator[None]:
        memory["calls"] = memory.get("calls", 0) + by
        yield

    patched = with_patch(model, RememberingPatch(counting, {"by": 2}))
    prompts = fit_conditionings((flat(1.0),), model.sampling, X, 8)
    one, other = remembering(patched), remembering(patched)
    for begun in (one, one, other):
        denoise(begun, X, 3.0, prompts)
    memories = [begun.patches[0].options["memory"] for begun in (one, other)]  # type: ignore[attr-defined]
    assert memories == [{"calls": 4}, {"calls": 2}]
