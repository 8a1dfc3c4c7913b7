"""Saved workflows keep their versions, and nobody overwrites what they have not seen."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from nodes.errors import FileProblem
from server.library import MOST_VERSIONS, Conflict, Library, Taken


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "workflows")


def document(title: str = "A", **more: object) -> bytes:
    return json.dumps({"format": 1, "title": title, "nodes": {}, **more}).encode()


def test_what_is_saved_is_opened_again(library: Library) -> None:
    version, new = library.put("portraits/ann", document("Ann"))
    assert new
    assert library.get("portraits/ann") == (json.loads(document("Ann")), version)


def test_the_list_tells_title_tags_and_description(library: Library) -> None:
    library.put("b", document("", meta={"tags": ["sdxl", 3], "description": "Two passes."}))
    library.put("A/x", document("First"))
    first, second = library.entries()
    assert (first.name, first.title) == ("A/x", "First")
    assert (second.name, second.title, second.tags) == ("b", "b", ("sdxl",))
    assert [entry.name for entry in library.entries("two SDXL")] == ["b"]
    assert library.entries("two first") == []


def test_the_list_tells_the_subgraphs_that_other_workflows_may_use(library: Library) -> None:
    inner = {"type": "ImageInvert", "version": 1, "inputs": {"image": {"input": "picture"}}}
    negative = {
        "title": "Negative",
        "inputs": [{"name": "picture", "type": "Image"}],
        "outputs": [{"name": "image", "type": "Image", "from": ["invert", "image"]}],
        "nodes": {"invert": inner},
    }
    library.put("a", document("Kept", subgraphs={"negative": negative}))
    library.put("b", document("Broken", subgraphs={"negative": {"title": 3}}))
    kept, broken = library.entries()
    assert [each.to_json() for each in kept.subgraphs] == [
        {
            "key": "negative",
            "title": "Negative",
            "inputs": [{"name": "picture", "type": "Image"}],
            "outputs": [{"name": "image", "type": "Image"}],
        }
    ]
    assert broken.subgraphs == ()


def test_a_changed_workflow_is_not_overwritten_by_one_who_has_not_seen_it(
    library: Library,
) -> None:
    seen, _ = library.put("a", document("1"))
    now, new = library.put("a", document("2"), if_match=seen)
    assert not new
    with pytest.raises(Conflict) as refused:
        library.put("a", document("3"), if_match=seen)
    assert refused.value.version == now
    with pytest.raises(Taken, match="already"):
        library.put("a", document("3"), new=True)
    with pytest.raises(Conflict):
        library.delete("a", if_match=seen)
    assert library.get("a")[1] == now


def test_a_removed_workflow_is_not_saved_over_as_if_it_were_there(library: Library) -> None:
    seen, _ = library.put("a", document("1"))
    library.delete("a")
    with pytest.raises(Conflict) as refused:
        library.put("a", document("2"), if_match=seen)
    assert refused.value.version is None


def test_of_many_who_save_at_once_one_succeeds(library: Library) -> None:
    seen, _ = library.put("a", document("0"))
    outcomes: list[bool] = []

    def save(number: int) -> None:
        try:
            library.put("a", document(f"by {number}"), if_match=seen)
            outcomes.append(True)
        except Conflict:
            outcomes.append(False)

    threads = [threading.Thread(target=save, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True]


def test_every_content_is_kept_as_a_version(library: Library) -> None:
    contents = [document(str(n)) for n in range(3)]
    for content in contents:
        library.put("deep/a", content)
        library.put("deep/a", content)
    versions = library.versions("deep/a")
    assert [version.version for version in versions] == [3, 2, 1]
    assert [library.get_version("deep/a", n)[0] for n in (1, 2, 3)] == [
        json.loads(content) for content in contents
    ]
    assert library.get("deep/a")[1] == versions[0].hash
    assert [entry.name for entry in library.entries()] == ["deep/a"]


def test_a_file_edited_by_hand_is_a_version_too(library: Library, tmp_path: Path) -> None:
    library.put("a", document("saved"))
    path = tmp_path / "workflows" / "a.json"
    path.write_bytes(document("edited by hand"))
    library.put("a", document("saved again"))
    titles = [library.get_version("a", n)[0] for n in (1, 2, 3)]
    assert [title["title"] for title in titles if isinstance(title, dict)] == [
        "saved",
        "edited by hand",
        "saved again",
    ]


def test_a_deleted_workflow_can_be_had_back_from_its_versions(library: Library) -> None:
    library.put("a", document("1"))
    assert library.delete("a")
    assert not library.delete("a")
    assert library.entries() == []
    with pytest.raises(FileProblem):
        library.get("a")
    assert library.get_version("a", 1)[0] == json.loads(document("1"))


def test_old_versions_go_when_there_are_many(library: Library) -> None:
    for number in range(MOST_VERSIONS + 5):
        library.put("a", document(str(number)))
    numbers = [version.version for version in library.versions("a")]
    assert len(numbers) == MOST_VERSIONS
    assert numbers[0] == MOST_VERSIONS + 5
    with pytest.raises(FileProblem):
        library.get_version("a", 1)


def test_renaming_takes_the_versions_along(library: Library) -> None:
    library.put("a", document("1"))
    version, _ = library.put("a", document("2"))
    assert library.rename("a", "folder/b") == version
    assert [entry.name for entry in library.entries()] == ["folder/b"]
    assert [kept.version for kept in library.versions("folder/b")] == [2, 1]
    library.put("a", document("3"))
    with pytest.raises(Taken, match="already"):
        library.rename("a", "folder/b")
    with pytest.raises(FileProblem):
        library.rename("none", "c")
    assert library.rename("a", "a") == library.get("a")[1]


def test_a_name_may_be_written_in_other_letters(library: Library) -> None:
    version, _ = library.put("portraits/ann", document("1"))
    assert library.rename("portraits/ann", "portraits/Ann") == version
    assert [entry.name for entry in library.entries()] == ["portraits/Ann"]
    assert [kept.version for kept in library.versions("portraits/Ann")] == [1]


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../b", "", "a.json", "x.json/y", ".versions/a.json/1", "a\x00", "c:x"]
)
def test_a_name_that_leads_out_or_misleads_is_refused(library: Library, name: str) -> None:
    for use in (
        lambda: library.get(name),
        lambda: library.put(name, document()),
        lambda: library.delete(name),
        lambda: library.versions(name),
        lambda: library.get_version(name, 1),
        lambda: library.rename(name, "fine"),
    ):
        with pytest.raises(FileProblem) as refused:
            use()
        assert refused.value.code == "file.name"


def test_a_broken_file_is_listed_and_says_what_is_wrong_when_opened(
    library: Library, tmp_path: Path
) -> None:
    library.put("fine", document())
    (tmp_path / "workflows" / "broken.json").write_text('{"title": ', encoding="utf-8")
    assert [entry.name for entry in library.entries()] == ["broken", "fine"]
    with pytest.raises(Exception, match="not JSON"):
        library.get("broken")


def test_a_link_out_of_the_library_is_no_workflow(library: Library, tmp_path: Path) -> None:
    library.put("fine", document())
    secret = tmp_path / "secret.json"
    secret.write_bytes(document("secret"))
    (tmp_path / "workflows" / "link.json").symlink_to(secret)
    assert [entry.name for entry in library.entries()] == ["fine"]
    with pytest.raises(FileProblem):
        library.get("link")


def test_a_library_without_its_folder_is_empty(tmp_path: Path) -> None:
    assert Library(tmp_path / "none").entries() == []
