"""The decorator that makes a typed function a node: its signature is the declaration."""

import inspect
import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar, get_type_hints

from nodes.api.annotations import Annotation, read_annotation, without_subgraph
from nodes.api.context import Context
from nodes.api.docstrings import Doc, parse_docstring
from nodes.api.shapes import check_rule
from nodes.api.spec import ANY, REQUIRED, InputSpec, NodeSpec, OutputSpec
from nodes.api.upgrades import Change
from nodes.api.wires import DeclarationError, WireSpec

F = TypeVar("F", bound=Callable[..., Any])


def node(
    id: str,  # noqa: A002
    *,
    title: str = "",
    aliases: Sequence[str] = (),
    pure: bool = True,
    io: bool = False,
    sink: bool = False,
    upgrades: Sequence[Change] = (),
    thriftier: Sequence[Callable[..., Any]] = (),
) -> Callable[[F], F]:
    """Declare a function as a node; the function is returned unchanged.

    Args:
        id: The type's name in files; unique.
        title: What the canvas shows; made from the id if empty.
        aliases: Other words to find it by.
        pure: Same inputs, same outputs; otherwise it runs every time.
        io: It waits for disk, network or a clock, so that others may run beside it.
        sink: Runs are for it even though it has outputs; without outputs it is one anyway.
        upgrades: What changed, version by version.
        thriftier: Functions to try, in order, when memory runs out: of the same signature, or one
            that takes what it does not name as `**given`.

    Raises:
        DeclarationError: If signature, markers and docstring do not agree.
    """

    def declare(function: F) -> F:
        spec, wires = _spec(function, id)
        if not all(_takes_the_same(other, function) for other in thriftier):
            raise DeclarationError(f"{id}: a thriftier variant has another signature.")
        spec = NodeSpec(
            **{
                **vars(spec),
                "title": title or _words(id),
                "aliases": tuple(aliases),
                "pure": pure,
                "io": io,
                "sink": sink or not spec.outputs,
                "upgrades": tuple(upgrades),
                "thriftier": tuple(thriftier),
            }
        )
        vars(function)["__node__"] = spec
        vars(function)["__wires__"] = wires
        return function

    return declare


def output_name(type_name: str) -> str:
    """Name the only output of a node after its class: `ControlNet` is `control_net`."""
    if type_name == ANY or len(type_name) == 1:
        return "value"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type_name).lower()


def _spec(function: Callable[..., Any], id_: str) -> tuple[NodeSpec, tuple[WireSpec, ...]]:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+\- ]{0,99}", id_):
        raise DeclarationError(f"{id_!r} cannot be a node's id. Use letters and digits.")
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise DeclarationError(f"{id_}: an annotation cannot be resolved: {error}.") from error
    doc = parse_docstring(function.__doc__)
    if not doc.summary:
        raise DeclarationError(f"{id_}: say in a docstring what the node does.")
    wires: list[WireSpec] = []
    inputs = _inputs(function, id_, hints, doc, wires)
    if "return" not in hints:
        raise DeclarationError(f"{id_}: annotate what it returns (None for a sink).")
    returned, expands = without_subgraph(hints["return"])
    outputs = _outputs(id_, returned, doc, wires, frozenset(i.name for i in inputs))
    _check_variables(id_, inputs, outputs)
    spec = NodeSpec(
        id=id_,
        title=id_,
        category=_category(function.__module__),
        summary=doc.summary,
        help=doc.help,
        references=doc.references,
        inputs=inputs,
        outputs=outputs,
        expands=expands,
        source=function.__module__,
        function=function,
        takes_context="ctx" in hints,
    )
    return spec, tuple(dict.fromkeys(wires))


def _category(module: str) -> str:
    """Name the module, behind the group that it says it belongs to: `sampling/schedulers`."""
    group = getattr(sys.modules.get(module), "GROUP", "")
    return f"{group}/{module.rpartition('.')[2]}".lstrip("/")


def _inputs(
    function: Callable[..., Any],
    id_: str,
    hints: dict[str, Any],
    doc: Doc,
    wires: list[WireSpec],
) -> tuple[InputSpec, ...]:
    found: list[InputSpec] = []
    described: set[str] = set()
    for parameter in inspect.signature(function).parameters.values():
        name = parameter.name
        if parameter.kind is parameter.VAR_POSITIONAL:
            raise DeclarationError(f"{id_}: *{name} is not allowed. Name every input.")
        if name not in hints:
            raise DeclarationError(f"{id_}: give `{name}` a type.")
        if name == "ctx":
            if hints[name] is not Context or parameter.default is parameter.empty:
                raise DeclarationError(f"{id_}: write it as `*, ctx: Context = QUIET`.")
            continue
        several = parameter.kind is parameter.VAR_KEYWORD
        told = f"**{name}" if several else name
        if told not in doc.args:
            raise DeclarationError(f"{id_}: `{told}` is missing under Args in the docstring.")
        read = read_annotation(hints[name], f"{id_}, `{name}`")
        if several != (read.group is not None):
            raise DeclarationError(f"{id_}: `{name}` has Names if it is **{name}, and only then.")
        wires.extend(read.wires)
        described.add(told)
        if read.group is None:
            default = REQUIRED if parameter.default is parameter.empty else parameter.default
            found.append(_input(id_, name, default, read, doc.args[told]))
            continue
        for one in read.group.names:
            # A prefix, such as that of a block's weights, is shown without its dot.
            shown = replace(read, label=one.rstrip("."))
            found.append(_input(id_, one, read.group.default, shown, doc.args[told]))
    if len({item.name for item in found}) < len(found):
        raise DeclarationError(f"{id_}: two inputs have the same name.")
    surplus = sorted(set(doc.args) - described - {"ctx"})
    if surplus:
        names = ", ".join(f"`{name}`" for name in surplus)
        raise DeclarationError(f"{id_}: Args describes {names}, which the signature lacks.")
    return tuple(found)


def _input(id_: str, name: str, default: Any, read: Annotation, text: str) -> InputSpec:
    if read.each:
        raise DeclarationError(f"{id_}: `{name}` cannot be Each: that is for outputs.")
    if read.optional and default is not None:
        raise DeclarationError(f"{id_}: `{name}` may be None, so its default must be None.")
    item = InputSpec(
        name=name,
        type=read.type,
        default=default,
        marker=read.marker,
        many=read.many,
        lazy=read.lazy,
        whole=read.whole,
        generic=read.generic,
        one_of=read.one_of,
        label=read.label,
        help=text,
    )
    if default is REQUIRED or (default is None and read.optional):
        return item
    problem = "a socket has no default." if item.socket else _default_problem(item)
    if problem:
        raise DeclarationError(f"{id_}: the default of `{name}` is wrong: {problem}")
    if item.type == "Float":
        return InputSpec(**{**vars(item), "default": float(default)})
    return item


def _default_problem(item: InputSpec) -> str | None:
    value = item.default
    wanted: tuple[type, ...] = {
        "Int": (int,),
        "Float": (int, float),
        "String": (str,),
        "Boolean": (bool,),
    }[item.type]
    if not isinstance(value, wanted) or (isinstance(value, bool) and item.type != "Boolean"):
        return f"{value!r} is not of type {item.type}."
    if isinstance(value, float) and not math.isfinite(value):
        return "it is not a finite number."
    marker = item.marker
    return None if marker is None else marker.check(item.default)


def _outputs(
    id_: str, hint: Any, doc: Doc, wires: list[WireSpec], inputs: frozenset[str]
) -> tuple[OutputSpec, ...]:
    if hint is None or hint is type(None):
        return ()
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        named = get_type_hints(hint, include_extras=True)
        reads = {
            name: read_annotation(named[name], f"{id_}, output `{name}`") for name in hint._fields
        }
    else:
        read = read_annotation(hint, f"{id_}, output")
        reads = {output_name(read.type): read}
    for name in doc.returns:
        if name not in reads and len(reads) > 1:
            raise DeclarationError(f"{id_}: Returns describes `{name}`, which is no output.")
    found: list[OutputSpec] = []
    for name, read in reads.items():
        if read.marker or read.group or read.many or read.lazy or read.whole:
            raise DeclarationError(f"{id_}: output `{name}` can have Each, Shape and Label only.")
        shape = read.shape.describe() if read.shape else {}
        for dimension, rule in shape.items():
            problem = check_rule(rule, inputs)
            if problem:
                raise DeclarationError(f"{id_}: {dimension} of output `{name}`: {problem}.")
        wires.extend(read.wires)
        text = doc.returns.get(name, "" if len(reads) > 1 else doc.returned)
        found.append(
            OutputSpec(
                name=name,
                type=read.type,
                each=read.each,
                optional=read.optional,
                generic=read.generic,
                shape=shape,
                label=read.label,
                help=text,
            )
        )
    return tuple(found)


def _check_variables(
    id_: str, inputs: tuple[InputSpec, ...], outputs: tuple[OutputSpec, ...]
) -> None:
    known = {item.type for item in inputs if item.generic}
    for output in outputs:
        if output.generic and output.type not in known:
            raise DeclarationError(f"{id_}: no input says what {output.type} is.")


def _takes_the_same(variant: Callable[..., Any], function: Callable[..., Any]) -> bool:
    """Tell whether a variant can be called as the function is, and with the same defaults."""
    own, wanted = (
        {item.name: item for item in inspect.signature(one).parameters.values()}
        for one in (variant, function)
    )
    rest = [name for name, item in own.items() if item.kind is item.VAR_KEYWORD]
    named = {name: (item.kind, item.default) for name, item in own.items() if name not in rest}
    known = {name: (item.kind, item.default) for name, item in wanted.items()}
    return named.items() <= known.items() if rest else named == known


def _words(id_: str) -> str:
    first, *others = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", id_).split(" ")
    return " ".join([first, *(word if word.isupper() else word.lower() for word in others)])
