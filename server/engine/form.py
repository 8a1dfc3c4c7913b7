"""The form of a workflow: the few inputs that its author shows, by name, as values to fill in."""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nodes.api.catalogue import Catalogue
from nodes.api.markers import Choice, Colour, File, Range, Seed
from nodes.api.spec import WIDGET_TYPES, InputSpec
from server.engine.graph import SUBGRAPH, Graph, Literal, Node
from server.engine.problems import Invalid, Problem, Suggestions
from server.engine.values import Choices, check_value, normal

_WORDS: Mapping[str, str] = {
    "Int": "integer",
    "Float": "number",
    "String": "string",
    "Boolean": "boolean",
}


class WrongValues(Invalid):
    """Values that do not fit a form, or a workflow that cannot run with them."""

    code = "form.invalid"
    subject = "What was sent"
    hint = "Each problem names the field as its input; GET …/form tells of all fields."


@dataclass(frozen=True)
class Field:
    """One input that a form shows.

    Attributes:
        name: What callers call it; no two fields of a form share one.
        node: The node that has the input.
        spec: The input, as the node declares it.
        label: What people read beside it.
        group: The heading that it stands under, or nothing.
        value: What the workflow has there, or else the node's default.
        given: Whether there is such a value, so that callers may leave it out.
        least: The smallest number that the form's author allows, beside what the node allows.
        most: The largest.
    """

    name: str
    node: str
    spec: InputSpec
    label: str
    group: str = ""
    value: Any = None
    given: bool = True
    least: float | None = None
    most: float | None = None

    @property
    def takes_picture(self) -> bool:
        """Whether a picture can be sent in its place."""
        return isinstance(self.spec.marker, File) and self.spec.marker.kind == "input"


def fields_of(graph: Graph, catalogue: Catalogue) -> tuple[Field, ...]:
    """Find what a workflow's form shows, in its order.

    Entries whose node or input is gone, and inputs that a wire sets, are no fields: there is
    nothing to fill in. A field is called by the entry's `name`, else by its label or its input,
    in lower case with `_` between words; who comes second gets `_2`.

    Args:
        graph: As it was upgraded.
        catalogue: What nodes there are.
    """
    found: dict[str, Field] = {}
    entries = graph.rest.get("form")
    for entry in entries if isinstance(entries, list) else []:
        field = _field(entry, graph, catalogue) if isinstance(entry, dict) else None
        if field is not None:
            name = _free(field.name, found)
            found[name] = replace(field, name=name)
    return tuple(found.values())


def fill(
    graph: Graph,
    fields: tuple[Field, ...],
    values: Mapping[str, Any],
    choices: Choices | None = None,
) -> tuple[Graph, list[Problem]]:
    """Put values into the inputs that a form shows.

    Args:
        graph: The workflow.
        fields: Its form, from `fields_of`.
        values: By the fields' names.
        choices: Names of the files of a kind; without it files are not looked for.

    Returns:
        The workflow with the values that fit, and what is wrong with the others, all of it.
    """
    by_name = {field.name: field for field in fields}
    suggestions = Suggestions()
    problems: list[Problem] = []
    for name, value in values.items():
        field = by_name.get(name)
        if field is None:
            problems.append(_unknown(name, by_name, suggestions))
            continue
        problem = _check(field, value, choices, suggestions)
        if problem is None:
            graph = graph.with_input(field.node, field.spec.name, normal(value, field.spec))
        else:
            problems.append(replace(problem, node=field.node))
    return graph, problems


def draw_seeds(graph: Graph, salt: str, kept: Collection[tuple[str, str]] = ()) -> Graph:
    """Give every seed that its author wants another one before each run a value of its own.

    Args:
        graph: The workflow; its `view` says which seeds are drawn.
        salt: The same gives the same seeds, below 2^53.
        kept: Inputs, as (node, name), that stay as they are.
    """
    view = graph.rest.get("view")
    for id_, shown in view.items() if isinstance(view, dict) else ():
        seeds = shown.get("seeds") if isinstance(shown, dict) else None
        for name, mode in seeds.items() if isinstance(seeds, dict) else ():
            held = graph.nodes[id_].inputs.get(name) if id_ in graph.nodes else None
            if mode == "random" and isinstance(held, Literal) and (id_, name) not in kept:
                digest = hashlib.blake2b(f"{salt}\0{id_}\0{name}".encode(), digest_size=8)
                drawn = int.from_bytes(digest.digest(), "big") % 2**53
                graph = graph.with_input(id_, name, drawn)
    return graph


def read_text(field: Field, text: str) -> Any:
    """Read a value that came as text, as in a browser's form; what does not fit stays text."""
    kind = field.spec.type
    if kind == "Boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind == "Int" and re.fullmatch(r"-?\d{1,20}", text):
        return int(text)
    if kind == "Float" and re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d{1,2})?", text):
        return float(text)
    return text


def schema_of(field: Field, choices: Choices | None = None) -> dict[str, Any]:
    """Describe the values of a field as JSON Schema (2020-12)."""
    marker = field.spec.marker
    made: dict[str, Any] = {"type": _WORDS.get(field.spec.type, "string"), "title": field.label}
    if field.spec.help:
        made["description"] = field.spec.help
    least = marker.min if isinstance(marker, Range) else 0 if isinstance(marker, Seed) else None
    most = marker.max if isinstance(marker, Range) else None
    most = 2**64 - 1 if isinstance(marker, Seed) else most
    bounds = (
        ("minimum", max, [limit for limit in (least, field.least) if limit is not None]),
        ("maximum", min, [limit for limit in (most, field.most) if limit is not None]),
    )
    made |= {key: pick(limits) for key, pick, limits in bounds if limits}
    if isinstance(marker, Choice):
        made["enum"] = list(marker.options)
    elif isinstance(marker, Colour):
        made["type"] = ["string", "integer"]
    elif isinstance(marker, File) and choices is not None and not field.takes_picture:
        # Pictures can also be sent, and would make a long list.
        made["enum"] = sorted(choices(marker.kind))
    if field.given:
        made["default"] = field.value
    return made


def _field(entry: Mapping[str, Any], graph: Graph, catalogue: Catalogue) -> Field | None:
    id_, input_ = entry.get("node"), entry.get("input")
    node = graph.nodes.get(id_) if isinstance(id_, str) else None
    if node is None or not isinstance(id_, str) or not isinstance(input_, str):
        return None
    spec = _spec(node, input_, graph, catalogue)
    held = node.inputs.get(input_)
    if spec is None or spec.socket or not (held is None or isinstance(held, Literal)):
        return None
    label, group, name = (_text(entry.get(key)) for key in ("label", "group", "name"))
    given = held is not None or not spec.required
    return Field(
        name=snake_case(name) or snake_case(label) or input_,
        node=id_,
        spec=spec,
        label=label or spec.label or input_,
        group=group,
        value=held.value if held is not None else spec.default if given else None,
        given=given,
        least=_number(entry.get("min")),
        most=_number(entry.get("max")),
    )


def _spec(node: Node, name: str, graph: Graph, catalogue: Catalogue) -> InputSpec | None:
    if not node.type.startswith(SUBGRAPH):
        spec = catalogue.specs.get(node.type)
        return None if spec is None else spec.input(name)
    inside = graph.subgraphs.get(node.type.removeprefix(SUBGRAPH))
    for port in () if inside is None else inside.inputs:
        if port.name == name and port.type in WIDGET_TYPES:
            plain = InputSpec(port.name, port.type)
            return replace(plain, default=port.default) if port.has_default else plain
    return None


def _check(
    field: Field, value: Any, choices: Choices | None, suggestions: Suggestions
) -> Problem | None:
    shown = replace(field.spec, name=field.name)
    problem = check_value(value, shown, "the form", choices, suggestions)
    if problem is not None or isinstance(value, bool) or not isinstance(value, int | float):
        return problem
    if field.least is not None and value < field.least:
        return _out_of_range(field, f"{value} is less than {field.least:g}.")
    if field.most is not None and value > field.most:
        return _out_of_range(field, f"{value} is more than {field.most:g}.")
    return None


def _out_of_range(field: Field, sentence: str) -> Problem:
    message = f"`{field.name}` of the form: {sentence}"
    return Problem("value.range", message, "The form's author set the range.", None, field.name)


def _unknown(name: str, known: Mapping[str, Field], suggestions: Suggestions) -> Problem:
    message = f"The form has no field `{name[:100]}`."
    if not known:
        hint = "The workflow has no form: open it in the editor, choose its inputs, and save it."
    else:
        near = suggestions.near(name, known).strip()
        hint = near or "Its fields are " + ", ".join(f"`{each}`" for each in known) + "."
    return Problem("form.unknown", message, hint, None, name[:100])


def snake_case(text: str) -> str:
    """Write words as a name: `Noise on the picture` is `noise_on_the_picture`."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore")
    return re.sub(r"[^a-z0-9]+", "_", plain.decode().lower()).strip("_")[:64]


def _free(name: str, taken: Mapping[str, Field]) -> str:
    return next(each for each in _numbered(name) if each not in taken)


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
