"""Results: what is held, what goes, what comes back from disk."""

from pathlib import Path

from server.engine.problems import Problem
from server.engine.result import Many, Result
from server.engine.result_files import META
from server.engine.results import Results, weigh
from tests.engine.toys import CATALOGUE, Box, Tool

TYPES = CATALOGUE.types
KEY = "ab" * 20


def key(number: int) -> str:
    return f"{number:040x}"


def box(size: int = 1000) -> Result:
    return Result({"box": Box("x", size)})


def test_the_least_recently_used_go_first() -> None:
    results = Results(3 * weigh(box()))
    for number in range(3):
        results.put(key(number), box(), 0)
    assert results.get(key(0), TYPES) is not None
    results.put(key(3), box(), 0)
    assert results.keys() == {key(0), key(2), key(3)}


def test_what_is_larger_than_the_budget_is_not_held() -> None:
    results = Results(10_000)
    results.put(key(1), box(), 0)
    results.put(key(2), box(20_000), 0)
    assert results.keys() == {key(1)}


def test_memory_is_counted_by_bytes_through_replacement_and_clearing() -> None:
    results = Results(10**6)
    results.put(KEY, box(1000), 0)
    results.put(KEY, box(3000), 0)
    assert results.nbytes == weigh(box(3000))
    results.clear()
    assert results.nbytes == 0


def blocks(value: Tool) -> dict[int, int]:
    """A tool's name lists its blocks, of 100 bytes each."""
    return {int(number): 100 for number in value.name.split()}


def tools(*names: str) -> Results:
    results = Results(10**6, blocks=blocks, block_bytes=300)
    for number, name in enumerate(names):
        results.put(key(number), Result({"tool": Tool(name)}), 0)
    return results


def test_blocks_that_results_share_count_once() -> None:
    results = tools("1 2", "2 1", "1 2 3")
    assert results.keys() == {key(0), key(1), key(2)}
    assert results.block_bytes == 300


def test_the_least_recently_used_go_when_blocks_are_too_many() -> None:
    results = tools("1", "2", "3")
    results.get(key(0), TYPES)
    results.put(KEY, Result({"tool": Tool("4")}), 0)
    assert results.keys() == {key(0), key(2), KEY}
    assert results.block_bytes == 300


def test_what_was_made_last_stays_whatever_its_blocks() -> None:
    results = tools("1", "2 3 4 5")
    assert results.keys() == {key(1)}
    results.put(key(1), Result({"tool": Tool("6")}), 0)
    assert results.block_bytes == 100
    results.clear()
    assert results.block_bytes == 0


def test_a_model_that_is_over_budget_stays_while_other_things_are_made() -> None:
    results = tools("1 2 3 4")
    results.put(KEY, box(), 0)
    assert results.keys() == {key(0), KEY}


def test_what_shares_the_blocks_of_a_model_that_stays_is_not_let_go() -> None:
    results = tools("1", "1 2 3 4")
    assert results.keys() == {key(0), key(1)}


def test_what_the_present_run_uses_gives_way_last() -> None:
    results = Results(10**6, blocks=blocks, block_bytes=300, run_block_bytes=500)
    for number, name in enumerate(("1", "2 3", "4 5")):
        results.put(key(number), Result({"tool": Tool(name)}), 0)
    assert results.block_bytes == 500
    results.begin()
    results.get(key(1), TYPES)
    results.put(KEY, Result({"tool": Tool("6 7 8")}), 0)
    assert results.keys() == {key(1), KEY}


def test_results_on_disk_know_what_they_saved(tmp_path: Path) -> None:
    Results(10**6, tmp_path).put(KEY, Result(saves=2), seconds=0.0)
    again = Results(10**6, tmp_path)
    assert (again.saves(KEY), again.saves(key(0))) == (2, 0)
    again.get(KEY, TYPES)
    assert again.saves(KEY) == 2


def test_a_costly_result_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    warning = Problem("node.warning", "Careful.", severity="warning")
    result = Result({"box": Many((Box("a"), Box("b"))), "n": 2**63, "none": None}, 0, (warning,))
    Results(10**6, tmp_path).put(KEY, result, seconds=1.0)
    again = Results(10**6, tmp_path)
    assert KEY in again
    assert again.get(KEY, TYPES) == result


def test_what_is_quick_to_make_or_has_no_codec_stays_off_the_disk(tmp_path: Path) -> None:
    results = Results(10**6, tmp_path)
    results.put(key(1), box(), seconds=0.0001)
    results.put(key(2), Result({"tool": Tool("t")}), seconds=100.0)
    assert Results(10**6, tmp_path).keys() == frozenset()


def test_a_sink_that_saved_is_remembered_however_quick(tmp_path: Path) -> None:
    Results(10**6, tmp_path).put(KEY, Result(saves=2), seconds=0.0)
    assert Results(10**6, tmp_path).get(KEY, TYPES) == Result(saves=2)


def test_disk_is_bounded_by_bytes_oldest_first(tmp_path: Path) -> None:
    large = Result({"box": Box("x" * 2000, 2000)})
    probe = Results(0, tmp_path / "probe")
    probe.put(key(0), large, 1.0)
    size = sum(file.stat().st_size for file in (tmp_path / "probe").rglob("*") if file.is_file())
    results = Results(0, tmp_path / "real", disk_bytes=3 * size)
    for number in range(5):
        results.put(key(number), large, 1.0)
    assert results.keys() == {key(2), key(3), key(4)}
    assert Results(0, tmp_path / "real").keys() == {key(2), key(3), key(4)}


def test_a_broken_copy_is_forgotten(tmp_path: Path) -> None:
    Results(10**6, tmp_path).put(KEY, box(), 1.0)
    next(tmp_path.rglob("0")).write_text("torn")
    results = Results(10**6, tmp_path)
    assert results.get(KEY, TYPES) is None
    assert KEY not in results
    assert not list(tmp_path.rglob(META))


def test_leftovers_of_a_kill_are_swept(tmp_path: Path) -> None:
    (tmp_path / "ab" / "_half").mkdir(parents=True)
    (tmp_path / "ab" / "_half" / META).write_text("{}")
    assert Results(10**6, tmp_path).keys() == frozenset()
    assert not (tmp_path / "ab" / "_half").exists()


def test_clearing_the_disk_leaves_nothing(tmp_path: Path) -> None:
    results = Results(10**6, tmp_path)
    results.put(KEY, box(), 1.0)
    results.clear(disk=True)
    assert results.keys() == frozenset()
    assert not list(tmp_path.rglob(META))
