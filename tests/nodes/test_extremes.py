"""Every node takes whatever it says that it takes, or says in words what it needs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from nodes.api import InputSpec, NodeSpec
from nodes.api.catalogue import load
from nodes.arithmetic import latent_operation_sharpen
from nodes.diffusion.text.tokenizer import vocabulary
from nodes.errors import NodeError
from nodes.guidance import basic_guider
from nodes.sampling import k_sampler_select, random_noise
from nodes.types import Clip, Conditioning, Image, Latent, LatentFormat, Mask, Sigmas, Vae
from tests.nodes.diffusion.adapters.test_control import tiny_control
from tests.nodes.diffusion.tiny_models import tiny_parts, tiny_vocabulary
from tests.nodes.diffusion.tiny_sampling import FORMAT, prompt, tiniest_model
from tests.nodes.folder_context import FolderContext

LARGEST = 64
"""What lies beyond it are sizes and counts, which are priced before a run."""


def given_values() -> Mapping[str, Any]:
    """Make a small value for each wire that nodes compute with."""
    generator = torch.Generator().manual_seed(0)
    words = tiny_vocabulary()
    tokenizer = vocabulary(words["vocab"], [(left, right) for left, right in words["merges"]])
    pixels = torch.rand(1, 3, 16, 24, generator=generator)
    return {
        "Image": Image(pixels),
        "Mask": Mask(pixels[:, :1]),
        "Latent": Latent(torch.randn(1, 4, 4, 6, generator=generator), space=FORMAT),
        "Conditioning": prompt(0),
        "Model": tiniest_model(),
        "Clip": Clip(tiny_parts().text_encoder, tokenizer, "tiny"),
        "Vae": Vae(tiny_parts().vae, LatentFormat(4, 0.5), "float32", "tiny"),
        "ControlNet": tiny_control(),
        "Sigmas": Sigmas(torch.tensor([14.0, 5.0, 1.0, 0.0], dtype=torch.float64)),
        "Noise": random_noise(1),
        "Sampler": k_sampler_select("euler"),
        "Guider": basic_guider(tiniest_model(), prompt(0)),
        "LatentOperation": latent_operation_sharpen(),
        "T": 1,
        "*": 1,
    }


WIRES = given_values()
ODD: Mapping[str, tuple[Any, ...]] = {
    "Image": (
        Image(torch.ones(1, 3, 1, 1)),
        Image(torch.ones(2, 4, 16, 24)),
        Image(torch.ones(3, 3, 7, 65)),
    ),
    "Mask": (Mask(torch.zeros(1, 1, 16, 24)), Mask(torch.ones(3, 1, 5, 9))),
    "Latent": (Latent(torch.ones(2, 16, 4, 6)), Latent(torch.ones(1, 4, 1, 1), space=FORMAT)),
    "Conditioning": (Conditioning(()), prompt(1, tokens=154)),
    "Sigmas": (Sigmas(torch.zeros(0).double()), Sigmas(torch.ones(1).double())),
}
"""What a wire may bring that an example never does."""


def plain(item: InputSpec) -> Any:
    """Give an input something ordinary; None where nothing is known."""
    if not item.required:
        return item.default
    if item.type in WIRES:
        return [WIRES[item.type]] * 2 if item.many else WIRES[item.type]
    told = {} if item.marker is None else item.marker.describe()
    choices = told.get("options")
    if isinstance(choices, list):
        return choices[0]
    return {"Int": told.get("min", 1), "Float": told.get("min", 0.5), "String": "a"}.get(item.type)


def ends(item: InputSpec) -> Iterator[float]:
    """Give the ends of an input's range, as far as they are declared."""
    told = {} if item.marker is None else item.marker.describe()
    for end in (told.get("min"), told.get("max")):
        if isinstance(end, int | float) and abs(end) <= LARGEST:
            yield int(end) if item.type == "Int" else float(end)


def is_computed(spec: NodeSpec) -> bool:
    """Tell whether a node needs nothing but what is here."""
    return not spec.sink and all(
        plain(item) is not None and item.folder is None for item in spec.inputs if item.required
    )


COMPUTED = [
    spec for spec in load(packages=("nodes",), folders=()).specs.values() if is_computed(spec)
]


def numbers() -> Iterator[tuple[NodeSpec, str, Any]]:
    for spec in COMPUTED:
        for item in spec.inputs:
            for end in ends(item):
                yield spec, item.name, end


def oddities() -> Iterator[tuple[NodeSpec, str, Any]]:
    for spec in COMPUTED:
        for item in spec.inputs:
            for value in () if item.many else ODD.get(item.type, ()):
                yield spec, item.name, value


def answer(spec: NodeSpec, name: str, value: Any, folder: Path) -> None:
    """Call a node with one value that is not ordinary; let it refuse in words."""
    given = {item.name: plain(item) for item in spec.inputs} | {name: value}
    for item in spec.inputs:
        if item.lazy:
            given[item.name] = lambda brought=given[item.name]: brought
        elif item.whole:
            given[item.name] = (given[item.name],)
    if spec.takes_context:
        given["ctx"] = FolderContext(folder)
    assert spec.function is not None
    with suppress(NodeError):
        returned = spec.function(**given)
        if inspect.isgenerator(returned):
            next(returned)


@pytest.mark.parametrize(
    ("spec", "name", "value"),
    [pytest.param(*case, id=f"{case[0].id}-{case[1]}={case[2]}") for case in numbers()],
)
def test_the_ends_of_a_range_are_computed_or_refused_in_words(
    spec: NodeSpec, name: str, value: float, tmp_path: Path
) -> None:
    answer(spec, name, value, tmp_path)


@pytest.mark.parametrize(
    ("spec", "name", "value"),
    [pytest.param(*case, id=f"{case[0].id}-{case[1]}") for case in oddities()],
)
def test_odd_values_on_a_wire_are_computed_or_refused_in_words(
    spec: NodeSpec, name: str, value: Any, tmp_path: Path
) -> None:
    answer(spec, name, value, tmp_path)
