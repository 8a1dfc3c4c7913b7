"""What annotations say: a wire or a control, how many values flow, and what limits them."""

import types
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from nodes.api.markers import (
    All,
    AnyType,
    Choice,
    Colour,
    Each,
    File,
    FileName,
    Label,
    Lazy,
    Marker,
    Multiline,
    Names,
    Range,
    Seed,
)
from nodes.api.shapes import Shape
from nodes.api.spec import ANY
from nodes.api.subgraph import Subgraph
from nodes.api.wires import DeclarationError, WireSpec, wire_of

_PLAIN: dict[Any, str] = {int: "Int", float: "Float", str: "String", bool: "Boolean"}
_FITS: dict[type, tuple[str, ...]] = {
    Range: ("Int", "Float"),
    Choice: ("String",),
    File: ("String",),
    FileName: ("String",),
    Seed: ("Int",),
    Multiline: ("String",),
    Colour: ("String", "Int"),
}


@dataclass(frozen=True)
class Annotation:
    """An annotation taken apart.

    Attributes:
        type: As in `InputSpec`, as are `marker`, `label`, `many`, `lazy`, `whole`, `generic` and
            `one_of`.
        wires: The wire types that it names.
        shape: Rules for an output's dimensions.
        group: The names of a group of inputs.
        optional: Whether None is allowed.
        each: Whether an output yields a sequence.
    """

    type: str
    wires: tuple[WireSpec, ...] = ()
    marker: Marker | None = None
    shape: Shape | None = None
    group: Names | None = None
    label: str = ""
    optional: bool = False
    many: bool = False
    lazy: bool = False
    whole: bool = False
    each: bool = False
    generic: bool = False
    one_of: tuple[str, ...] = ()


def without_subgraph(hint: Any) -> tuple[Any, bool]:
    """Take `Subgraph` out of what is returned, and say whether it was there."""
    if hint is Subgraph:
        return None, True
    if get_origin(hint) in (Union, types.UnionType) and Subgraph in get_args(hint):
        rest = tuple(part for part in get_args(hint) if part is not Subgraph)
        return Union[rest], True  # noqa: UP007
    return hint, False


def read_annotation(hint: Any, where: str) -> Annotation:
    """Take an annotation apart.

    Args:
        hint: The annotation, resolved.
        where: The node and its input or output, for messages.

    Raises:
        DeclarationError: If it says what cannot be said.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _with_markers(read_annotation(arguments[0], where), arguments[1:], where)
    if origin in (Union, types.UnionType):
        rest = [part for part in arguments if part is not type(None)]
        if len(rest) != 1 or len(arguments) != 2:
            raise DeclarationError(f"{where}: {hint} is several types. Use a TypeVar.")
        return replace(read_annotation(rest[0], where), optional=True)
    wrappers = {list: "many", Lazy: "lazy", All: "whole", Each: "each"}
    if origin in wrappers:
        inner = read_annotation(arguments[0], where)
        if inner.optional or inner.many or inner.lazy or inner.whole or inner.each:
            raise DeclarationError(f"{where}: {hint} nests what cannot be nested.")
        wrapped: dict[str, Any] = {wrappers[origin]: True}
        return replace(inner, **wrapped)
    if hint in _PLAIN:
        return Annotation(_PLAIN[hint])
    if hint is AnyType:
        return Annotation(ANY)
    if isinstance(hint, TypeVar):
        parts = [read_annotation(part, where) for part in hint.__constraints__]
        named = tuple(part.type for part in parts)
        wires = tuple(spec for part in parts for spec in part.wires)
        return Annotation(hint.__name__, wires=wires, generic=True, one_of=named)
    spec = wire_of(hint)
    if spec is None:
        raise DeclarationError(f"{where}: {hint!r} is no wire type. Mark its class with @wire.")
    return Annotation(spec.name, wires=(spec,))


def _with_markers(read: Annotation, markers: tuple[Any, ...], where: str) -> Annotation:
    for marker in markers:
        if isinstance(marker, Shape):
            read = replace(read, shape=marker)
        elif isinstance(marker, Names):
            read = replace(read, group=marker)
        elif isinstance(marker, Label):
            read = replace(read, label=marker.text)
        elif type(marker) not in _FITS:
            raise DeclarationError(f"{where}: {marker!r} is not a marker.")
        elif read.marker is not None:
            raise DeclarationError(f"{where}: {read.marker!r} and {marker!r} cannot both hold.")
        elif read.type not in _FITS[type(marker)]:
            raise DeclarationError(f"{where}: {marker!r} does not fit a {read.type}.")
        else:
            read = replace(read, marker=marker)
    return read
