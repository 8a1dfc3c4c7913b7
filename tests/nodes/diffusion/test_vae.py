"""VAEs give what diffusers gives, in the scale of the model."""

from typing import Any

import pytest
import torch
from torch import Tensor

from nodes.diffusion import vae as coding
from nodes.errors import NodeError
from nodes.types import LatentFormat, Vae
from tests.nodes.diffusion.tiny_models import tiny_parts

FORMAT = LatentFormat(4, 0.5, shift=0.1)


def vae() -> Vae:
    return Vae(tiny_parts().vae, FORMAT, "float32", "tiny")


def random(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3))


def test_encoding_is_that_of_diffusers_scaled() -> None:
    pixels = random(3, 3, 32, 48)
    network: Any = tiny_parts().vae
    mean = network.encode(pixels * 2 - 1).latent_dist.mode()
    samples = torch.cat(list(coding.encode(vae(), pixels)))
    assert samples.shape == (3, 4, 4, 6)
    assert torch.allclose(samples, (mean - 0.1) * 0.5, atol=1e-6)


def test_alpha_is_passed_over() -> None:
    pixels = random(1, 4, 32, 32)
    with_alpha, without = (next(coding.encode(vae(), x)) for x in (pixels, pixels[:, :3]))
    assert torch.equal(with_alpha, without)


def test_decoding_is_that_of_diffusers_unscaled() -> None:
    samples = random(2, 4, 4, 6) * 2 - 1
    network: Any = tiny_parts().vae
    expected = network.decode(samples / 0.5 + 0.1).sample / 2 + 0.5
    pixels = torch.cat(list(coding.decode(vae(), samples)))
    assert pixels.shape == (2, 3, 32, 48)
    assert torch.allclose(pixels, expected.clamp(0, 1), atol=1e-6)


def test_large_batches_go_through_a_few_at_a_time() -> None:
    samples = random(5, 4, 64, 64)
    parts = list(coding.decode(vae(), samples))
    assert [len(part) for part in parts] == [4, 1]
    assert len(parts) == coding.calls(5, 512 * 512)
    alone = next(coding.decode(vae(), samples[4:]))
    assert torch.allclose(parts[1], alone, atol=1e-5)


def test_sides_are_cut_about_the_middle() -> None:
    pixels = torch.arange(20 * 17.0).reshape(1, 1, 20, 17)
    fitted = coding.fitted(pixels, 8)
    assert fitted.shape == (1, 1, 16, 16)
    assert torch.equal(fitted, pixels[..., 2:18, 0:16])
    assert coding.fitted(fitted, 8).shape == fitted.shape


def test_a_picture_smaller_than_a_cell_is_refused() -> None:
    with pytest.raises(NodeError, match="5×40 is smaller than one cell"):
        coding.fitted(random(1, 3, 40, 5), 8)


def test_latents_of_other_channels_are_refused() -> None:
    with pytest.raises(NodeError, match="16 channels, but the VAE reads 4"):
        coding.decode_once(vae(), random(1, 16, 4, 4))


def test_colours_of_latents_are_found_where_decoding_is_linear() -> None:
    matrix = torch.tensor([[0.1, 0.0, -0.1], [0.05, 0.1, 0.0], [0.0, 0.0, 0.2], [0.1, 0.1, 0.1]])
    bias = torch.tensor([0.1, -0.2, 0.3])

    class Linear(torch.nn.Module):
        """A decoder that is linear in each cell."""

        def __init__(self) -> None:
            super().__init__()
            self.matrix = torch.nn.Parameter(matrix)

        def decode(self, raw: Tensor) -> Any:
            scaled = (raw - 0.1) * 0.5
            colours = torch.einsum("bchw,cr->brhw", scaled, self.matrix) + bias[:, None, None]
            return type(
                "Output", (), {"sample": colours.repeat_interleave(8, 2).repeat_interleave(8, 3)}
            )

    found = coding.fit_rgb(Linear(), FORMAT)
    assert torch.allclose(torch.tensor(found.rgb), matrix, atol=1e-4)
    assert torch.allclose(torch.tensor(found.rgb_bias), bias, atol=1e-4)
    assert (found.channels, found.scaling_factor, found.shift) == (4, 0.5, 0.1)
