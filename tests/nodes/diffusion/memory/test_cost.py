"""Costs that are found without working agree with arithmetic, and grow as they must."""

import torch
from torch import nn

from nodes.diffusion.memory.cost import (
    META,
    cost_of,
    decoder_cost,
    denoiser_cost,
    encoder_cost,
    repeated,
    together,
)
from nodes.types import Cost, LatentFormat, Vae
from tests.nodes.diffusion.tiny_models import tiny_parts
from tests.nodes.diffusion.tiny_sampling import prompt, tiny_model


def test_a_convolution_costs_what_arithmetic_says() -> None:
    conv = nn.Conv2d(3, 64, 3, padding=1)
    given = torch.empty(1, 3, 64, 32, device=META)
    found = cost_of(conv, lambda net: net(given))
    # What it makes, and a copy of that in the order it works in.
    assert found == Cost(2 * 64 * 32 * 9 * 3 * 64, 2 * 64 * 32 * 64 * 4)
    assert not conv.weight.is_meta


def test_a_narrow_convolution_takes_the_time_of_a_wider_one() -> None:
    given = torch.empty(1, 3, 64, 32, device=META)
    narrow, wide = (
        cost_of(nn.Conv2d(3, channels, 3), lambda net: net(given)) for channels in (8, 32)
    )
    assert narrow.operations == wide.operations
    assert narrow.peak_bytes < wide.peak_bytes


def test_what_is_let_go_of_makes_room() -> None:
    chain = nn.Sequential(*[nn.Conv2d(4, 4, 1) for _ in range(10)])
    found = cost_of(chain, lambda net: net(torch.empty(1, 4, 50, 50, device=META)))
    plane = 4 * 50 * 50 * 4
    assert 2 * plane <= found.peak_bytes <= 3 * plane


def test_a_denoiser_costs_in_proportion_to_what_it_works_on() -> None:
    part = prompt(0).parts[0]
    one, two = (denoiser_cost(tiny_model(), 16, 16, batch, part) for batch in (1, 2))
    large = denoiser_cost(tiny_model(), 32, 32, 1, part)
    # The batch's embedding of time and text adds a little.
    assert 1.9 < two.operations / one.operations <= 2
    assert 3.5 < large.peak_bytes / one.peak_bytes < 4.5


def test_attention_keeps_no_scores() -> None:
    class Attention(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.scaled_dot_product_attention(x, x, value=x)

    given = torch.empty(2, 4, 1000, 8, device=META)
    found = cost_of(Attention(), lambda net: net(given))
    assert found == Cost(2 * 4 * 1000 * 1000 * 8 * 4, 2 * 4 * 1000 * 8 * 4)


def test_a_vae_is_asked_for_both_ways() -> None:
    vae = Vae(tiny_parts().vae, LatentFormat(4, 1.0), "float32", "vae")
    for cost in (encoder_cost, decoder_cost):
        small, large = cost(vae, 64), cost(vae, 128)
        assert 3.9 < large.operations / small.operations < 4.1


def test_costs_add_up_and_memory_is_used_again() -> None:
    assert together(Cost(2, 5), Cost(3, 4)) == Cost(5, 5)
    assert repeated(Cost(2, 5), 3) == Cost(6, 5)
