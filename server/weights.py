"""What a file of weights says of itself, read from its header alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nodes.api import JSON
from nodes.errors import FileProblem, NodeError
from server.strict_json import loads

MOST_HEADER_BYTES = 16 * 2**20
"""Headers of the largest models take about 1 MB."""

_LENGTH_BYTES = 8


@dataclass(frozen=True)
class Header:
    """The head of a safetensors file.

    Attributes:
        metadata: Texts by name.
        shapes: Of every tensor, by name.
    """

    metadata: Mapping[str, JSON]
    shapes: Mapping[str, tuple[int, ...]]


def metadata(path: Path) -> dict[str, JSON]:
    """Return the metadata of a safetensors file: texts by name, none where it has none.

    Args:
        path: The file. A folder has no metadata of its own.

    Raises:
        FileProblem: `file.format` when it is no safetensors file.
    """
    return {} if path.is_dir() else dict(read_header(path).metadata)


def read_header(path: Path) -> Header:
    """Read what a safetensors file says of itself and of its tensors; blocks.

    Raises:
        FileProblem: `file.format` when it is no safetensors file.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if not 2 <= length <= MOST_HEADER_BYTES:
            raise _no_weights()
        text = file.read(length)
    try:
        header = loads(text)
    except NodeError as problem:
        raise _no_weights() from problem
    if not isinstance(header, dict):
        raise _no_weights()
    told = header.pop("__metadata__", {})
    return Header(
        told if isinstance(told, dict) else {},
        {name: _shape(tensor) for name, tensor in header.items()},
    )


def _shape(tensor: JSON) -> tuple[int, ...]:
    sides = tensor.get("shape", []) if isinstance(tensor, dict) else []
    return tuple(side for side in sides if isinstance(side, int)) if isinstance(sides, list) else ()


def _no_weights() -> FileProblem:
    return FileProblem(
        "The file is no safetensors file, whatever it is called.",
        hint="Download it again; it may be a web page or cut off.",
        code="file.format",
    )
