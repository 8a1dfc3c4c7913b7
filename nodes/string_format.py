"""String format: put texts and numbers into a text."""

import re
from string import Formatter
from typing import Annotated, Any

from nodes.api import AnyType, Multiline, node
from nodes.errors import NodeError

GROUP = "logic"

# Wider fields would only fill memory.
_WIDEST = 4096


@node("StringFormat", title="Format text", aliases=("template", "insert", "f-string"))
def string_format(
    f_string: Annotated[str, Multiline()] = "{a}",
    a: AnyType | None = None,
    b: AnyType | None = None,
    c: AnyType | None = None,
    d: AnyType | None = None,
    e: AnyType | None = None,
    f: AnyType | None = None,
) -> str:
    """Put values into a text where it says so, by the rules of Python's `str.format`.

    Args:
        f_string: The text: {a} stands for the first value, {b:.2f} for the second with two digits
            behind the point, {c:>5} for the third at the right of five places, {{ for a bracket.
        a: A text or a number that the text calls a.
        b: A text or a number that the text calls b.
        c: A text or a number that the text calls c.
        d: A text or a number that the text calls d.
        e: A text or a number that the text calls e.
        f: A text or a number that the text calls f.
    """
    given = {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f}
    values = {name: value for name, value in given.items() if value is not None}
    for name, value in values.items():
        if not isinstance(value, str | int | float):
            raise NodeError(
                f"{name} is neither a text nor a number.", "Wire one of those.", "format.value"
            )
    try:
        return _Plain().vformat(f_string, (), values)
    except (ValueError, IndexError) as error:
        raise NodeError(
            f"The text cannot be formatted: {error}.",
            "Write fields as in {a} or {b:.2f}, and {{ for a bracket.",
            "format.field",
        ) from error


class _Plain(Formatter):
    """Python's formatting, of names alone: what values hold is not reached into."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        if field_name not in kwargs:
            raise NodeError(
                f"There is no value for {field_name}.",
                "Wire it, or take another name.",
                "format.name",
            )
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        widths = re.findall(r"\d+", format_spec)
        if any(len(digits) > 4 or int(digits) > _WIDEST for digits in widths):
            raise ValueError(f"a field has at most {_WIDEST} places")
        made: str = super().format_field(value, format_spec)
        return made
