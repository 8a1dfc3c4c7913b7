"""Flux Kontext sees references as its pipeline shows them."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import FluxKontextPipeline, FluxPipeline
from torch import Tensor

from nodes.diffusion.inputs.references import METHODS, told_references
from nodes.errors import NodeError
from nodes.references import (
    KONTEXT_SIZES,
    flux_kontext_image_scale,
    flux_kontext_multi_reference_latent_method,
    reference_latent,
)
from nodes.types import Cond, Image, Latent
from tests.nodes.diffusion.test_network_calls import FORMAT, SIGMA, asked, drawn, model_of, text


def by_pipeline(x: Tensor, prompt: Cond, picture: Tensor) -> Tensor:
    """Call Flux by the functions of the pipeline for Kontext; give the estimate."""
    pipeline: Any = FluxKontextPipeline
    network: Any = model_of("flux").network
    assert prompt.pooled is not None
    ids = [
        FluxPipeline._prepare_latent_image_ids(
            1, planes.shape[2] // 2, planes.shape[3] // 2, torch.device("cpu"), torch.float32
        )
        for planes in (x, picture)
    ]
    ids[1][..., 0] = 1
    tokens = [pipeline._pack_latents(planes, *planes.shape) for planes in (x, picture)]
    output = network(
        hidden_states=torch.cat(tokens, dim=1),
        timestep=torch.tensor([SIGMA]),
        guidance=torch.tensor([2.5]),
        encoder_hidden_states=prompt.embeds,
        pooled_projections=prompt.pooled,
        txt_ids=torch.zeros(prompt.embeds.shape[1], 3),
        img_ids=torch.cat(ids),
    ).sample[:, : tokens[0].shape[1]]
    height, width = (side * 8 for side in x.shape[-2:])
    made: Tensor = x - SIGMA * pipeline._unpack_latents(output, height, width, 8)
    return made


def test_a_reference_is_shown_as_by_the_pipeline() -> None:
    model, x, picture = model_of("flux"), drawn(1, 1, 16, 8, 12), drawn(2, 1, 16, 6, 4)
    prompt = reference_latent(text(3, model, guidance=2.5), Latent(picture))
    (ours,) = asked(model, x, prompt)
    assert torch.allclose(ours, by_pipeline(x, prompt.parts[0], picture), atol=1e-4)


def test_prompts_with_and_without_references_are_each_answered() -> None:
    model, x = model_of("flux"), drawn(1, 2, 16, 8, 8)
    plain = text(3, model)
    small, large = (reference_latent(plain, Latent(drawn(4, 1, 16, s, 4))) for s in (4, 6))
    together = asked(model, x, small, large, plain)
    for made, prompt in zip(together, (small, large, plain), strict=True):
        assert torch.allclose(made, asked(model, x, prompt)[0], atol=1e-5)
    assert not torch.allclose(together[0], together[2], atol=1e-3)


def test_each_of_a_batch_sees_its_own_reference() -> None:
    model, x = model_of("flux"), drawn(1, 2, 16, 8, 8)
    pictures = drawn(4, 2, 16, 4, 4)
    (both,) = asked(model, x, reference_latent(text(3, model), Latent(pictures)))
    for index in range(2):
        own = reference_latent(text(3, model), Latent(pictures[index : index + 1]))
        (alone,) = asked(model, x[index : index + 1], own)
        assert torch.allclose(both[index], alone[0], atol=1e-5)


@pytest.mark.parametrize(
    ("method", "corners"),
    [
        ("offset", [(1, 0, 0), (1, 4, 0), (1, 0, 4)]),
        ("index", [(1, 0, 0), (2, 0, 0), (3, 0, 0)]),
        ("uxo/uno", [(0, 4, 6), (0, 8, 8), (0, 9, 12)]),
    ],
)
def test_several_references_have_their_places(
    method: str, corners: list[tuple[int, int, int]]
) -> None:
    assert method in METHODS
    prompt = text(3, model_of("flux"))
    sizes = ((8, 4), (2, 8), (4, 2))
    for size in sizes:
        prompt = reference_latent(prompt, Latent(torch.zeros(1, 16, *size)))
    prompt = flux_kontext_multi_reference_latent_method(prompt, method)
    told = told_references(prompt.parts[0], torch.zeros(1, 16, 8, 12), FORMAT)
    parts = told["reference_places"][0].split([h * w // 4 for h, w in sizes])
    assert [tuple(map(int, part[0].tolist())) for part in parts] == corners
    for part, (time, top, left), (height, width) in zip(parts, corners, sizes, strict=True):
        assert part[-1].tolist() == [time, top + height // 2 - 1, left + width // 2 - 1]


def test_a_reference_comes_in_the_models_scale() -> None:
    other = replace(FORMAT, scaling_factor=1.0, shift=0.0)
    picture = drawn(2, 1, 16, 4, 4)
    x = torch.zeros(1, 16, 8, 8)
    prompt = text(3, model_of("flux"))
    raw = reference_latent(prompt, Latent(picture, space=other))
    scaled = reference_latent(prompt, Latent((picture - 0.1159) * 0.3611, space=FORMAT))
    one, two = (told_references(each.parts[0], x, FORMAT) for each in (raw, scaled))
    assert torch.allclose(one["reference_tokens"], two["reference_tokens"], atol=1e-6)


def test_without_a_picture_nothing_is_shown_and_a_wrong_one_is_told() -> None:
    model, x = model_of("flux"), drawn(1, 1, 16, 4, 4)
    prompt = text(3, model)
    assert reference_latent(prompt) is prompt
    with pytest.raises(NodeError, match="A reference has 4 channels"):
        asked(model, x, reference_latent(prompt, Latent(torch.zeros(1, 4, 4, 4))))


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((512, 512), (1024, 1024)), ((600, 800), (880, 1184)), ((100, 40), (1568, 672))],
)
def test_pictures_are_brought_to_the_nearest_trained_size(
    size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    made = flux_kontext_image_scale(Image(torch.rand(1, 3, *size)))
    assert tuple(made.pixels.shape[-2:]) == wanted
    assert wanted[::-1] in KONTEXT_SIZES or wanted in KONTEXT_SIZES
