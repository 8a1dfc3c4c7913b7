"""Every kind of change makes of a weight what peft, or its paper, says."""

from typing import Any

import peft
import pytest
import torch
from torch import Tensor, nn

from nodes.diffusion.adapters.lora_changes import SYNONYMS, changed_weight, is_whole

OUT, INTO, RANK = 8, 12, 2


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(INTO, OUT)
        self.conv = nn.Conv2d(INTO, OUT, 3)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.3


def layers() -> Layers:
    torch.manual_seed(0)
    return Layers()


def by_peft(config: Any) -> tuple[dict[str, dict[str, Tensor]], Layers]:
    """Give random parts of a change for each layer, and the layers as peft merges them."""
    model: Any = peft.get_peft_model(layers(), config)
    found = peft.get_peft_model_state_dict(model)
    generator = torch.Generator().manual_seed(1)
    parts: dict[str, dict[str, Tensor]] = {"linear": {}, "conv": {}}
    for name, tensor in found.items():
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)
        if "magnitude" in name:
            tensor.abs_().add_(0.5)
        _, _, layer, part = name.removesuffix(".weight").split(".")
        parts[layer][SYNONYMS.get(part, part)] = tensor.clone()
    peft.set_peft_model_state_dict(model, found)
    merged: Layers = model.merge_and_unload()
    return parts, merged


TARGETS: dict[str, Any] = {"target_modules": ["linear", "conv"]}


@pytest.mark.parametrize(
    "config",
    [
        peft.LoraConfig(r=RANK, lora_alpha=3, **TARGETS),
        peft.LoraConfig(r=RANK, lora_alpha=3, use_dora=True, **TARGETS),
        peft.LoHaConfig(r=RANK, alpha=3, **TARGETS),
        peft.LoHaConfig(r=RANK, alpha=3, use_effective_conv2d=True, **TARGETS),
        peft.LoKrConfig(r=RANK, alpha=3, decompose_factor=2, **TARGETS),
        peft.LoKrConfig(
            r=1,
            alpha=3,
            decompose_both=True,
            decompose_factor=4,
            use_effective_conv2d=True,
            **TARGETS,
        ),
    ],
    ids=["lora", "dora", "loha", "loha-tucker", "lokr", "lokr-both"],
)
def test_changes_are_those_that_peft_merges(config: Any) -> None:
    parts, merged = by_peft(config)
    for name, own in parts.items():
        before = getattr(layers(), name).weight.detach()
        after = getattr(merged, name).weight.detach()
        made = changed_weight(before, own | {"alpha": torch.tensor(3.0)}, 1.0)
        assert torch.allclose(made, after, atol=1e-5)
        assert not torch.allclose(before, after, atol=1e-2)
        # Strength is a factor on the difference, whatever the kind.
        half = changed_weight(before, own | {"alpha": torch.tensor(3.0)}, 0.5)
        assert torch.allclose(half, (before + after) / 2, atol=1e-5)
        assert torch.equal(changed_weight(before, own, 0.0), before)


def test_two_whole_factors_are_not_scaled() -> None:
    first, second = random(2, 3), random(4, 4, seed=1)
    parts = {"lokr_w1": first, "lokr_w2": second, "alpha": torch.tensor(5.0)}
    made = changed_weight(torch.zeros(OUT, INTO), parts, 1.0)
    expected = torch.cat([torch.cat([value * second for value in row], dim=1) for row in first])
    assert torch.allclose(made, expected)


def test_a_tucker_factor_of_a_kronecker_product_is_a_convolution_of_three() -> None:
    core, left, right = random(RANK, RANK, 3, 3), random(RANK, 4, seed=1), random(RANK, 6, seed=2)
    parts = {"lokr_w1": torch.ones(1, 1), "lokr_t2": core, "lokr_w2_a": left, "lokr_w2_b": right}
    made = changed_weight(torch.zeros(4, 6, 3, 3), parts, 1.0)
    x = random(1, 6, 5, 5, seed=3)
    by_turns = torch.conv2d(torch.conv2d(x, right[..., None, None]), core)
    by_turns = torch.conv2d(by_turns, left.T[..., None, None])
    assert torch.allclose(torch.conv2d(x, made), by_turns, atol=1e-5)


def test_magnitudes_of_columns_are_told_by_their_shape() -> None:
    weight, magnitude = random(OUT, INTO, 3, 3), random(1, INTO, 1, 1, seed=2).abs() + 0.1
    parts = {"diff": torch.zeros_like(weight), "dora_scale": magnitude}
    made = changed_weight(weight, parts, 1.0)
    lengths = made.transpose(0, 1).flatten(1).norm(dim=1)
    assert torch.allclose(lengths, magnitude.flatten(), atol=1e-5)
    assert torch.allclose(made / magnitude / weight, (made / magnitude / weight)[:1], atol=1e-4)


@pytest.mark.parametrize("shape", [(OUT, INTO), (OUT, INTO, 3, 3)])
def test_rotations_keep_what_rows_of_a_block_are_to_one_another(shape: tuple[int, ...]) -> None:
    weight, blocks = random(*shape), random(2, 4, 4, seed=1)
    made = changed_weight(weight, {"oft_blocks": blocks}, 1.0)
    assert not torch.allclose(made, weight, atol=1e-2)
    for rows in (slice(0, 4), slice(4, 8)):
        before, after = weight[rows].flatten(1), made[rows].flatten(1)
        # A rotation from the left keeps every column's length, and all products of columns.
        assert torch.allclose(after.T @ after, before.T @ before, atol=1e-5)
    symmetric = blocks + blocks.transpose(1, 2)
    assert torch.allclose(changed_weight(weight, {"oft_blocks": symmetric}, 1.0), weight, atol=1e-6)


def test_rotations_are_cayleys_and_bounded() -> None:
    angle = 0.3
    # (1 + Q) / (1 - Q) of a skew matrix with the tangent of half the angle rotates by the angle.
    half = torch.tan(torch.tensor(angle / 2))
    blocks = torch.tensor([[[0.0, half], [0.0, 0.0]]])
    turned = changed_weight(torch.eye(2), {"oft_blocks": blocks}, 1.0)
    sine, cosine = torch.sin(torch.tensor(angle)), torch.cos(torch.tensor(angle))
    assert torch.allclose(turned, torch.tensor([[cosine, -sine], [sine, cosine]]), atol=1e-6)
    loose, tight = (
        changed_weight(torch.eye(2), {"oft_blocks": blocks, "alpha": torch.tensor(a)}, 1.0)
        for a in (100.0, 0.01)
    )
    assert torch.equal(loose, turned)
    assert 0 < (tight - torch.eye(2)).norm() < 0.1 * (turned - torch.eye(2)).norm()


def test_rotated_rows_are_rescaled() -> None:
    weight, blocks = random(OUT, INTO), random(2, 4, 4, seed=1)
    factors = random(OUT, 1, seed=2) + 1
    plain = changed_weight(weight, {"oft_blocks": blocks}, 1.0)
    made = changed_weight(weight, {"oft_blocks": blocks, "rescale": factors}, 1.0)
    assert torch.allclose(made, factors * plain, atol=1e-6)


def test_whole_differences_are_added() -> None:
    weight, difference = random(OUT, INTO), random(OUT, INTO, seed=1)
    made = changed_weight(weight, {"diff": difference}, 2.0)
    assert torch.equal(made, weight + 2 * difference)


@pytest.mark.parametrize(
    ("missing", "whole"), [("alpha", True), ("lora_down", False), ("lora_up", False)]
)
def test_a_change_without_a_part_that_it_needs_is_not_whole(missing: str, whole: bool) -> None:
    parts = {"lora_down": random(RANK, INTO), "lora_up": random(OUT, RANK), "alpha": random()}
    assert is_whole({name: part for name, part in parts.items() if name != missing}) is whole


def test_parts_that_do_not_fit_one_another_are_not_whole() -> None:
    assert not is_whole({"lora_down": random(3, INTO), "lora_up": random(OUT, 4)})
    assert not is_whole({"lokr_w1": random(2, 2), "lokr_w2_a": random(2, 2)})
    assert is_whole({"oft_blocks": random(2, 4, 4)})
