"""Guiders combine estimates as their formulas say."""

import pytest
import torch

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.guidance import guide_for
from nodes.guidance import dual_cfg_guider
from nodes.types import Guider
from tests.nodes.diffusion.tiny_sampling import flat, reader


def guided(guider: Guider) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.zeros(1, 4, 2, 2)
    prompts = fit_conditionings(guider.conditionings, guider.model.sampling, x, 8)
    return guide_for(guider, prompts)(x, 1.0)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        # 2 + 3 * (5 - 2) + 4 * (6 - 5)
        ("regular", 15.0),
        # 2 + 3 * (5 + 4 * (6 - 5) - 2)
        ("nested", 23.0),
    ],
)
def test_two_steps_have_strengths_of_their_own(style: str, expected: float) -> None:
    model, _ = reader()
    guider = dual_cfg_guider(model, flat(6.0), flat(5.0), flat(2.0), 4.0, 3.0, style)
    made, away = guided(guider)
    assert torch.allclose(made, torch.full_like(made, expected))
    assert torch.allclose(away, torch.full_like(away, 2.0))


@pytest.mark.parametrize("style", ["regular", "nested"])
def test_strengths_of_one_follow_the_first_prompt(style: str) -> None:
    model, network = reader()
    guider = dual_cfg_guider(model, flat(6.0), flat(5.0), flat(2.0), 1.0, 1.0, style)
    made, _ = guided(guider)
    assert torch.allclose(made, torch.full_like(made, 6.0))
    assert len(network.calls) == 1
