"""What a file of weights says of itself, read from its header alone."""

from __future__ import annotations

from pathlib import Path

from nodes.api import JSON
from nodes.errors import FileProblem, NodeError
from server.strict_json import loads

MOST_HEADER_BYTES = 16 * 2**20
"""Headers of the largest models take about 1 MB."""

_LENGTH_BYTES = 8


def metadata(path: Path) -> dict[str, JSON]:
    """Return the metadata of a safetensors file: texts by name, none where it has none.

    Args:
        path: The file. A folder has no metadata of its own.

    Raises:
        FileProblem: `file.format` when it is no safetensors file.
    """
    if path.is_dir():
        return {}
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
    told = header.get("__metadata__", {})
    return told if isinstance(told, dict) else {}


def _no_weights() -> FileProblem:
    return FileProblem(
        "The file is no safetensors file, whatever it is called.",
        hint="Download it again; it may be a web page or cut off.",
        code="file.format",
    )
