"""Calculation: numbers out of numbers, by a formula."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, TypeAlias

from nodes.api import AnyType, Multiline, node
from nodes.errors import NodeError

GROUP = "logic"

Number: TypeAlias = "float | int | bool"

# Beyond these a formula would take long or have no end: digits are counted in bits.
_LONGEST = 4000
_MOST_BITS = 4096


def _power(base: Number, exponent: Number) -> Number:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and abs(int(base)).bit_length() * abs(exponent) > _MOST_BITS:
        raise OverflowError
    found: Number = base**exponent
    if isinstance(found, complex):
        raise ValueError
    return found


def _rounded(number: Number, digits: int = 0) -> Number:
    if abs(digits) > _MOST_BITS:
        raise OverflowError
    return round(number, digits) if digits else round(number)


def _shifted(number: Number, places: Number) -> Number:
    if not isinstance(number, int) or not isinstance(places, int):
        raise TypeError
    if number.bit_length() + places > _MOST_BITS:
        raise OverflowError
    return number << places


_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: _shifted,
    ast.RShift: operator.rshift,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{each.__name__: each for each in (abs, float, int, max, min)},
    **{name: getattr(math, name) for name in ("ceil", "cos", "exp", "floor", "sin", "sqrt", "tan")},
    **{name: getattr(math, name) for name in ("log", "log10", "log2")},
    "pow": _power,
    "round": _rounded,
}


class Converted(NamedTuple):
    """A number in two forms."""

    float: float
    int: int


class Result(NamedTuple):
    """A number in three forms."""

    float: float
    int: int
    bool: bool


@node("ComfyNumberConvert", title="Convert to number", aliases=("int", "float", "parse", "cast"))
def number_convert(value: AnyType) -> Converted:
    """Read a number out of a text, of yes or no, or of another number.

    Args:
        value: What is read; yes is 1, no is 0.

    Returns:
        float: The number.
        int: The number without what stands behind its point.
    """
    try:
        if not isinstance(value, str | int | float):
            raise TypeError
        number = float(value)
        return Converted(number, int(number))
    except (TypeError, ValueError, OverflowError) as error:
        shown = repr(value)[:60] if isinstance(value, str | float) else type(value).__name__
        raise NodeError(
            f"{shown} is no number.", "Give a number, such as 12 or 0.5.", "calculation.number"
        ) from error


@node("ComfyMathExpression", title="Calculate", aliases=("math", "formula", "expression", "add"))
def math_expression(
    expression: Annotated[str, Multiline()] = "a + b",
    a: AnyType | None = None,
    b: AnyType | None = None,
    c: AnyType | None = None,
    d: AnyType | None = None,
    e: AnyType | None = None,
    f: AnyType | None = None,
) -> Result:
    """Calculate a number from others by a formula.

    The formula knows + - * / // % ** & | ^ ~ << >>, comparisons, `and`, `or`, `not`, and
    `x if condition else y`; pi and e; and the functions abs, ceil, cos, exp, floor, float, int,
    log, log10, log2, max, min, pow, round, sin, sqrt and tan.

    Args:
        expression: The formula, such as `floor(a / 8) * 8`.
        a: A number that the formula calls a.
        b: A number that the formula calls b.
        c: A number that the formula calls c.
        d: A number that the formula calls d.
        e: A number that the formula calls e; without one, e is 2.718…
        f: A number that the formula calls f.

    Returns:
        float: The number.
        int: The number without what stands behind its point.
        bool: Whether the number is not 0.
    """
    numbers: dict[str, Number] = {"pi": math.pi, "e": math.e}
    for name, value in {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f}.items():
        if isinstance(value, int | float):
            numbers[name] = int(value) if float(value).is_integer() else value
        elif value is not None:
            raise NodeError(
                f"{name} is no number.", "Wire a number, or yes or no.", "calculation.number"
            )
    found = _calculated(expression, numbers)
    return Result(float(found), int(found), bool(found))


def _calculated(expression: str, numbers: Mapping[str, Number]) -> Number:
    """Calculate a formula, of which nothing is run but what is listed above."""
    try:
        if len(expression) > _LONGEST:
            raise OverflowError
        tree = ast.parse(expression.strip(), mode="eval")
        found: Number = _value(tree.body, numbers)
        if not math.isfinite(found):
            raise OverflowError
    except NodeError:
        raise
    except ZeroDivisionError as error:
        raise NodeError(
            "The formula divides by 0.",
            "Ask first, as in `a / b if b else 0`.",
            "calculation.formula",
        ) from error
    except (OverflowError, RecursionError, MemoryError) as error:
        raise NodeError(
            "The formula is too long, or its number too large.",
            "Make it smaller.",
            "calculation.formula",
        ) from error
    except (SyntaxError, TypeError, ValueError) as error:
        raise NodeError(
            "The formula cannot be calculated.",
            "Write it as in `floor(a / 8) * 8`.",
            "calculation.formula",
        ) from error
    return found


def _value(tree: ast.AST, numbers: Mapping[str, Number]) -> Any:
    match tree:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            if name not in numbers:
                raise NodeError(
                    f"The formula knows no {name}.",
                    "Wire it, or take another name.",
                    "calculation.formula",
                )
            return numbers[name]
        case ast.UnaryOp(op=sign, operand=operand):
            return _OPERATORS[type(sign)](_value(operand, numbers))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left, numbers), _value(right, numbers))
        case ast.BoolOp(op=sign, values=parts):
            return _all_or_any(sign, parts, numbers)
        case ast.Compare(left=left, ops=signs, comparators=others):
            return _compared(left, signs, others, numbers)
        case ast.IfExp(test=test, body=body, orelse=other):
            return _value(body if _value(test, numbers) else other, numbers)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(each, numbers) for each in args))
    raise SyntaxError


def _all_or_any(sign: ast.boolop, parts: list[ast.expr], numbers: Mapping[str, Number]) -> Any:
    found: Any = None
    for part in parts:
        found = _value(part, numbers)
        if bool(found) is isinstance(sign, ast.Or):
            break
    return found


def _compared(
    left: ast.expr, signs: list[ast.cmpop], others: list[ast.expr], numbers: Mapping[str, Number]
) -> bool:
    one = _value(left, numbers)
    for sign, other in zip(signs, others, strict=True):
        two = _value(other, numbers)
        if type(sign) not in _OPERATORS:
            raise SyntaxError
        if not _OPERATORS[type(sign)](one, two):
            return False
        one = two
    return True
