"""How an output's size follows from the inputs: rules in JSON, so that editor and server agree."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

from nodes.api.markers import JSON

Rule: TypeAlias = "int | float | str | Sequence[Rule] | None"
OPERATORS = ("+", "-", "*", "/", "//", "max", "min", "round")


@dataclass(frozen=True)
class Shape:
    """The dimensions of an output, each a rule.

    A rule is a number, the name of a number input ("width"), a dimension of a wired input
    ("image.width"), or an operator with rules: ("//", "width", 8).
    """

    batch: Rule = None
    channels: Rule = None
    height: Rule = None
    width: Rule = None
    frames: Rule = None

    @classmethod
    def like(cls, source: str, **others: Rule) -> "Shape":
        """Give a picture's dimensions those of a wired input, but for the ones that are named."""
        own = {name: f"{source}.{name}" for name in ("batch", "channels", "height", "width")}
        return cls(**{**own, **others})

    def describe(self) -> dict[str, JSON]:
        """Give the rules as JSON, without the dimensions that are not known."""
        return {name: _plain(rule) for name, rule in self.rules().items()}

    def rules(self) -> dict[str, Rule]:
        """Give the dimensions that have a rule."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: rule for name, rule in given.items() if rule is not None}


def evaluate(
    rule: object,
    inputs: Mapping[str, object],
    shapes: Mapping[str, Mapping[str, int]],
) -> float | None:
    """Work out one dimension.

    Args:
        rule: The rule, in Python or JSON form.
        inputs: Values of inputs that are numbers.
        shapes: For each wired input whose shape is known, its dimensions.

    Returns:
        The number, or None if it depends on something that is not known.
    """
    if isinstance(rule, bool):
        return None
    if isinstance(rule, int | float):
        return rule
    if isinstance(rule, str):
        name, dot, dimension = rule.partition(".")
        if dot:
            return shapes.get(name, {}).get(dimension)
        value = inputs.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if not isinstance(rule, list | tuple) or len(rule) < 2:
        return None
    operands = [evaluate(part, inputs, shapes) for part in rule[1:]]
    known = [value for value in operands if value is not None]
    return _apply(str(rule[0]), known) if len(known) == len(operands) else None


def evaluate_shape(
    rules: Mapping[str, object],
    inputs: Mapping[str, object],
    shapes: Mapping[str, Mapping[str, int]],
) -> dict[str, int]:
    """Work out every dimension that can be known, as whole numbers."""
    found: dict[str, int] = {}
    for dimension, rule in rules.items():
        value = evaluate(rule, inputs, shapes)
        if value is not None and math.isfinite(value):
            found[dimension] = int(value)
    return found


def check_rule(rule: object, inputs: frozenset[str]) -> str | None:
    """Say what is wrong with a rule of a node that has these inputs, or None."""
    if isinstance(rule, int | float) and not isinstance(rule, bool):
        return None
    if isinstance(rule, str):
        name, dot, dimension = rule.partition(".")
        if name not in inputs:
            return f"there is no input {name!r}"
        if dot and dimension not in {f.name for f in fields(Shape)}:
            return f"{dimension!r} is not a dimension"
        return None
    if not isinstance(rule, list | tuple) or len(rule) < 2 or rule[0] not in OPERATORS:
        return f"{rule!r} is not an operator with operands"
    problems = (check_rule(part, inputs) for part in rule[1:])
    return next((problem for problem in problems if problem), None)


def _apply(operator: str, values: list[float]) -> float | None:
    first, rest = values[0], values[1:]
    if operator == "max":
        return max(values)
    if operator == "min":
        return min(values)
    if operator == "round":
        # Halves go up, as JavaScript's Math.round has it: editor and server must agree.
        return math.floor(first + 0.5)
    for value in rest:
        if operator == "+":
            first += value
        elif operator == "-":
            first -= value
        elif operator == "*":
            first *= value
        elif value == 0:
            return None
        elif operator == "/":
            first /= value
        elif operator == "//":
            first = first // value
        else:
            return None
    return first


def _plain(rule: object) -> JSON:
    if isinstance(rule, list | tuple):
        return [_plain(part) for part in rule]
    if isinstance(rule, int | float | str):
        return rule
    raise TypeError(f"{rule!r} is not a rule")
