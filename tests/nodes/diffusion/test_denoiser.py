"""What networks are asked, and how answers under several prompts are put together."""

import pytest
import torch
from torch import Tensor

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.patches.patch import CallLimit, with_patch
from nodes.errors import NodeError
from nodes.types import Area, Cond, Conditioning, Mask, Model
from tests.nodes.diffusion.tiny_sampling import Reader, flat, prompt, reader, tiny_model

X = torch.zeros(2, 4, 16, 16)


def ask(
    model: Model, *conditionings: Conditioning, sigma: float = 1.0, x: Tensor = X
) -> list[Tensor]:
    prompts = fit_conditionings(conditionings, model.sampling, x, downscale=8)
    return denoise(model, x, sigma, prompts)


def joined(*parts: Conditioning) -> Conditioning:
    return Conditioning(tuple(part for one in parts for part in one.parts))


@pytest.fixture
def told() -> tuple[Model, Reader]:
    return reader()


def test_positive_and_negative_share_one_call(told: tuple[Model, Reader]) -> None:
    model, network = told
    positive, negative = ask(model, flat(3.0), flat(-1.0))
    assert len(network.calls) == 1
    assert network.calls[0][0] == (4, 4, 16, 16)
    assert bool((positive == 3).all())
    assert bool((negative == -1).all())


def test_one_call_is_the_same_as_several() -> None:
    model = tiny_model()
    x = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    prompts = fit_conditionings((prompt(1), prompt(2)), model.sampling, x, 8)
    together = denoise(model, x, 3.0, prompts)
    for most in (2, 1):
        apart = denoise(with_patch(model, CallLimit(most)), x, 3.0, prompts)
        for one, other in zip(together, apart, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("most", "sizes"), [(6, [6]), (5, [3, 3]), (2, [2, 1, 2, 1]), (1, [1] * 6)]
)
def test_no_call_has_more_pictures_than_the_limit(
    told: tuple[Model, Reader], most: int, sizes: list[int]
) -> None:
    model, network = told
    # Each picture has a text of its own: they stay together.
    texts = torch.tensor([1.0, 2.0, 3.0])[:, None, None].expand(3, 2, 3)
    own = Conditioning((Cond(texts),))
    x = torch.zeros(3, 4, 8, 8)
    positive, negative = ask(with_patch(model, CallLimit(most)), own, flat(-1.0), x=x)
    assert [call[0][0] for call in network.calls] == sizes
    assert positive[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert bool((negative == -1).all())


def test_masks_of_each_picture_stay_with_it_in_smaller_calls(told: tuple[Model, Reader]) -> None:
    model, _ = told
    values = torch.zeros(2, 1, 8, 8)
    values[0] = 1.0
    parts = joined(flat(0.0), flat(4.0, mask=Mask(values)))
    (mixed,) = ask(with_patch(model, CallLimit(1)), parts, x=torch.zeros(2, 4, 8, 8))
    assert mixed[:, 0, 0, 0].tolist() == [2, 0]


def test_texts_of_unlike_lengths_are_repeated_to_share_a_call(told: tuple[Model, Reader]) -> None:
    model, network = told
    long = Conditioning((prompt(1, tokens=6, width=3).parts[0],))
    ask(model, flat(3.0), long)
    assert [call[1] for call in network.calls] == [(4, 6, 3)]


def test_repeating_a_text_changes_nothing() -> None:
    model = tiny_model()
    x = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    short, long = prompt(1, tokens=7), prompt(2, tokens=14)
    together = ask(model, short, long, x=x)[0]
    torch.testing.assert_close(together, ask(model, short, x=x)[0], rtol=1e-4, atol=1e-5)


def test_texts_of_very_unlike_lengths_are_asked_apart(told: tuple[Model, Reader]) -> None:
    model, network = told
    ask(model, flat(3.0), prompt(1, tokens=77, width=3))
    assert len(network.calls) == 2


def test_the_network_is_told_the_nearest_step(told: tuple[Model, Reader]) -> None:
    model, network = told
    ask(model, flat(0.0), sigma=float(model.sampling.sigmas[250]) * 1.0001)
    assert network.calls[0][2] == [250.0, 250.0]


def test_prompts_that_overlap_are_averaged_by_their_strengths(told: tuple[Model, Reader]) -> None:
    model, _ = told
    (mixed,) = ask(model, joined(flat(4.0, strength=3.0), flat(0.0, strength=1.0)))
    torch.testing.assert_close(mixed, torch.full_like(X, 3.0))


def test_an_area_holds_within_its_edges_only(told: tuple[Model, Reader]) -> None:
    model, network = told
    left = Area(width=64, height=128, x=0, y=0)
    (mixed,) = ask(model, joined(flat(0.0), flat(4.0, area=left)))
    assert [call[0] for call in network.calls] == [(2, 4, 16, 16), (2, 4, 16, 8)]
    assert bool((mixed[..., 8:] == 0).all())
    # It fades out over a quarter of its 8 columns, towards its inner edge.
    assert mixed[0, 0, 3, :8].tolist() == pytest.approx([2.0] * 7 + [4.0 * 0.5 / 1.5])


def test_a_large_area_fades_out_over_eight_cells(told: tuple[Model, Reader]) -> None:
    model, _ = told
    right = Area(width=256, height=32, x=64, y=0)
    x = torch.zeros(1, 4, 4, 40)
    (mixed,) = ask(model, joined(flat(0.0), flat(4.0, area=right)), x=x)
    weights = torch.tensor([*(i / 8 for i in range(1, 9)), *[1.0] * 24])
    torch.testing.assert_close(mixed[0, 0, 0, 8:], 4 * weights / (1 + weights))


def test_an_area_in_fractions_is_the_same_in_pixels(told: tuple[Model, Reader]) -> None:
    model, _ = told
    relative = Area(width=0.5, height=0.25, x=0.25, y=0.5, relative=True)
    pixels = Area(width=64, height=32, x=32, y=64)
    one, other = (
        ask(model, joined(flat(0.0), flat(4.0, area=area)))[0] for area in (relative, pixels)
    )
    assert torch.equal(one, other)


def test_an_area_beyond_the_picture_is_cut(told: tuple[Model, Reader]) -> None:
    model, network = told
    far = Area(width=640, height=640, x=96, y=5000)
    ask(model, joined(flat(0.0), flat(4.0, area=far)))
    assert network.calls[1][0] == (2, 4, 1, 4)


def test_a_mask_weighs_a_prompt(told: tuple[Model, Reader]) -> None:
    model, _ = told
    values = torch.zeros(1, 1, 16, 16)
    values[..., :8] = 1.0
    masked = flat(4.0, mask=Mask(values), mask_strength=3.0)
    (mixed,) = ask(model, joined(flat(0.0), masked))
    torch.testing.assert_close(mixed[..., :8], torch.full((2, 4, 16, 8), 3.0))
    assert bool((mixed[..., 8:] == 0).all())


def test_a_mask_of_another_size_is_fitted(told: tuple[Model, Reader]) -> None:
    model, _ = told
    values = torch.zeros(1, 1, 128, 128)
    values[..., :64] = 1.0
    (mixed,) = ask(model, joined(flat(0.0), flat(4.0, mask=Mask(values))))
    torch.testing.assert_close(mixed[..., 0].mean().item(), 2.0)
    assert mixed[..., 15].abs().max() == 0


def test_mask_bounds_are_all_that_is_computed(told: tuple[Model, Reader]) -> None:
    model, network = told
    values = torch.zeros(1, 1, 16, 16)
    values[..., 2:14, 4:13] = 1.0
    masked = flat(4.0, mask=Mask(values), mask_bounds=True)
    (mixed,) = ask(model, joined(flat(0.0), masked))
    assert network.calls[1][0] == (2, 4, 12, 9)
    torch.testing.assert_close(mixed[0, 0, 5, 5].item(), 2.0)
    assert mixed[0, 0, 1, 5] == 0


def test_guidance_compares_answers_for_the_same_area(told: tuple[Model, Reader]) -> None:
    model, network = told
    left = Area(width=64, height=128)
    positive, negative = ask(model, joined(flat(1.0), flat(4.0, area=left)), flat(-1.0))
    # Both are asked for the whole and for the area.
    assert sorted(call[0] for call in network.calls) == [(4, 4, 16, 8), (4, 4, 16, 16)]
    assert bool((negative == -1).all())
    torch.testing.assert_close(positive[0, 0, 0, 0].item(), 2.5)


def test_a_prompt_holds_during_its_time_only(told: tuple[Model, Reader]) -> None:
    model, _ = told
    early, late = flat(1.0, start=0.0, end=0.5), flat(2.0, start=0.5, end=1.0)
    halfway = float(model.sampling.sigma(499.5))
    (first,) = ask(model, joined(early, late), sigma=halfway * 1.1)
    (second,) = ask(model, joined(early, late), sigma=halfway * 0.9)
    assert bool((first == 1).all())
    assert bool((second == 2).all())


def test_where_nothing_is_said_the_answer_is_nothing(told: tuple[Model, Reader]) -> None:
    model, _ = told
    (nothing,) = ask(model, flat(1.0, start=0.9), sigma=14.0)
    assert bool((nothing == 0).all())


def test_one_prompt_for_each_element_of_a_batch_is_kept_apart(told: tuple[Model, Reader]) -> None:
    model, _ = told
    each = Conditioning((Cond(torch.tensor([[[1.0]], [[2.0]]])),))
    (answer,) = ask(model, each)
    assert answer[:, 0, 0, 0].tolist() == [1.0, 2.0]


def test_a_prompt_of_another_encoder_is_refused_in_words() -> None:
    with pytest.raises(NodeError, match="24 numbers a token, but the model reads 16"):
        ask(tiny_model(), prompt(1, width=24))
