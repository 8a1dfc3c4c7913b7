"""Wire values in files: a length, a JSON header, then the bytes of every tensor."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from io import UnsupportedOperation
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor

Plain: TypeAlias = bool | int | float | str | Sequence["Plain"] | Mapping[str, "Plain"] | None
C = TypeVar("C", bound=type)

# Tensors begin where any dtype may begin, and where a cache line does.
_ALIGNMENT = 64
_CLASSES: dict[str, type] = {}


def stored(cls: C) -> C:
    """Let values of a frozen dataclass be parts of what `TensorFile` writes."""
    _CLASSES[cls.__name__] = cls
    return cls


class TensorFile:
    """Keep wire values in a file: a length, a JSON header, then every tensor's bytes.

    It holds for dataclasses marked by `stored`, which are made of tensors, plain JSON values,
    tuples, string-keyed mappings and one another. A value that is read back is mapped: its bytes
    come into memory as they are looked at.
    """

    def nbytes(self, value: object) -> int:
        """Count the bytes of every tensor in a value, one that appears twice once."""
        tensors: list[Tensor] = []
        _describe(value, tensors, [])
        return sum(tensor.nbytes for tensor in tensors)

    def dump(self, value: object, path: Path) -> None:
        """Write a value to a file.

        Raises:
            UnsupportedOperation: If a model is a part of it, such as the ControlNet of a
                conditioning: such a value stays in memory.
            TypeError: If the value holds something that is neither data nor a tensor.
        """
        tensors: list[Tensor] = []
        models: list[str] = []
        tree = _describe(value, tensors, models)
        if models:
            raise UnsupportedOperation(f"A value with {models[0]} in it is not written to a file.")
        kinds = [{"dtype": str(t.dtype)[6:], "shape": list(t.shape)} for t in tensors]
        header = json.dumps({"value": tree, "tensors": kinds}).encode()
        with path.open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for tensor in tensors:
                file.write(bytes(-file.tell() % _ALIGNMENT))
                raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
                file.write(raw.numpy().data)

    def load(self, path: Path) -> Any:
        """Read a value back; its tensors are equal to those written, bit by bit."""
        size = path.stat().st_size
        mapped = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8)
        place = 8 + int.from_bytes(bytes(mapped[:8].tolist()), "little")
        header = json.loads(bytes(mapped[8:place].numpy()))
        tensors: list[Tensor] = []
        for kind in header["tensors"]:
            dtype = getattr(torch, kind["dtype"])
            place += -place % _ALIGNMENT
            end = place + math.prod(kind["shape"]) * dtype.itemsize
            tensors.append(mapped[place:end].view(dtype).reshape(kind["shape"]))
            place = end
        return _rebuild(header["value"], tensors)


STORED = TensorFile()


def _describe(value: object, tensors: list[Tensor], models: list[str]) -> Plain:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        for index, known in enumerate(tensors):
            if known is value:
                return {"tensor": index}
        tensors.append(value)
        return {"tensor": len(tensors) - 1}
    if isinstance(value, tuple | list):
        return [_describe(item, tensors, models) for item in value]
    if isinstance(value, Mapping):
        return {
            "items": {str(key): _describe(item, tensors, models) for key, item in value.items()}
        }
    if is_dataclass(value) and type(value).__name__ in _CLASSES:
        parts = {f.name: _describe(getattr(value, f.name), tensors, models) for f in fields(value)}
        return {"class": type(value).__name__, "fields": parts}
    key = getattr(value, "key", None)
    if is_dataclass(value) and isinstance(key, str):
        models.append(key)
        return key
    raise TypeError(f"{type(value).__name__} cannot be written to a file")


def _rebuild(tree: Any, tensors: Sequence[Tensor]) -> Any:
    if isinstance(tree, list):
        return tuple(_rebuild(item, tensors) for item in tree)
    if not isinstance(tree, dict):
        return tree
    if "tensor" in tree:
        return tensors[tree["tensor"]]
    if "items" in tree:
        return {key: _rebuild(item, tensors) for key, item in tree["items"].items()}
    parts = {name: _rebuild(item, tensors) for name, item in tree["fields"].items()}
    return _CLASSES[tree["class"]](**parts)
