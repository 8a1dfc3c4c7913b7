"""Artifacts: indexed once, told in pages, removed with their last row."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodes.api import JSON
from nodes.errors import FileProblem, NodeError
from server.artifacts import Artifact, Artifacts
from server.settings import Settings
from server.store import Store
from server.typed_json import WrongJSON

WORKFLOW = '{"format":1,"nodes":{}}'


@pytest.fixture
def artifacts(tmp_path: Path) -> Iterator[Artifacts]:
    store = Store(tmp_path / "weft.sqlite")
    yield Artifacts(store, Settings(data_dir=tmp_path))
    store.close()


def made(tmp_path: Path, name: str, job: str = "j1", **more: JSON) -> Artifact:
    path = tmp_path / "output" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    return Artifact.from_json(
        {
            "job": job,
            "node": "save",
            "index": 0,
            "kind": "image",
            "name": name,
            "folder": "output",
            "subfolder": "",
            "mime": "image/png",
            "bytes": 1,
            "sha256": "0" * 64,
            "width": 8,
            "height": 8,
            **more,
        }
    )


def test_what_is_recorded_is_found_with_its_workflow(artifacts: Artifacts, tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = await artifacts.record(made(tmp_path, "a.png", title="Night"), WORKFLOW)
        assert await artifacts.get(kept.id) == kept
        assert Artifact.from_json(kept.to_json()) == kept
        assert await artifacts.workflow(kept.id) == WORKFLOW
        assert await artifacts.of_jobs(["j1", "j2"]) == {"j1": [kept], "j2": []}
        assert artifacts.path(kept).read_bytes() == b"x"

    asyncio.run(scenario())


def test_a_repeated_run_has_each_file_once(artifacts: Artifacts, tmp_path: Path) -> None:
    async def scenario() -> None:
        first = await artifacts.record(made(tmp_path, "a_00001_.png"), WORKFLOW)
        again = await artifacts.record(made(tmp_path, "a_00002_.png"), WORKFLOW)
        assert again.id == first.id
        assert [item.name for item in (await artifacts.page()).items] == ["a_00002_.png"]

    asyncio.run(scenario())
    assert [path.name for path in (tmp_path / "output").iterdir()] == ["a_00002_.png"]


def test_a_file_of_two_runs_goes_with_the_last(artifacts: Artifacts, tmp_path: Path) -> None:
    async def scenario() -> None:
        one = await artifacts.record(made(tmp_path, "a.png", "j1"), WORKFLOW)
        two = await artifacts.record(made(tmp_path, "a.png", "j2"), WORKFLOW)
        assert await artifacts.delete(one.id) == one
        assert artifacts.path(two).exists()
        assert await artifacts.workflow(two.id) == WORKFLOW
        assert await artifacts.delete(two.id) == two
        assert not artifacts.path(two).exists()
        assert await artifacts.delete(two.id) is None
        for ask in (artifacts.get, artifacts.workflow):
            with pytest.raises(FileProblem):
                await ask(two.id)

    asyncio.run(scenario())


def test_pages_meet_without_gap_or_repeat_while_new_ones_come(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    async def scenario() -> None:
        for number in range(7):
            await artifacts.record(made(tmp_path, f"{number}.png", index=number), WORKFLOW)
        first = await artifacts.page(limit=3)
        await artifacts.record(made(tmp_path, "new.png", "j2"), WORKFLOW)
        second = await artifacts.page(limit=3, before=first.next)
        third = await artifacts.page(limit=3, before=second.next)
        names = [item.name for page in (first, second, third) for item in page.items]
        assert names == [f"{number}.png" for number in (6, 5, 4, 3, 2, 1, 0)]
        assert third.next is None

    asyncio.run(scenario())


def test_a_search_takes_every_word_as_it_is_written(artifacts: Artifacts, tmp_path: Path) -> None:
    async def found(search: str) -> list[str]:
        return [item.name for item in (await artifacts.page(search=search)).items]

    async def scenario() -> None:
        await artifacts.record(made(tmp_path, "a_1.png", index=0, title="Red fox"), WORKFLOW)
        await artifacts.record(made(tmp_path, "a%1.png", index=1, title="Fox'; --"), WORKFLOW)
        assert await found("fox") == ["a%1.png", "a_1.png"]
        assert await found("fox red") == ["a_1.png"]
        assert await found("a_1") == ["a_1.png"]
        assert await found("a%1") == ["a%1.png"]
        assert await found("'; --") == ["a%1.png"]
        assert await found("\\") == []

    asyncio.run(scenario())


def test_only_finished_files_are_in_the_gallery_unless_asked(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    async def scenario() -> None:
        await artifacts.record(made(tmp_path, "t.png", folder="temp"), WORKFLOW)
        assert (await artifacts.page()).items == ()
        assert len((await artifacts.page(folder="temp")).items) == 1
        assert len((await artifacts.page(folder=None, job="j1")).items) == 1

    asyncio.run(scenario())


def test_old_temporary_files_go_with_their_rows(artifacts: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()

    async def scenario() -> None:
        for number, (name, folder, created) in enumerate(
            [
                ("old.png", "temp", 10.0),
                ("shown.png", "temp", 10.0),
                ("new.png", "temp", 30.0),
                ("kept.png", "output", 10.0),
            ]
        ):
            artifact = made(tmp_path, name, index=number, folder=folder, created=created)
            await artifacts.record(artifact, WORKFLOW)
            path = tmp_path / folder / name
            path.write_bytes(b"x")
            os.utime(path, (created, created))
        again = made(tmp_path, "shown.png", "j2", folder="temp", created=30.0)
        await artifacts.record(again, WORKFLOW)
        (tmp_path / "temp" / "stray.png").write_bytes(b"x")
        os.utime(tmp_path / "temp" / "stray.png", (10, 10))
        assert await artifacts.purge(20.0) == 2
        left = await artifacts.page(folder=None)
        names = [artifact.name for artifact in left.items]
        assert names == ["shown.png", "kept.png", "new.png"]
        assert await artifacts.workflow(left.items[0].id) == WORKFLOW

    asyncio.run(scenario())
    assert {path.name for path in (tmp_path / "temp").iterdir()} == {"shown.png", "new.png"}
    assert (tmp_path / "output" / "kept.png").exists()


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "1.5", "٣", ""])
def test_a_wrong_cursor_is_told(artifacts: Artifacts, before: str) -> None:
    with pytest.raises(NodeError, match="no place in the list"):
        asyncio.run(artifacts.page(before=before))


@pytest.mark.parametrize(
    "wrong", [{"name": "../weft.sqlite"}, {"subfolder": ".."}, {"folder": "x"}]
)
def test_a_file_outside_is_never_recorded(
    artifacts: Artifacts, tmp_path: Path, wrong: dict[str, str]
) -> None:
    artifact = Artifact.from_json({**made(tmp_path, "a.png").to_json(), **wrong})
    with pytest.raises(FileProblem):
        asyncio.run(artifacts.record(artifact, WORKFLOW))


@pytest.mark.parametrize("wrong", [{"index": "0"}, {"bytes": True}, {"name": None}, {"more": 1}])
def test_what_is_no_artifact_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    whole = made(tmp_path, "a.png").to_json()
    with pytest.raises(WrongJSON):
        Artifact.from_json({**whole, **wrong})  # type: ignore[dict-item]
