"""Collecting nodes from packages, folders and installed extensions."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodes.api.catalogue import load, sources_hash

PLAIN = '''
from nodes.api import node
{extra}
@node("{id}")
def function(x: int) -> int:
    """Give it back.

    Args:
        x: A number.
    """
    return x
'''


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for name in [name for name in sys.modules if tmp_path.name in name]:
        del sys.modules[name]


def write(path: Path, id_: str, extra: str = "") -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(PLAIN.format(id=id_, extra=extra))


def test_files_and_packages_in_a_folder_are_nodes(folder: Path) -> None:
    write(folder / "one.py", "One")
    write(folder / "two" / "__init__.py", "Two", "from . import more\nassert more.HERE")
    (folder / "two" / "more.py").write_text("HERE = True")
    write(folder / "_hidden.py", "Hidden")
    (folder / "notes.txt").write_text("not Python")
    catalogue = load(packages=(), folders=(folder, folder / "missing"))
    assert set(catalogue.specs) == {"One", "Two"}
    assert catalogue.failures == ()


def test_the_users_own_code_is_hashed(folder: Path) -> None:
    write(folder / "one.py", "One")
    first = load(packages=(), folders=(folder,)).specs["One"].code
    write(folder / "one.py", "One", "x = 1")
    second = load(packages=(), folders=(folder,)).specs["One"].code
    assert first
    assert first != second


@pytest.mark.parametrize(
    "mistake", ["raise RuntimeError('no')", "import not_installed_anywhere", "def broken(:"]
)
def test_a_file_that_fails_blocks_nothing_else(folder: Path, mistake: str) -> None:
    write(folder / "bad.py", "Bad", mistake)
    write(folder / "good.py", "Good")
    catalogue = load(packages=(), folders=(folder,))
    assert set(catalogue.specs) == {"Good"}
    (failure,) = catalogue.failures
    assert failure.source == f"{folder.name}/bad.py"
    assert "Traceback" in failure.traceback
    assert "Traceback" not in str(failure.to_json())


def test_a_clash_of_ids_names_both_places(folder: Path) -> None:
    write(folder / "a.py", "Same")
    write(folder / "b.py", "Same")
    catalogue = load(packages=(), folders=(folder,))
    (failure,) = catalogue.failures
    assert f"custom_nodes_{folder.name}.a" in failure.message
    assert f"custom_nodes_{folder.name}.b" in failure.message
    assert catalogue.specs["Same"].source == f"custom_nodes_{folder.name}.a"


def test_a_clash_of_wire_types_is_told(folder: Path) -> None:
    extra = """
from dataclasses import dataclass
from nodes.api import wire
@wire("W")
@dataclass(frozen=True)
class Web:
    x: int
"""
    for name in ("a", "b"):
        write(folder / f"{name}.py", name.upper(), extra)
        text = (folder / f"{name}.py").read_text()
        (folder / f"{name}.py").write_text(text.replace("x: int)", "x: Web)"))
    catalogue = load(packages=(), folders=(folder,))
    assert set(catalogue.specs) == {"A"}
    assert "wire type Web" in catalogue.failures[0].message


def test_an_imported_node_is_not_declared_twice(folder: Path) -> None:
    write(folder / "a.py", "A", "from nodes.logic import primitive_int")
    catalogue = load(folders=(folder,))
    assert catalogue.failures == ()
    assert catalogue.specs["PrimitiveInt"].source == "nodes.logic"


def test_the_salt_is_part_of_the_catalogue() -> None:
    one = load(packages=(), folders=(), salt={"device": "cpu"})
    two = one.with_salt({"device": "cuda"})
    assert one.hash != two.hash
    assert one.salt_text != two.salt_text


def test_the_shipped_nodes_and_the_example_all_load() -> None:
    root = Path(__file__).resolve().parents[3]
    catalogue = load(folders=(root / "custom_nodes",))
    assert catalogue.failures == ()
    assert {"ExampleTint", "PrimitiveInt", "Repeat"} <= set(catalogue.specs)
    for spec in catalogue.specs.values():
        assert spec.summary.endswith("."), spec.id
        assert all(item.help for item in spec.inputs), spec.id


def test_a_module_stands_behind_the_group_that_it_names(folder: Path) -> None:
    write(folder / "one.py", "One")
    write(folder / "two.py", "Two", 'GROUP = "pottery"')
    specs = load(packages=(), folders=(folder,)).specs
    assert (specs["One"].category, specs["Two"].category) == ("one", "pottery/two")


def test_the_shipped_nodes_are_a_tree_of_two_levels_with_few_branches() -> None:
    categories = {spec.category for spec in load(folders=()).specs.values()}
    assert {category.count("/") for category in categories} == {0, 1}
    assert len({category.partition("/")[0] for category in categories}) <= 10


def test_the_code_of_a_package_has_a_name_that_changes_with_any_file_in_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = f"package_{folder.name}"
    inner = folder / package / "inner"
    inner.mkdir(parents=True)
    (folder / package / "__init__.py").touch()
    (inner / "deep.py").write_text("A = 1")
    monkeypatch.syspath_prepend(str(folder))
    before = sources_hash([package])
    assert sources_hash([package]) == before
    (inner / "deep.py").write_text("A = 2")
    assert sources_hash([package]) != before
    sys.modules.pop(package)
