"""Subgraphs that running nodes return: what their values are called, and so what is known."""

from nodes.api import Subgraph, SubgraphBuilder, catalogue_of, node
from tests.engine import toys
from tests.engine.toys import RAN, Bench, Box, graph


@node("Pack")
def pack(inner: Box, outer: Box) -> Box:
    """Put a box into another.

    Args:
        inner: The one.
        outer: The other.
    """
    RAN.append(f"pack {inner.content}")
    return Box(f"{outer.content}({inner.content})")


@node("PackAll")
def pack_all(box: Box, around: list[Box]) -> Box | Subgraph:
    """Put a box into one box after another.

    Args:
        box: The innermost.
        around: The others.
    """
    build = SubgraphBuilder()
    last: object = box
    for outer in around:
        last = build.node("Pack", inner=last, outer=outer).out("box")
    return build.subgraph(box=last)


CATALOGUE = catalogue_of(
    pack, pack_all, toys.count, toys.make_box, toys.save, toys.show_twice, toys.slow_box
)


def test_each_element_goes_into_an_expansion_of_its_own() -> None:
    bench = Bench(catalogue=CATALOGUE)
    bench.run(
        graph(
            {
                "count": ("Count", {"n": 3}),
                "box": ("MakeBox", {"seed": "@count.int"}),
                "twice": ("ShowTwice", {"value": "@box.box"}),
            }
        )
    )
    assert len(set(bench.saved())) == 6


def test_the_beginning_of_a_chain_is_known_when_its_end_is_another() -> None:
    bench = Bench(catalogue=CATALOGUE)

    def chain(*contents: str) -> None:
        boxes = {f"b{n}": ("SlowBox", {"content": c}) for n, c in enumerate(contents)}
        around = [f"@b{n}.box" for n in range(1, len(contents))]
        packed = ("PackAll", {"box": "@b0.box", "around": around})
        bench.run(graph({**boxes, "all": packed, "save": ("Save", {"value": "@all.box"})}))

    chain("a", "b", "c")
    assert [line for line in bench.ran if line.startswith("pack")] == ["pack a", "pack b(a)"]
    chain("a", "b", "d")
    assert [line for line in bench.ran if line.startswith("pack")] == ["pack b(a)"]
    assert bench.saved() == ["box:Box(content='d(b(a))', size=100).txt"]
