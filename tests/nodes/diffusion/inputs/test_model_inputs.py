"""Inpainting models see the mask and the masked picture, as they were trained to."""

from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.inputs.model_inputs import completed
from nodes.errors import NodeError
from nodes.types import Area, Conditioning, Image, Latent, Mask, Model, Vae
from nodes.vae import inpaint_model_conditioning, vae_encode
from tests.nodes.diffusion.family_files import unet
from tests.nodes.diffusion.tiny_models import UNET, tiny_parts
from tests.nodes.diffusion.tiny_sampling import EPSILON, FORMAT, prompt


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    network: Any = UNet2DConditionModel(**UNET, in_channels=9)
    return Model(network.requires_grad_(False).eval(), EPSILON, FORMAT, "float32", "inpaint")


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def estimated(model: Model, conditioning: Conditioning, latent: Latent, x: Tensor) -> Tensor:
    given = completed((conditioning,), model, latent)
    (made,) = denoise(model, x, 2.0, fit_conditionings(given, model.sampling, x, 8))
    return made


def expected(model: Model, text: Tensor, x: Tensor, beside: Tensor) -> Tensor:
    network: Any = model.network
    scaled = torch.cat([x / 5**0.5, beside], dim=1)
    output: Tensor = network(scaled, model.sampling.timestep(2.0), text).sample
    return x - 2.0 * output


def shown() -> tuple[Conditioning, Latent, Tensor, Tensor]:
    """Show a picture with a hole to a prompt; give what a model must read beside the latent too."""
    vae = Vae(tiny_parts().vae, FORMAT, "float32", "tiny")
    picture, hole = Image(drawn(0, 1, 3, 64, 64)), torch.zeros(1, 1, 64, 64)
    hole[..., 16:40, 16:48] = 1
    made = inpaint_model_conditioning(prompt(1), prompt(2), vae, picture, Mask(hole))
    grey = torch.where(hole > 0, 0.5, picture.pixels)
    small = hole[..., ::8, ::8]
    beside = torch.cat([small, vae_encode(Image(grey), vae).samples], dim=1)
    return made.positive, made.latent, beside, vae_encode(picture, vae).samples


def test_the_mask_and_the_greyed_picture_stand_behind_the_latent(model: Model) -> None:
    positive, latent, beside, whole = shown()
    assert torch.allclose(latent.samples, whole, atol=1e-6)
    assert latent.mask is not None
    x = drawn(3, 2, 4, 8, 8)
    text = positive.parts[0].embeds.expand(2, -1, -1)
    theirs = expected(model, text, x, beside.expand(2, -1, -1, -1))
    assert torch.allclose(estimated(model, positive, latent, x), theirs, atol=1e-5)


def test_a_prompt_for_an_area_sees_the_areas_part(model: Model) -> None:
    positive, latent, beside, _ = shown()
    (part,) = positive.parts
    there = Conditioning((type(part)(part.embeds, area=Area(32, 64, 16, 0), extras=part.extras),))
    x = drawn(3, 1, 4, 8, 8)
    ours = estimated(model, there, latent, x)[..., 2:6]
    theirs = expected(model, part.embeds, x[..., 2:6], beside[..., 2:6])
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_masked_latent_shows_itself(model: Model) -> None:
    samples = drawn(1, 1, 4, 8, 8)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    x = drawn(3, 1, 4, 8, 8)
    ours = estimated(model, prompt(1), Latent(samples, Mask(mask)), x)
    theirs = expected(model, prompt(1).parts[0].embeds, x, torch.cat([mask, samples], dim=1))
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_with_no_picture_all_is_to_be_painted_over_grey(model: Model) -> None:
    x = drawn(3, 1, 4, 8, 8)
    ours = estimated(model, prompt(1), Latent(torch.zeros(1, 4, 8, 8)), x)
    grey = torch.tensor([1.0, 0.8223, -0.6876, 0.6364, 0.1380]).reshape(1, 5, 1, 1)
    theirs = expected(model, prompt(1).parts[0].embeds, x, grey.expand(1, 5, 8, 8))
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_text_of_another_family_is_told() -> None:
    sdxl = Model(unet("sdxl"), EPSILON, FORMAT, "float32", "sdxl")
    with pytest.raises(NodeError, match="summary has 0 numbers"):
        completed((prompt(1),), sdxl, Latent(torch.zeros(1, 4, 8, 8)))
