"""Declaring nodes: what the signature says, and which mistakes are found at import."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeVar

import pytest

from nodes.api import (
    QUIET,
    All,
    AnyType,
    Catalogue,
    Choice,
    Context,
    DeclarationError,
    Each,
    File,
    Label,
    Lazy,
    Multiline,
    Names,
    Range,
    Seed,
    Shape,
    Subgraph,
    catalogue_of,
    node,
    wire,
)

T = TypeVar("T")
N = TypeVar("N", int, float)


@wire("CLAY")
@dataclass(frozen=True)
class WetClay:
    """Something to form."""

    mass: float


class Parts(NamedTuple):
    clay: Annotated[WetClay, Shape(width=("*", "clay.width", 2), height=("+", "turns", 1))]
    rest: Annotated[WetClay | None, Label("What is left")]


@node("Form", title="Form clay", aliases=("shape",), io=True)
def form(
    clay: WetClay,
    tools: list[WetClay] | None = None,
    spare: Lazy[WetClay] | None = None,
    pile: All[WetClay] | None = None,
    turns: Annotated[int, Range(1, 9, step=2)] = 3,
    speed: Annotated[float, Range(0, 1)] = 1,
    name: Annotated[str, Multiline()] = "",
    seed: Annotated[int | None, Seed()] = None,
    file: Annotated[str, File("input", upload=True), Label("Picture")] = "a.png",
    hot: bool = False,
    *,
    ctx: Context = QUIET,
) -> Parts:
    """Form clay
    into something.

    It turns.

    Args:
        clay: What to form,
            or not.
        tools: With what.
        spare: More.
        pile: All of it.
        turns: How often (each way).
        speed: How fast: 1 is full.
        name: Words.
        seed: Chance.
        file: A file.
        hot: Whether it is hot.

    Returns:
        clay: What came out.
        rest: What did not.

    References:
        Potter 1901, On Clay,
          volume two.
        Kiln 1950, On Fire.
    """
    return Parts(clay, None)


SPEC = vars(form)["__node__"]


def test_the_function_is_returned_unchanged() -> None:
    assert form(WetClay(1.0)) == Parts(WetClay(1.0), None)


def test_the_docstring_is_the_help() -> None:
    assert SPEC.summary == "Form clay into something."
    assert SPEC.help == "It turns."
    assert SPEC.input("clay").help == "What to form, or not."
    assert SPEC.input("turns").help == "How often (each way)."
    assert SPEC.output("rest").help == "What did not."
    assert SPEC.references == ("Potter 1901, On Clay, volume two.", "Kiln 1950, On Fire.")


def test_the_module_is_the_category_and_the_rest_is_said() -> None:
    assert (SPEC.category, SPEC.title, SPEC.aliases) == ("test_declare", "Form clay", ("shape",))
    assert (SPEC.io, SPEC.pure, SPEC.sink, SPEC.version) == (True, True, False, 1)


def test_inputs_come_from_the_signature_in_order() -> None:
    kinds = [(i.name, i.type, i.required, i.socket) for i in SPEC.inputs]
    assert kinds == [
        ("clay", "WetClay", True, True),
        ("tools", "WetClay", False, True),
        ("spare", "WetClay", False, True),
        ("pile", "WetClay", False, True),
        ("turns", "Int", False, False),
        ("speed", "Float", False, False),
        ("name", "String", False, False),
        ("seed", "Int", False, False),
        ("file", "String", False, False),
        ("hot", "Boolean", False, False),
    ]
    assert [i.name for i in SPEC.inputs if i.many] == ["tools"]
    assert [i.name for i in SPEC.inputs if i.lazy] == ["spare"]
    assert [i.name for i in SPEC.inputs if i.whole] == ["pile"]
    assert SPEC.input("file").label == "Picture"
    assert repr(SPEC.input("speed").default) == "1.0"


def test_outputs_come_from_the_return_annotation() -> None:
    clay, rest = SPEC.outputs
    assert clay.shape == {"width": ["*", "clay.width", 2], "height": ["+", "turns", 1]}
    assert (rest.optional, rest.label, rest.shape) == (True, "What is left", {})


def declared(returns: Any) -> list[tuple[str, str, bool]]:
    def function(x: Any) -> Any:
        """Do something.

        Args:
            x: Something.
        """

    function.__annotations__ = {"x": T, "return": returns}
    spec = vars(node("X")(function))["__node__"]
    return [(output.name, output.type, output.each) for output in spec.outputs]


@pytest.mark.parametrize(
    ("returns", "outputs"),
    [
        (WetClay, [("wet_clay", "WetClay", False)]),
        (int, [("int", "Int", False)]),
        (bool, [("boolean", "Boolean", False)]),
        (Each[str], [("string", "String", True)]),
        (T, [("value", "T", False)]),
        (AnyType, [("value", "*", False)]),
        (T | Subgraph, [("value", "T", False)]),
        (None, []),
        (Subgraph, []),
    ],
)
def test_the_only_output_is_named_after_its_class(
    returns: Any, outputs: list[tuple[str, str, bool]]
) -> None:
    assert declared(returns) == outputs


def test_without_outputs_it_is_a_sink() -> None:
    @node("Drop")
    def drop(clay: WetClay) -> None:
        """Drop it.

        Args:
            clay: What.
        """

    assert vars(drop)["__node__"].sink


def test_constraints_of_a_type_variable_are_kept() -> None:
    @node("Twice")
    def twice(x: N) -> N:
        """Double.

        Args:
            x: What.
        """
        return x * 2

    item = vars(twice)["__node__"].inputs[0]
    assert (item.type, item.generic, item.one_of) == ("N", True, ("Int", "Float"))


def test_a_group_of_inputs_is_named_by_its_marker() -> None:
    @node("Mix")
    def mix(
        clay: WetClay, **shares: Annotated[float, Range(0, 1), Names(("a.0.", "b c"), 1)]
    ) -> int:
        """Mix it.

        Args:
            clay: What.
            **shares: How much.
        """
        return len(shares)

    spec = vars(mix)["__node__"]
    told = [(i.name, i.label, i.type, i.default, i.marker, i.help) for i in spec.inputs[1:]]
    assert told == [
        ("a.0.", "a.0", "Float", 1.0, Range(0, 1), "How much."),
        ("b c", "b c", "Float", 1.0, Range(0, 1), "How much."),
    ]
    assert Catalogue.from_json(catalogue_of(mix).to_json()).specs["Mix"].inputs == spec.inputs
    assert mix(WetClay(1.0), **{"a.0.": 0.5}) == 1


def test_the_catalogue_crosses_as_json() -> None:
    data = catalogue_of(form).to_json()
    again = Catalogue.from_json(data)
    assert again.to_json() == data
    assert again.hash == data["hash"]
    assert data["types"] == {
        "WetClay": {"comfy": "CLAY", "help": "Something to form.", "kept": False}
    }


def mistaken(doc: str = "x: It.", *, returns: Any = None, **annotations: Any) -> Callable[..., Any]:
    default = annotations.pop("default", None)

    def required(x: Any) -> Any:
        pass

    def optional(x: Any = default) -> Any:
        pass

    function = required if default is None else optional
    function.__doc__ = f"Do it.\n\nArgs:\n    {doc}\n"
    function.__annotations__ = {"return": returns, **annotations}
    return function


def no_docstring(x: int) -> int:
    return x


def many_arguments(*x: int) -> int:
    """Take many."""
    return sum(x)


def loud(x: int, ctx: int = 1) -> None:
    """Use another context.

    Args:
        x: It.
    """


def nameless(**x: int) -> None:
    """Take a group.

    Args:
        **x: It.
    """


def named_twice(a: int, **x: Annotated[int, Names(("b", "a"), 0)]) -> None:
    """Take a group.

    Args:
        a: It.
        **x: It.
    """


MISTAKES: list[tuple[Callable[..., Any], str]] = [
    (no_docstring, "say in a docstring"),
    (many_arguments, r"\*x is not allowed"),
    (loud, "ctx: Context = QUIET"),
    (nameless, r"`x` has Names if it is \*\*x, and only then"),
    (named_twice, "two inputs have the same name"),
    (mistaken(x=Annotated[int, Names(("a",), 0)]), "`x` has Names if it is"),
    (mistaken(returns=Annotated[int, Names(("a",), 0)], x=int), "can have Each, Shape"),
    (mistaken("y: It.", x=int), "`x` is missing under Args"),
    (mistaken("x: It.\n    y: That.", x=int), "describes `y`, which the signature lacks"),
    (mistaken(), "give `x` a type"),
    (mistaken(x=dict), "is no wire type"),
    (mistaken(x=int | str), "several types"),
    (mistaken(x=Lazy[list[int]]), "nests"),
    (mistaken(x=Each[int]), "cannot be Each"),
    (mistaken(x=Annotated[str, Range(0, 1)]), "does not fit a String"),
    (mistaken(x=Annotated[int, "words"]), "is not a marker"),
    (mistaken(x=Annotated[str, Multiline(), File("input")]), "cannot both hold"),
    (mistaken(x=Annotated[int, Range(0, 5)], default=9), "9 is not between 0 and 5"),
    (mistaken(x=Annotated[str, Choice(["a"])], default="b"), "'b' is not a choice"),
    (mistaken(x=int, default=1.5), "1.5 is not of type Int"),
    (mistaken(x=int, default=True), "True is not of type Int"),
    (mistaken(x=float, default=float("inf")), "not a finite number"),
    (mistaken(x=WetClay, default=WetClay(1)), "a socket has no default"),
    (mistaken(x=int | None, default=3), "its default must be None"),
    (mistaken(x=WetClay, returns=Annotated[WetClay, Shape(width="y")]), "no input 'y'"),
    (mistaken(x=WetClay, returns=Annotated[WetClay, Shape(width="x.w")]), "not a dimension"),
    (mistaken(x=WetClay, returns=Annotated[WetClay, Shape(width=("%", 1))]), "operator"),
    (mistaken(x=WetClay, returns=T), "no input says what T is"),
    (mistaken(x=WetClay, returns=list[WetClay]), "Each, Shape and Label only"),
    (mistaken(x=int, returns="Missing"), "cannot be resolved"),
]


@pytest.mark.parametrize(("function", "sentence"), MISTAKES)
def test_a_mistake_is_found_at_import(function: Callable[..., Any], sentence: str) -> None:
    with pytest.raises(DeclarationError, match=sentence):
        node("Wrong")(function)


def test_what_returns_nothing_annotated_is_a_mistake() -> None:
    def function(x):  # type: ignore[no-untyped-def]
        """Do it.

        Args:
            x: It.
        """

    function.__annotations__ = {"x": int}
    with pytest.raises(DeclarationError, match="annotate what it returns"):
        node("Wrong")(function)


def test_a_returns_line_for_no_output_is_a_mistake() -> None:
    def function(clay: WetClay) -> Parts:
        """Do it.

        Args:
            clay: What.

        Returns:
            bowl: There is none.
        """
        return Parts(clay, None)

    with pytest.raises(DeclarationError, match="`bowl`, which is no output"):
        node("Wrong")(function)


def test_a_thriftier_variant_of_another_signature_is_a_mistake() -> None:
    with pytest.raises(DeclarationError, match="another signature"):
        node("Wrong", thriftier=[many_arguments])(mistaken(x=int))


def test_a_thriftier_variant_may_hand_on_what_it_does_not_name() -> None:
    def sparing(x: int, **given: Any) -> int:
        return x

    def misnamed(y: int, **given: Any) -> int:
        return y

    declared = node("Right", thriftier=[sparing])(mistaken(x=int))
    assert vars(declared)["__node__"].thriftier == (sparing,)
    with pytest.raises(DeclarationError, match="another signature"):
        node("Wrong", thriftier=[misnamed])(mistaken(x=int))


@pytest.mark.parametrize("name", ["", "has:colon", "has/slash", "x" * 101])
def test_an_id_that_files_cannot_hold_is_a_mistake(name: str) -> None:
    with pytest.raises(DeclarationError, match="cannot be a node's id"):
        node(name)(mistaken(x=int))


def test_a_wire_class_must_be_frozen() -> None:
    with pytest.raises(DeclarationError, match="no frozen dataclass"):

        @wire("X")
        @dataclass
        class Soft:
            x: int


def test_a_title_is_made_from_the_id() -> None:
    spec = vars(node("VAEDecodeTiled")(mistaken(x=int)))["__node__"]
    assert spec.title == "VAE decode tiled"
