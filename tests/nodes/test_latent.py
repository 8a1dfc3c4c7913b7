"""The latent nodes, and that their shape rules say what they do."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nodes import latent, latent_batch
from nodes.api.shapes import evaluate_shape
from nodes.types import Latent, Mask

SAMPLES = Latent(torch.randn(2, 4, 8, 12, generator=torch.Generator().manual_seed(0)))
OTHER = Latent(torch.zeros(1, 4, 4, 4))

CALLS: list[tuple[Callable[..., Latent], dict[str, Any]]] = [
    (latent.empty_latent_image, {"width": 256, "height": 136, "batch_size": 3}),
    (latent.empty_sd3_latent_image, {"width": 256, "height": 128, "batch_size": 1}),
    (latent.set_latent_noise_mask, {"samples": SAMPLES, "mask": Mask(torch.ones(1, 1, 4, 4))}),
    (latent.latent_upscale, {"samples": SAMPLES, "width": 128, "height": 64}),
    (latent.latent_upscale_by, {"samples": SAMPLES, "scale_by": 1.5}),
    (latent.latent_upscale_by, {"samples": SAMPLES, "scale_by": 0.3}),
    (latent.latent_composite, {"samples_to": SAMPLES, "samples_from": OTHER, "x": 16, "y": 8}),
    (latent.latent_flip, {"samples": SAMPLES}),
    (latent.latent_rotate, {"samples": SAMPLES, "rotation": "90 degrees"}),
    (latent.latent_crop, {"samples": SAMPLES, "width": 64, "height": 64}),
    (latent_batch.repeat_latent_batch, {"samples": SAMPLES, "amount": 3}),
    (latent_batch.latent_batch, {"samples1": SAMPLES, "samples2": OTHER}),
    (latent_batch.latent_from_batch, {"samples": SAMPLES, "batch_index": 1}),
    (latent_batch.latent_batch_seed_behavior, {"samples": SAMPLES}),
]


def shape_of(value: Latent) -> dict[str, int]:
    names = ("batch", "channels", "height", "width")
    return dict(zip(names, value.samples.shape, strict=True))


@pytest.mark.parametrize(("function", "inputs"), CALLS)
def test_a_node_does_what_its_shape_rule_says(
    function: Callable[..., Latent], inputs: dict[str, Any]
) -> None:
    spec = function.__node__  # type: ignore[attr-defined]
    shapes = {name: shape_of(v) for name, v in inputs.items() if isinstance(v, Latent)}
    known = evaluate_shape(spec.outputs[0].shape, inputs, shapes)
    assert known
    assert known.items() <= shape_of(function(**inputs)).items()


def test_flips_and_turns_go_the_way_they_say() -> None:
    upside = latent.latent_flip(SAMPLES, "x-axis: vertically").samples
    assert torch.equal(upside, SAMPLES.samples.flip(2))
    mirrored = latent.latent_flip(SAMPLES, "y-axis: horizontally").samples
    assert torch.equal(mirrored, SAMPLES.samples.flip(3))
    assert torch.equal(latent.latent_rotate(SAMPLES, "none").samples, SAMPLES.samples)
    half = latent.latent_rotate(SAMPLES, "180 degrees").samples
    assert torch.equal(half, SAMPLES.samples.flip(2, 3))


def test_a_mask_is_put_beside_the_samples() -> None:
    mask = Mask(torch.ones(1, 1, 4, 4))
    result = latent.set_latent_noise_mask(SAMPLES, mask)
    assert result.mask is mask
    assert result.samples is SAMPLES.samples
