"""Weights on disk: a safetensors file's header without its weights, and its weights mapped."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from nodes.errors import FileProblem

# The format's own bound on its header.
_LONGEST_HEADER = 100_000_000

_FIRST_BYTES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a PyTorch pickle"),
    (b"\x80\x02", "a PyTorch pickle"),
    (b"version https://git-lfs", "a Git LFS pointer, not the weights themselves"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"GGUF", "a GGUF file"),
    (b"\x89PNG", "a PNG picture"),
)


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of itself.

    Attributes:
        path: The file.
        shapes: Shape of every tensor by name.
        metadata: The file's own words.
    """

    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """Read the header of a safetensors file, and check that the weights behind it are all there.

    Raises:
        FileProblem: If the file is something else, incomplete or damaged.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            first = file.read(64)
            length = int.from_bytes(first[:8], "little")
            if size < 8 or not 2 <= length <= _LONGEST_HEADER or first[8:9] != b"{":
                raise _mislabelled(path, first)
            file.seek(8)
            text = file.read(length)
    except OSError as error:
        raise FileProblem(
            f"{path.name} cannot be read: {error.strerror}.", code="checkpoint.read"
        ) from error
    if len(text) < length:
        raise _truncated(path)
    try:
        entries = json.loads(text)
        metadata = entries.pop("__metadata__", {})
        shapes = {name: tuple(entry["shape"]) for name, entry in entries.items()}
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise FileProblem(
            f"The header of {path.name} is damaged.", "Fetch the file again.", "checkpoint.damaged"
        ) from error
    if size < 8 + length + end:
        raise _truncated(path)
    return Header(path, shapes, metadata)


def read_weights(path: Path, wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    """Map the weights whose names are wanted; their bytes stay on disk until they are used."""
    with safe_open(path, framework="pt", device="cpu") as file:
        return {name: file.get_tensor(name) for name in file.keys() if wanted(name)}  # noqa: SIM118


def stamp(path: Path) -> str:
    """Name the content of a file, or of a folder's files, by names, sizes and times."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        status = file.stat()
        digest.update(f"{file.name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return f"{path.name}:{digest.hexdigest()}"


def _mislabelled(path: Path, first: bytes) -> FileProblem:
    what = next((what for sign, what in _FIRST_BYTES if first.startswith(sign)), "")
    if what == "a PyTorch pickle":
        return FileProblem(
            f"{path.name} is {what}, and such a file can run any program when it is opened.",
            "Get the model as .safetensors.",
            "checkpoint.pickle",
        )
    if not first:
        return FileProblem(f"{path.name} is empty.", "Fetch it again.", "checkpoint.truncated")
    is_what = f"is {what}" if what else "is no safetensors file, whatever its name says"
    return FileProblem(f"{path.name} {is_what}.", "Fetch it again.", "checkpoint.format")


def _truncated(path: Path) -> FileProblem:
    return FileProblem(
        f"{path.name} is incomplete: it ends before its last weights.",
        "Fetch it again; the download broke off.",
        "checkpoint.truncated",
    )
