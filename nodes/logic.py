"""Logic: values by themselves, switches, sequences and loops."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple, TypeVar

from nodes.api import (
    All,
    AnyType,
    Each,
    Lazy,
    Multiline,
    Range,
    Seed,
    Subgraph,
    SubgraphBuilder,
    node,
)
from nodes.errors import NodeError

T = TypeVar("T")


@node("PrimitiveInt", title="Whole number", aliases=("int", "integer"))
def primitive_int(value: int = 0) -> int:
    """Give a whole number to several nodes at once.

    Args:
        value: The number.
    """
    return value


@node("PrimitiveFloat", title="Number", aliases=("float",))
def primitive_float(value: float = 0.0) -> float:
    """Give a number to several nodes at once.

    Args:
        value: The number.
    """
    return value


@node("PrimitiveString", title="Text", aliases=("string",))
def primitive_string(value: str = "") -> str:
    """Give a line of text to several nodes at once.

    Args:
        value: The text.
    """
    return value


@node("PrimitiveStringMultiline", title="Text (several lines)", aliases=("string", "multiline"))
def primitive_string_multiline(value: Annotated[str, Multiline()] = "") -> str:
    """Give a text to several nodes at once.

    Args:
        value: The text.
    """
    return value


@node("PrimitiveBoolean", title="Yes or no", aliases=("boolean", "bool", "toggle"))
def primitive_boolean(value: bool = False) -> bool:
    """Give a yes or a no to several nodes at once.

    Args:
        value: Whether it is yes.
    """
    return value


@node("SeedNode", title="Seed", aliases=("random", "int"))
def seed_number(seed: Annotated[int, Seed()] = 0) -> int:
    """Give a seed to several nodes at once.

    Args:
        seed: The seed.

    Returns:
        int: The same.
    """
    return seed


@node("ComfyAndNode", title="And", aliases=("all", "boolean"))
def and_(values: list[AnyType]) -> bool:
    """Tell whether all values say yes: numbers do that are not 0, and texts that are not empty.

    Args:
        values: What is asked.
    """
    return all(bool(value) for value in values)


@node("ComfyOrNode", title="Or", aliases=("any", "boolean"))
def or_(values: list[AnyType]) -> bool:
    """Tell whether one value says yes: numbers do that are not 0, and texts that are not empty.

    Args:
        values: What is asked.
    """
    return any(bool(value) for value in values)


@node("ComfyNotNode", title="Not", aliases=("invert", "boolean"))
def not_(value: AnyType) -> bool:
    """Tell whether a value says no: 0 does, and an empty text.

    Args:
        value: What is asked.
    """
    return not value


@node("ComfySwitchNode", title="Switch", aliases=("if", "choose", "branch"))
def switch(
    switch: bool,
    on_false: Lazy[T] | None = None,
    on_true: Lazy[T] | None = None,
) -> T:
    """Pass one of two inputs on; what leads to the other is not computed.

    Args:
        switch: Whether to pass `on_true`.
        on_false: What comes out if not.
        on_true: What comes out if so.

    Returns:
        value: The input that was chosen.
    """
    chosen = on_true if switch else on_false
    if chosen is None:
        name = "on_true" if switch else "on_false"
        raise NodeError(f"The switch is at `{name}`, where nothing is wired.", "Wire something.")
    return chosen()


@node("EachLine", title="Each line", aliases=("list", "prompts", "batch", "for each"))
def each_line(text: Annotated[str, Multiline()]) -> Each[str]:
    """Give the lines of a text one by one: what takes a text runs once for each.

    Args:
        text: The lines; empty ones are left out.

    Returns:
        string: The lines.
    """
    return [line.strip() for line in text.splitlines() if line.strip()]


@node("EachNumber", title="Each number", aliases=("range", "count", "seeds", "for each"))
def each_number(
    start: int = 0,
    count: Annotated[int, Range(0, 10_000)] = 4,
    step: int = 1,
) -> Each[int]:
    """Give numbers one by one: what takes a number runs once for each.

    Args:
        start: The first.
        count: How many.
        step: From one to the next.

    Returns:
        int: The numbers.
    """
    return range(start, start + count * step, step) if step else [start] * count


@node("CreateList", title="Create list", aliases=("each", "collect", "for each"))
def create_list(inputs: list[T]) -> Each[T]:
    """Give values one by one: what takes one of them runs once for each.

    Args:
        inputs: The values, of one type.

    Returns:
        value: The values, in the order of the wires.
    """
    return inputs


@node("JoinLines", title="Join lines", aliases=("collect", "concatenate"))
def join_lines(texts: All[str], delimiter: Annotated[str, Multiline()] = "\n") -> str:
    """Make one text of several.

    Args:
        texts: The texts that come one by one.
        delimiter: What stands between two of them.
    """
    return delimiter.join(texts)


@node("ChooseOne", title="Choose one", aliases=("index", "pick", "select"))
def choose_one(values: All[T], index: Annotated[int, Range(-10_000, 9_999)] = 0) -> T:
    """Take one of the values that come one by one.

    Args:
        values: The values.
        index: Which, counted from 0; -1 is the last.

    Returns:
        value: The one.
    """
    found: Sequence[T] = list(values)
    if not -len(found) <= index < len(found):
        message = f"There are {len(found)} values, so there is none at {index}."
        raise NodeError(message, "Choose a smaller index.")
    return found[index]


class Chosen(NamedTuple):
    """One of several texts, and its place among them."""

    string: str
    place: int


@node("CustomCombo", title="Custom combo", aliases=("options", "menu", "select"))
def custom_combo(
    choice: str,
    index: Annotated[int, Range(0, 10_000)] = 0,
    options: Annotated[str, Multiline()] = "",
) -> Chosen:
    """Give one of several texts, and its place among them, to several nodes at once.

    Args:
        choice: The one.
        index: Its place, for a choice whose options are not given here.
        options: All that there are to choose from, one a line.

    Returns:
        string: The choice.
        place: Where it stands among the options, counted from 0.
    """
    lines = options.splitlines()
    if not lines:
        return Chosen(choice, index)
    if choice not in lines:
        raise NodeError(
            f"{choice!r} is none of the options.",
            "Choose one of them, or add it.",
            "combo.choice",
        )
    return Chosen(choice, lines.index(choice))


@node("Repeat", title="Repeat a subgraph", aliases=("loop", "for", "iterate"))
def repeat(subgraph: str, value: T, times: Annotated[int, Range(0, 10_000)] = 2) -> T | Subgraph:
    """Send a value through a subgraph again and again.

    The subgraph has an input and an output that are both named `value`.

    Args:
        subgraph: The key of a subgraph of this workflow.
        value: What goes into the first.
        times: How often.

    Returns:
        value: What comes out of the last.
    """
    if times == 0:
        return value
    build = SubgraphBuilder()
    last = build.node(f"subgraph:{subgraph}", value=value)
    for _ in range(times - 1):
        last = build.node(f"subgraph:{subgraph}", value=last.out("value"))
    return build.subgraph(value=last.out("value"))
