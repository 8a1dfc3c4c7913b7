"""The conditioning nodes."""

import torch

from nodes import conditioning, conditioning_pairs
from nodes.types import Area, Cond, Conditioning, Mask, TimestepsRange

ONE = Conditioning((Cond(torch.ones(1, 2, 3)),))
TWO = Conditioning((Cond(torch.zeros(1, 2, 3)),))


def test_combining_keeps_every_part() -> None:
    assert conditioning.conditioning_combine(ONE, TWO).parts == ONE.parts + TWO.parts


def test_concatenating_and_averaging_reach_the_arithmetic() -> None:
    assert conditioning.conditioning_concat(ONE, TWO).parts[0].embeds.shape == (1, 4, 3)
    mixed = conditioning.conditioning_average(ONE, TWO, 0.25)
    assert mixed.parts[0].embeds.unique().tolist() == [0.25]


def test_an_area_is_set_on_every_part_in_pixels_or_in_fractions() -> None:
    both = conditioning.conditioning_combine(ONE, TWO)
    pixels = conditioning.conditioning_set_area(both, 128, 64, 8, 16, 0.5)
    assert [part.area for part in pixels.parts] == [Area(128, 64, 8, 16)] * 2
    assert [part.strength for part in pixels.parts] == [0.5, 0.5]
    fractions = conditioning.conditioning_set_area_percentage(ONE, 0.5, 0.25, 0.1, 0.2)
    assert fractions.parts[0].area == Area(0.5, 0.25, 0.1, 0.2, relative=True)


def test_strength_mask_and_time_are_set_and_the_rest_is_kept() -> None:
    mask = Mask(torch.ones(1, 1, 4, 4))
    part = conditioning.conditioning_set_mask(ONE, mask, 0.7, "mask bounds").parts[0]
    assert (part.mask, part.mask_strength, part.mask_bounds) == (mask, 0.7, True)
    timed = conditioning.conditioning_set_timestep_range(Conditioning((part,)), 0.2, 0.6).parts[0]
    assert (timed.start, timed.end, timed.mask) == (0.2, 0.6, mask)
    assert conditioning.conditioning_set_area_strength(ONE, 3.0).parts[0].strength == 3.0
    assert ONE.parts[0].strength == 1.0


def test_zeroing_out_says_nothing() -> None:
    assert conditioning.conditioning_zero_out(ONE).parts[0].embeds.abs().max() == 0


def test_multiplying_reaches_a_prompt_s_summary() -> None:
    given = Conditioning((Cond(torch.ones(1, 2, 3), torch.ones(1, 4)),))
    part = conditioning.conditioning_multiply(given, -2.5).parts[0]
    assert part.pooled is not None
    assert part.embeds.unique().tolist() == part.pooled.unique().tolist() == [-2.5]


def test_a_range_has_what_is_before_and_after_it() -> None:
    within, before, after = conditioning.conditioning_timesteps_range(0.25, 0.75)
    assert (before.start, before.end) == (0, within.start)
    assert (after.start, after.end) == (within.end, 1)


def test_properties_are_set_where_they_are_given() -> None:
    mask, timesteps = Mask(torch.ones(1, 1, 4, 4)), TimestepsRange(0.2, 0.6)
    assert conditioning.conditioning_set_properties(ONE, 0.5).parts == ONE.parts
    part = conditioning.conditioning_set_properties(
        ONE, 0.5, "mask bounds", mask, timesteps=timesteps
    )
    expected = conditioning.conditioning_set_timestep_range(
        conditioning.conditioning_set_mask(ONE, mask, 0.5, "mask bounds"), 0.2, 0.6
    )
    assert vars(part.parts[0]) == vars(expected.parts[0])
    both = conditioning.conditioning_set_properties_and_combine(TWO, ONE, timesteps=timesteps)
    assert [(one.start, one.end) for one in both.parts] == [(0.0, 1.0), (0.2, 0.6)]


def test_pairs_are_treated_alike() -> None:
    timesteps = TimestepsRange(0.2, 0.6)
    pair = conditioning_pairs.pair_conditioning_set_properties(ONE, TWO, timesteps=timesteps)
    assert [one.parts[0].start for one in pair] == [0.2, 0.2]
    both = conditioning_pairs.pair_conditioning_set_properties_and_combine(
        TWO, ONE, ONE, TWO, timesteps=timesteps
    )
    assert both.positive.parts[0] is TWO.parts[0]
    assert both.negative.parts[0] is ONE.parts[0]
    for side, own in zip(both, (ONE, TWO), strict=True):
        assert side.parts[1].embeds is own.parts[0].embeds
        assert side.parts[1].end == 0.6
