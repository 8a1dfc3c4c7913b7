"""Self-attention that looks at less: tiles and merged tokens, there and back."""

import pytest
import torch
from torch import Tensor

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.patches.tokens import merged, tiled
from nodes.patches import hyper_tile, tome_patch_model
from nodes.types import Model
from tests.nodes.diffusion.tiny_sampling import prompt, tiny_model

X = torch.randn(2, 4, 32, 32, generator=torch.Generator().manual_seed(0))


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def estimate(model: Model, x: Tensor = X, sigma: float = 2.0) -> Tensor:
    prompts = fit_conditionings((prompt(1),), model.sampling, x, 8)
    return denoise(model, x, sigma, prompts)[0]


def attended(model: Model, x: Tensor = X, sigma: float = 2.0) -> list[tuple[int, ...]]:
    """Note the shapes that go into the first projection of each self-attention."""
    shapes: list[tuple[int, ...]] = []
    hooks = [
        module.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape)))
        for name, module in model.network.named_modules()
        if name.endswith("attn1.to_q")
    ]
    estimate(model, x, sigma)
    for hook in hooks:
        hook.remove()
    return shapes


def test_tiles_are_rectangles_of_the_picture() -> None:
    tokens = torch.arange(24.0).reshape(1, 24, 1)
    tiles, back = tiled(tokens, (4, 6), (2, 3))
    assert tiles.shape == (6, 4, 1)
    assert tiles[0].flatten().tolist() == [0, 1, 6, 7]
    assert tiles[5].flatten().tolist() == [16, 17, 22, 23]
    assert torch.equal(back(tiles), tokens)


def test_tiles_of_a_batch_come_back() -> None:
    tokens = draw(3, 24, 5)
    tiles, back = tiled(tokens, (4, 6), (4, 1))
    assert torch.equal(back(tiles), tokens)


def test_each_tile_is_attended_alone_on_the_levels_that_are_named() -> None:
    # The network attends on the second level, 16 × 16, and in the middle, 16 × 16.
    untouched = attended(tiny_model())
    assert set(untouched) == {(2, 256, 16)}
    only_first = hyper_tile(tiny_model(), 32, 1, max_depth=0)
    assert attended(only_first) == untouched
    deeper = hyper_tile(tiny_model(), 64, 1, max_depth=1)
    # 64 pixels are 4 cells on the second level: 16 tiles of 16 tokens.
    assert set(attended(deeper)) == {(2 * 16, 16, 16)}
    scaled = hyper_tile(tiny_model(), 64, 1, max_depth=1, scale_depth=True)
    assert set(attended(scaled)) == {(2 * 4, 64, 16)}


def test_one_tile_is_exactly_without() -> None:
    one = hyper_tile(tiny_model(), 2048, 1, max_depth=1)
    assert torch.equal(estimate(one), estimate(tiny_model()))


def test_tilings_change_from_step_to_step_and_are_the_same_for_the_same_step() -> None:
    model = hyper_tile(tiny_model(), 32, 3, max_depth=1)
    seen = {tuple(attended(model, sigma=float(sigma))) for sigma in range(1, 9)}
    assert len(seen) > 1
    assert torch.equal(estimate(model), estimate(model))


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (1, 4)])
def test_merging_and_coming_back_keeps_each_token_at_its_place(size: tuple[int, int]) -> None:
    height, width = size
    tokens = draw(2, height * width, 3)
    fewer, back = merged(tokens, size, 0.0, torch.Generator().manual_seed(1))
    assert fewer.shape == tokens.shape
    assert torch.equal(back(fewer), tokens)


def test_tokens_that_are_equal_are_merged_without_loss() -> None:
    squares = draw(2, 3, 4, 5).repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    tokens = squares.flatten(1, 2)
    fewer, back = merged(tokens, (6, 8), 0.75, torch.Generator().manual_seed(1))
    assert fewer.shape == (2, 12, 5)
    torch.testing.assert_close(back(fewer), tokens)


def test_merged_tokens_are_meaned_with_the_one_they_are_most_alike() -> None:
    tokens = torch.tensor([[[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [-1.0, 0.0]]])
    fewer, back = merged(tokens, (2, 2), 0.25, torch.Generator().manual_seed(0))
    stays = torch.randint(4, (1, 1), generator=torch.Generator().manual_seed(0)).item()
    likeness = torch.nn.functional.cosine_similarity(tokens[0], tokens[0, int(stays)], dim=-1)
    likeness[int(stays)] = -2
    gone = int(likeness.argmax())
    assert fewer.shape == (1, 3, 2)
    torch.testing.assert_close(fewer[0, -1], (tokens[0, int(stays)] + tokens[0, gone]) / 2)
    restored = back(fewer)
    torch.testing.assert_close(restored[0, gone], restored[0, int(stays)])


def test_merging_holds_on_the_finest_level_only() -> None:
    assert tome_patch_model(tiny_model(), 0.0) is tiny_model()
    # The tiny network has no attention there.
    assert torch.equal(estimate(tome_patch_model(tiny_model(), 0.5)), estimate(tiny_model()))
