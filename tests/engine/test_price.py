"""What is too large for the machine is told before anything runs."""

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import pytest

from nodes.api import Catalogue, Range, Shape, catalogue_of, node, wire
from server.engine.price import amount
from server.engine.problems import Problem, errors
from server.engine.validate import validate
from tests.engine.toys import graph

GB = 10**9


@wire("SHEET")
@dataclass(frozen=True)
class Sheet:
    """A thing with a size."""


class Halves(NamedTuple):
    left: Annotated[
        Sheet,
        Shape(batch="s.batch", channels=3, height="s.height", width=("//", "s.width", 2)),
    ]
    right: Sheet


@node("Blank")
def blank(
    width: int = 1000, height: int = 1000, batch: Annotated[int, Range(1, 10_000)] = 1
) -> Annotated[Sheet, Shape(batch="batch", channels=1, height="height", width="width")]:
    """Give a sheet.

    Args:
        width: How wide.
        height: How high.
        batch: How many.
    """
    return Sheet()


@node("Cut")
def cut(s: Sheet) -> Halves:
    """Cut a sheet.

    Args:
        s: The sheet.
    """
    return Halves(s, s)


@node("Show")
def show(s: Sheet) -> None:
    """Show a sheet.

    Args:
        s: The sheet.
    """


PLAIN = Catalogue.from_json(catalogue_of(blank, cut, show).to_json())


def check(memory: int | None, **inputs: Any) -> list[Problem]:
    wanted = {
        "b": ("Blank", inputs),
        "c": ("Cut", {"s": "@b.sheet"}),
        "s": ("Show", {"s": "@c.left"}),
        "r": ("Show", {"s": "@c.right"}),
    }
    return validate(graph(wanted), PLAIN, memory=memory)


def test_what_cannot_fit_is_told_once_with_its_price() -> None:
    (problem,) = check(24 * GB, batch=10_000, width=4000)
    assert (problem.code, problem.node, problem.severity) == ("graph.memory", "b", "error")
    assert problem.message == (
        "Blank makes a Sheet of 10000×1×1000×4000, which needs about 160 GB of memory; "
        "this machine has 24 GB."
    )


def test_what_may_fit_is_never_refused() -> None:
    # 4 GB and 6 GB: each fits, and whether both do is for the machine to say.
    (problem,) = check(7 * GB, batch=1000)
    assert (problem.node, problem.severity) == ("c", "warning")
    assert "needs about 10 GB" in problem.message
    assert errors([problem]) == []
    assert check(10 * GB, batch=1000) == []
    assert check(None, batch=10_000) == []


def test_a_later_node_may_be_the_one_that_is_too_large() -> None:
    (problem,) = check(5 * GB, batch=1000)
    assert (problem.node, problem.severity) == ("c", "error")


def test_a_wired_size_is_not_known_and_nothing_is_said() -> None:
    assert check(1000, batch="@n.int") != []
    assert "graph.memory" not in {problem.code for problem in check(GB, batch="@n.int")}


@pytest.mark.parametrize(
    ("nbytes", "text"), [(412_345_678_901, "412 GB"), (2 * 10**12, "2 TB"), (999, "999 bytes")]
)
def test_amounts_are_written_in_the_unit_that_suits(nbytes: int, text: str) -> None:
    assert amount(nbytes) == text
