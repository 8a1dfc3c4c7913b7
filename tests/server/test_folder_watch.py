"""Files that appear and go are told, whoever put them there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from server.feed import Feed, FeedEvent
from server.files import Files
from server.folder_watch import FolderWatch
from server.library import Library
from server.settings import Settings
from server.store import Store


def told(folder: Path, *changes: Callable[[Path], object]) -> list[tuple[str, dict[str, Any]]]:
    """What a listener hears when something is done to a models folder between two looks."""

    async def run() -> list[tuple[str, dict[str, Any]]]:
        feed = Feed(store, 1000)
        watch = FolderWatch(Files(settings), Library(folder / "workflows"), feed)
        await watch.look()
        async with aclosing(feed.subscribe(after=0)) as events:
            for change in changes:
                change(folder)
                await watch.look()
            await feed.publish(FeedEvent("end"))
            heard: list[tuple[str, dict[str, Any]]] = []
            while (event := await anext(events)).type != "end":
                heard.append((event.type, event.data))
            return heard

    settings = Settings(data_dir=folder, models_dirs=(folder / "models",))
    store = Store(folder / "db.sqlite")
    try:
        return asyncio.run(run())
    finally:
        store.close()


def put(name: str, text: str = "{}") -> Callable[[Path], object]:
    def work(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return work


def test_a_model_that_is_put_into_its_folder_is_told_by_its_kind(tmp_path: Path) -> None:
    heard = told(tmp_path, put("models/loras/a.safetensors"), lambda _: None)
    assert heard == [("files.changed", {"kinds": ["loras"]})]


def test_workflows_that_appear_change_and_go_are_told(tmp_path: Path) -> None:
    heard = told(
        tmp_path,
        put("workflows/a.json"),
        put("workflows/a.json", '{"nodes": {}}'),
        lambda folder: (folder / "workflows" / "a.json").unlink(),
    )
    assert heard == [("library.changed", {})] * 3


def test_what_was_there_before_is_not_told(tmp_path: Path) -> None:
    put("models/vae/a.safetensors")(tmp_path)
    put("workflows/a.json")(tmp_path)
    assert told(tmp_path, lambda _: None) == []
