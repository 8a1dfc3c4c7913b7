"""Unfinished work: a run that ends half-way leaves its folder to the next."""

from pathlib import Path

from nodes.api import QUIET, Context, catalogue_of, node
from tests.engine import toys
from tests.engine.toys import RAN, Bench, graph


@node("Dig")
def dig(depth: int = 3, *, ctx: Context = QUIET) -> int:
    """Dig a hole, one spade at a time; the second spade breaks.

    Args:
        depth: How deep.
    """
    dug = ctx.workspace() / "dug"
    for spade in range(int(dug.read_text()) if dug.exists() else 0, depth):
        RAN.append(f"spade {spade}")
        dug.write_text(str(spade + 1))
        if spade == 1:
            raise ValueError("The spade broke.")
    return depth


CATALOGUE = catalogue_of(dig, toys.save, toys.count, toys.total)


def test_the_next_run_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    bench = Bench(catalogue=CATALOGUE)
    bench.host.work = tmp_path
    wanted = graph({"d": ("Dig", {"depth": 4}), "s": ("Save", {"value": "@d.int"})})
    assert bench.run(wanted).state == "failed"
    assert bench.ran == ["spade 0", "spade 1"]
    assert bench.run(wanted).state == "succeeded"
    assert bench.ran == ["spade 2", "spade 3"]
    assert list(tmp_path.iterdir()) == []


def test_each_element_of_a_sequence_has_a_folder_of_its_own(tmp_path: Path) -> None:
    bench = Bench(catalogue=CATALOGUE)
    bench.host.work = tmp_path
    wanted = graph(
        {
            "c": ("Count", {"n": 2}),
            "d": ("Dig", {"depth": "@c.int"}),
            "t": ("Sum", {"numbers": "@d.int"}),
            "s": ("Save", {"value": "@t.int"}),
        }
    )
    assert bench.run(wanted).state == "succeeded"
    assert bench.ran == ["spade 0"]
    assert list(tmp_path.iterdir()) == []
