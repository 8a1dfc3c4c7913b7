"""The form of a workflow: its fields by name, their values, and all that is wrong with these."""

from __future__ import annotations

from typing import Annotated, Any

from jsonschema import Draft202012Validator

from nodes.api import Choice, File, Multiline, Range, Seed, catalogue_of, node
from server.engine.form import draw_seeds, fields_of, fill, read_text, schema_of, snake_case
from server.engine.graph import Graph, Literal

STYLES = ["ink", "oil"]


@node("Draw")
def draw(
    text: Annotated[str, Multiline()],
    seed: Annotated[int, Seed()] = 0,
    steps: Annotated[int, Range(1, 100)] = 20,
    strength: Annotated[float, Range(0, 1)] = 0.5,
    style: Annotated[str, Choice(STYLES)] = "ink",
    picture: Annotated[str, File("input", upload=True)] = "a.png",
    tiled: bool = False,
) -> str:
    """Draw.

    Args:
        text: What.
        seed: Makes it another one.
        steps: How many.
        strength: How much.
        style: How.
        picture: From what.
        tiled: Whether in tiles.
    """
    return text


CATALOGUE = catalogue_of(draw)
INPUTS = ("text", "seed", "steps", "strength", "style", "picture", "tiled")
GIVEN = {"text": "a star"}
FORM = [{"node": "draw", "input": name} for name in INPUTS]


def graph(form: Any = FORM, inputs: Any = GIVEN, **more: Any) -> Graph:
    nodes = {"draw": {"type": "Draw", "version": 1, "inputs": inputs}}
    return Graph.from_json({"format": 1, "nodes": nodes, "form": form, **more})


def problems(values: dict[str, Any], form: Any = FORM) -> list[tuple[str, str | None]]:
    workflow = graph(form)
    _, found = fill(workflow, fields_of(workflow, CATALOGUE), values, lambda kind: ["a.png"])
    return [(problem.code, problem.input) for problem in found]


def names(*entries: dict[str, Any]) -> list[str]:
    return [field.name for field in fields_of(graph(list(entries)), CATALOGUE)]


def test_a_field_is_called_by_its_name_or_its_label_or_its_input() -> None:
    steps = {"node": "draw", "input": "steps"}
    assert names({**steps, "name": "care", "label": "Steps"}) == ["care"]
    assert names({**steps, "label": "How many Größen?"}) == ["how_many_grossen"]
    assert names({**steps, "label": "歩数"}) == ["steps"]
    assert names(steps, {**steps, "label": "Steps"}, steps) == ["steps", "steps_2", "steps_3"]
    assert snake_case("  Straße -- 2 ") == "strasse_2"


def test_what_cannot_be_filled_in_is_no_field() -> None:
    gone: tuple[Any, ...] = (
        {"node": "none", "input": "text"},
        {"node": "draw", "input": "none"},
        {},
        "no entry",
    )
    wired = graph(inputs={"text": {"link": ["other", "string"]}})
    assert fields_of(graph(list(gone)), CATALOGUE) == ()
    assert "text" not in [field.name for field in fields_of(wired, CATALOGUE)]
    assert fields_of(graph("no list"), CATALOGUE) == ()


def test_values_go_where_the_fields_stand_and_the_rest_stays() -> None:
    workflow = graph()
    values = {"text": "a heart", "strength": 1, "steps": 7.0, "tiled": True}
    filled, found = fill(workflow, fields_of(workflow, CATALOGUE), values)
    assert found == []
    held = filled.nodes["draw"].inputs
    assert {name: held[name] for name in values} == {
        "text": Literal("a heart"),
        "strength": Literal(1.0),
        "steps": Literal(7),
        "tiled": Literal(True),
    }
    assert workflow.nodes["draw"].inputs["text"] == Literal("a star")


def test_everything_that_is_wrong_is_told_at_once_by_the_fields_names() -> None:
    wrong = {"text": 3, "steps": 101, "style": "oll", "picture": "b.png", "sead": 1, "tiled": 1}
    assert problems(wrong) == [
        ("value.type", "text"),
        ("value.range", "steps"),
        ("value.choice", "style"),
        ("file.missing", "picture"),
        ("form.unknown", "sead"),
        ("value.type", "tiled"),
    ]
    (unknown,) = fill(graph(), fields_of(graph(), CATALOGUE), {"sead": 1})[1]
    assert "seed" in unknown.hint
    (formless,) = fill(graph(None), (), {"seed": 1})[1]
    assert "has no form" in formless.hint


def test_the_author_s_range_holds_beside_the_node_s() -> None:
    narrow = [{"node": "draw", "input": "steps", "min": 5, "max": 50}]
    assert problems({"steps": 5}, narrow) == problems({"steps": 50}, narrow) == []
    assert problems({"steps": 4}, narrow) == problems({"steps": 51}, narrow)
    assert problems({"steps": 51}, narrow) == [("value.range", "steps")]
    (field,) = fields_of(graph([{**narrow[0], "max": 500}]), CATALOGUE)
    shape = schema_of(field)
    assert (shape["minimum"], shape["maximum"]) == (5, 100)


def test_the_schema_takes_what_the_form_takes() -> None:
    fields = fields_of(graph(), CATALOGUE)
    good: dict[str, list[Any]] = {
        "text": ["x"],
        "seed": [0, 2**64 - 1],
        "steps": [1, 100],
        "strength": [0, 0.5],
        "style": ["ink"],
        "picture": ["a.png"],
        "tiled": [True],
    }
    bad: dict[str, list[Any]] = {
        "text": [1],
        "seed": [-1, 2**64],
        "steps": [0, 1.5],
        "strength": [1.1],
        "style": ["oll"],
        "picture": [1],
        "tiled": ["true"],
    }
    assert [field.name for field in fields] == list(good)
    for field in fields:
        check = Draft202012Validator(schema_of(field)).is_valid
        for value in good[field.name]:
            assert check(value), (field.name, value)
            assert problems({field.name: value}) == [], (field.name, value)
        for value in bad[field.name]:
            assert not check(value), (field.name, value)
            assert len(problems({field.name: value})) == 1, (field.name, value)


def test_a_value_that_the_workflow_lacks_has_to_be_given() -> None:
    (field,) = fields_of(graph([FORM[0]], inputs={}), CATALOGUE)
    assert not field.given
    assert "default" not in schema_of(field)
    (kept,) = fields_of(graph([FORM[0]]), CATALOGUE)
    assert kept.given
    assert schema_of(kept)["default"] == "a star"


def test_an_input_of_a_subgraph_is_a_field_too() -> None:
    inside = {
        "title": "Thrice",
        "inputs": [{"name": "x", "type": "Int", "default": 4}, {"name": "box", "type": "Box"}],
        "outputs": [],
        "nodes": {},
    }
    workflow = Graph.from_json(
        {
            "format": 1,
            "nodes": {"t": {"type": "subgraph:thrice", "version": 1, "inputs": {}}},
            "subgraphs": {"thrice": inside},
            "form": [{"node": "t", "input": "x"}, {"node": "t", "input": "box"}],
        }
    )
    (field,) = fields_of(workflow, CATALOGUE)
    assert (field.name, field.value, field.given) == ("x", 4, True)
    filled, found = fill(workflow, (field,), {"x": 5})
    assert (found, filled.nodes["t"].inputs["x"]) == ([], Literal(5))


def test_seeds_that_are_drawn_before_each_run_are_drawn_unless_they_are_given() -> None:
    view = {"draw": {"x": 0, "y": 0, "seeds": {"seed": "random"}}}
    workflow = graph(inputs={"text": "", "seed": 7}, view=view)

    def seed(salt: str, *kept: tuple[str, str]) -> Any:
        return draw_seeds(workflow, salt, kept).nodes["draw"].inputs["seed"]

    assert seed("one") == seed("one") != seed("two")
    assert seed("one", ("draw", "seed")) == Literal(7)
    drawn = seed("one")
    assert isinstance(drawn, Literal)
    assert 0 <= drawn.value < 2**53
    assert draw_seeds(graph(view={"draw": {"seeds": {"seed": "increment"}}}), "one") == graph(
        view={"draw": {"seeds": {"seed": "increment"}}}
    )


def test_texts_of_a_browser_s_form_become_what_the_fields_take() -> None:
    by_name = {field.name: field for field in fields_of(graph(), CATALOGUE)}
    read = {
        ("seed", "18446744073709551615"): 2**64 - 1,
        ("steps", "12"): 12,
        ("steps", "1.5"): "1.5",
        ("strength", "0.25"): 0.25,
        ("strength", "nan"): "nan",
        ("tiled", "true"): True,
        ("tiled", "yes"): "yes",
        ("text", "12"): "12",
    }
    for (name, text), value in read.items():
        assert read_text(by_name[name], text) == value
