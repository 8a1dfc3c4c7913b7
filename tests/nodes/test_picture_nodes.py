"""Nodes on pictures and masks: what they give, and the sizes that they promise."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nodes import batch, compositing, effects, image, mask, transform
from nodes.api import NodeSpec
from nodes.api.shapes import evaluate
from nodes.errors import NodeError
from nodes.types import Image, Mask


def picture(batch: int = 2, channels: int = 3, height: int = 6, width: int = 10) -> Image:
    generator = torch.Generator().manual_seed(batch + channels)
    return Image(torch.rand(batch, channels, height, width, generator=generator))


def stencil(batch: int = 1, height: int = 6, width: int = 10) -> Mask:
    generator = torch.Generator().manual_seed(height)
    return Mask(torch.rand(batch, 1, height, width, generator=generator))


CALLS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (image.empty_image, {"width": 5, "height": 3, "batch_size": 2, "color": 0x336699}),
    (image.image_scale, {"image": picture(), "width": 4, "height": 8}),
    (image.image_scale, {"image": picture(), "width": 5, "height": 0, "upscale_method": "lanczos"}),
    (image.image_scale_by, {"image": picture(), "scale_by": 0.75, "upscale_method": "area"}),
    (image.image_scale_by, {"image": picture(), "scale_by": 0.01}),
    (image.image_invert, {"image": picture(channels=4)}),
    (image.image_batch, {"image1": picture(), "image2": picture(1, 4, 8, 8)}),
    (image.image_crop, {"image": picture(), "width": 4, "height": 9, "x": 3, "y": 1}),
    (image.image_crop, {"image": picture(), "width": 4, "height": 4, "x": 99, "y": 99}),
    (image.image_pad_for_outpaint, {"image": picture(), "left": 8, "bottom": 16, "feathering": 2}),
    (compositing.image_composite_masked, {"destination": picture(), "source": picture(1, 3, 9, 9)}),
    (
        compositing.image_composite_masked,
        {"destination": picture(), "source": picture(1), "mask": stencil(), "resize_source": True},
    ),
    (compositing.join_image_with_alpha, {"image": picture(), "alpha": stencil()}),
    (compositing.split_image_with_alpha, {"image": picture(channels=4)}),
    (
        compositing.porter_duff_image_composite,
        {
            "source": picture(),
            "source_alpha": stencil(),
            "destination": picture(1, 4, 9, 9),
            "destination_alpha": stencil(1, 9, 9),
            "mode": "SRC_OVER",
        },
    ),
    (effects.image_blur, {"image": picture(channels=4), "blur_radius": 2}),
    (effects.image_blur, {"image": picture(), "blur_radius": 31}),
    (effects.image_sharpen, {"image": picture(), "alpha": 5.0}),
    (effects.image_blend, {"image1": picture(), "image2": picture(1, 4, 8, 8)}),
    (effects.image_quantize, {"image": picture(channels=4), "colors": 3, "dither": "bayer-4"}),
    (effects.image_add_noise, {"image": picture()}),
    (effects.morphology, {"image": picture(), "operation": "top_hat"}),
    (effects.image_rgb_to_yuv, {"image": picture()}),
    (transform.image_scale_to_total_pixels, {"image": picture(), "megapixels": 0.01}),
    (transform.image_scale_to_max_dimension, {"image": picture(), "largest_size": 20}),
    (transform.resize_and_pad_image, {"image": picture(), "target_width": 8, "target_height": 8}),
    (transform.image_flip, {"image": picture()}),
    (transform.image_rotate, {"image": picture(), "rotation": "90 degrees"}),
    (transform.image_stitch, {"image1": picture(), "image2": picture(1, 4, 3, 3)}),
    (batch.image_from_batch, {"image": picture(), "batch_index": 1, "length": 5}),
    (batch.repeat_image_batch, {"image": picture(), "amount": 3}),
    (mask.image_color_to_mask, {"image": picture(), "color": 0x336699}),
    (mask.solid_mask, {"value": 0.5, "width": 4, "height": 2}),
    (mask.invert_mask, {"mask": stencil()}),
    (mask.crop_mask, {"mask": stencil(), "x": 2, "y": 1, "width": 20, "height": 2}),
    (mask.grow_mask, {"mask": stencil(), "expand": -2}),
    (mask.feather_mask, {"mask": stencil(), "left": 3, "bottom": 2}),
    (mask.mask_to_image, {"mask": stencil(2)}),
    (mask.image_to_mask, {"image": picture(), "channel": "blue"}),
    (mask.mask_composite, {"destination": stencil(2), "source": stencil(), "x": 4}),
    (mask.threshold_mask, {"mask": stencil()}),
]
NAMES = [f"{index}-{call.__name__}" for index, (call, _) in enumerate(CALLS)]


def planes(value: Image | Mask) -> torch.Tensor:
    return value.pixels if isinstance(value, Image) else value.values


def measures(value: Image | Mask) -> dict[str, int]:
    batch, channels, height, width = planes(value).shape
    return {"batch": batch, "channels": channels, "height": height, "width": width}


@pytest.mark.parametrize(("function", "inputs"), CALLS, ids=NAMES)
def test_nothing_that_comes_in_is_changed(
    function: Callable[..., Any], inputs: dict[str, Any]
) -> None:
    wires = {name: value for name, value in inputs.items() if isinstance(value, Image | Mask)}
    before = {name: planes(value).clone() for name, value in wires.items()}
    function(**inputs)
    for name, value in wires.items():
        assert torch.equal(planes(value), before[name])


@pytest.mark.parametrize(("function", "inputs"), CALLS, ids=NAMES)
def test_outputs_have_the_promised_sizes_and_the_range_of_their_kind(
    function: Callable[..., Any], inputs: dict[str, Any]
) -> None:
    spec: NodeSpec = vars(function)["__node__"]
    made = function(**inputs)
    outputs = made if isinstance(made, tuple) else (made,)
    defaults = {item.name: item.default for item in spec.inputs if not item.required}
    given = defaults | inputs
    shapes = {n: measures(v) for n, v in given.items() if isinstance(v, Image | Mask)}
    for output, value in zip(spec.outputs, outputs, strict=True):
        assert planes(value).dtype == torch.float32
        assert planes(value).min() >= 0
        assert planes(value).max() <= 1
        actual = measures(value)
        assert actual["channels"] in ((3, 4) if isinstance(value, Image) else (1,))
        for dimension, rule in output.shape.items():
            assert evaluate(rule, given, shapes) == actual[dimension], (output.name, dimension)


def test_a_colour_is_red_green_blue() -> None:
    made = image.empty_image(1, 1, 1, 0xFF8000).pixels[0, :, 0, 0]
    assert torch.allclose(made, torch.tensor([1.0, 128 / 255, 0.0]))


def test_scaling_with_a_side_of_zero_keeps_proportions() -> None:
    made = image.image_scale(picture(), "bilinear", 0, 3)
    assert made.pixels.shape[-2:] == (3, 5)


def test_inverting_twice_is_nothing_and_alpha_stays() -> None:
    given = picture(channels=4)
    once = image.image_invert(given)
    assert torch.equal(once.pixels[:, 3], given.pixels[:, 3])
    assert torch.allclose(image.image_invert(once).pixels, given.pixels, atol=1e-6)


def test_batching_brings_pictures_to_the_size_and_channels_of_all() -> None:
    made = image.image_batch(picture(), picture(1, 4, 8, 8)).pixels
    assert torch.equal(made[:2, :3], picture().pixels)
    assert torch.equal(made[:2, 3], torch.ones(2, 6, 10))


def test_cropping_beyond_the_picture_gives_what_there_is() -> None:
    given = picture()
    made = image.image_crop(given, 4, 9, 8, 1)
    assert torch.equal(made.pixels, given.pixels[..., 1:, 8:])


def test_margins_for_outpainting_are_grey_and_masked() -> None:
    given = picture(1)
    made = image.image_pad_for_outpaint(given, left=8, top=0, right=0, bottom=0, feathering=2)
    assert torch.equal(made.image.pixels[..., 8:], given.pixels)
    assert torch.all(made.image.pixels[..., :8] == 0.5)
    assert torch.all(made.mask.values[..., :8] == 1)
    assert torch.all(made.mask.values[..., 10:] == 0)


def test_the_size_of_a_picture() -> None:
    assert image.get_image_size(picture()) == (10, 6, 2)


def test_alpha_joined_and_split_comes_back() -> None:
    joined = compositing.join_image_with_alpha(picture(1), stencil())
    split = compositing.split_image_with_alpha(joined)
    assert torch.allclose(split.mask.values, stencil().values, atol=1e-6)
    assert torch.equal(split.image.pixels, picture(1).pixels)


@pytest.mark.parametrize(
    "call",
    [
        lambda: compositing.split_image_with_alpha(picture()),
        lambda: mask.image_to_mask(picture(), "alpha"),
    ],
)
def test_alpha_that_is_not_there_is_told(call: Callable[[], object]) -> None:
    with pytest.raises(NodeError, match="no alpha channel") as caught:
        call()
    assert caught.value.hint


def test_masks_and_pictures_turn_into_each_other() -> None:
    shown = mask.mask_to_image(stencil())
    assert torch.equal(mask.image_to_mask(shown, "green").values, stencil().values)


def test_a_threshold_is_exclusive() -> None:
    values = torch.tensor([0.4, 0.5, 0.6]).reshape(1, 1, 1, 3)
    assert mask.threshold_mask(Mask(values), 0.5).values.flatten().tolist() == [0, 0, 1]


def test_only_the_exact_colour_is_masked() -> None:
    pixels = torch.tensor([0x33, 0x66, 0x99]).reshape(1, 3, 1, 1).repeat(1, 1, 1, 2) / 255
    pixels[0, 2, 0, 1] += 1 / 255
    made = mask.image_color_to_mask(Image(pixels), 0x336699).values
    assert made.flatten().tolist() == [1, 0]
