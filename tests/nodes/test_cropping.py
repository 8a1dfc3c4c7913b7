"""What is cut out of pictures, and where."""

import torch

from nodes import cropping, fitting
from nodes.types import BoundingBox, Image

PLACES = torch.arange(12 * 16, dtype=torch.float32).reshape(1, 1, 12, 16).expand(1, 3, -1, -1) / 192
IMAGE = Image(PLACES)


def test_a_box_is_cut_by_numbers_or_by_a_wire() -> None:
    box = cropping.primitive_bounding_box(3, 2, 20, 5)
    assert box == BoundingBox(3, 2, 20, 5)
    for cut in (
        cropping.image_crop_v2(IMAGE, 3, 2, 20, 5),
        cropping.image_crop_v2(IMAGE, 0, 0, 1, 1, box),
    ):
        assert torch.equal(cut.pixels, PLACES[..., 2:7, 3:])
    outside = cropping.image_crop_v2(IMAGE, 99, 99, 4, 4)
    assert torch.equal(outside.pixels, PLACES[..., -1:, -1:])


def test_the_middle_is_cut_as_far_as_there_is_so_much() -> None:
    assert torch.equal(cropping.center_crop_images(IMAGE, 7, 5).pixels, PLACES[..., 3:8, 4:11])
    assert torch.equal(cropping.center_crop_images(IMAGE, 20, 5).pixels, PLACES[..., 3:8, :])


def test_chance_cuts_where_it_does_elsewhere_in_the_field() -> None:
    assert torch.equal(cropping.random_crop_images(IMAGE, 7, 5, 3).pixels, PLACES[..., 1:6, 8:15])
    assert cropping.random_crop_images(IMAGE, 7, 5, 2**64 - 1).pixels.shape == (1, 3, 5, 7)
    assert torch.equal(cropping.random_crop_images(IMAGE, 99, 99, 4).pixels, PLACES)


def test_an_edge_gets_its_length() -> None:
    assert fitting.resize_images_by_longer_edge(IMAGE, 8).pixels.shape == (1, 3, 6, 8)
    assert fitting.resize_images_by_shorter_edge(IMAGE, 30).pixels.shape == (1, 3, 30, 40)
