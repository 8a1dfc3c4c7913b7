"""Names from outside become paths only inside their folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.api.file_names import refusal
from nodes.errors import FileProblem
from server.paths import contained, tidy_name

HOSTILE = [
    "",
    ".",
    "..",
    "../secret",
    "a/../../secret",
    "/etc/passwd",
    "//host/share",
    "\\\\host\\share",
    "..\\secret",
    "C:\\Windows\\win.ini",
    "c:secret",
    "file.txt:stream",
    "a\x00b",
    "a\nb",
    "a//b",
    "a/",
    "/a",
    "name.",
    "name ",
    " name",
    "CON",
    "nul.txt",
    "com1.png",
    "x" * 201,
    "é" * 101,
    "\ud800",
    "/".join(["a"] * 600),
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("folders", [False, True])
def test_a_hostile_name_is_refused(tmp_path: Path, name: str, folders: bool) -> None:
    with pytest.raises(FileProblem) as refused:
        contained(tmp_path, name, folders=folders)
    assert refused.value.code == "file.name"
    assert str(tmp_path) not in refused.value.message


def test_a_name_with_folders_needs_leave(tmp_path: Path) -> None:
    assert contained(tmp_path, "a/b.png", folders=True) == tmp_path / "a" / "b.png"
    with pytest.raises(FileProblem):
        contained(tmp_path, "a/b.png")


@pytest.mark.parametrize(
    "name", ["模型.safetensors", "ein schönes Bild (1).png", "..a", "a..b", ".x"]
)
def test_an_ordinary_name_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    assert contained(tmp_path, name) == tmp_path / name


def test_a_link_does_not_lead_out(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("x", encoding="utf-8")
    (inside / "link").symlink_to(outside)
    (inside / "file").symlink_to(outside / "secret")
    for name in ("link/secret", "file"):
        with pytest.raises(FileProblem) as refused:
            contained(inside, name, folders=True)
        assert refused.value.code == "file.outside"
    assert contained(inside, "link/secret", folders=True, also=(outside,)).exists()


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(FileProblem):
        contained(tmp_path, "a/x", folders=True)


def test_a_folder_that_is_itself_a_link_is_the_root(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "models").symlink_to(tmp_path / "real")
    assert contained(tmp_path / "models", "x").name == "x"


@given(st.text(max_size=300))
def test_a_tidied_name_is_never_refused(name: str) -> None:
    assert refusal(tidy_name(name)) is None


@given(st.text(st.characters(), max_size=60))
def test_what_is_contained_lies_inside(name: str) -> None:
    root = Path("/nowhere/root")
    try:
        path = contained(root, name, folders=True)
    except FileProblem:
        return
    assert path.is_relative_to(root)
    assert ".." not in path.parts


def test_a_tidied_name_keeps_its_ending() -> None:
    assert tidy_name("C:\\fakepath\\Bild.png") == "Bild.png"
    assert tidy_name("../../x.PNG") == "x.PNG"
    assert tidy_name("a" * 500 + ".png").endswith("a.png")
    assert tidy_name("con.png") == "_con.png"
    assert tidy_name("...", fallback="picture") == "picture"
