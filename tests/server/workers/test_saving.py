"""Saving: one file for each place of a job, found again by its key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from nodes.errors import NodeError
from server.settings import Settings
from server.workers.saving import Saver, sweep


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def saver_for(settings: Settings, job: str) -> Saver:
    saver = Saver(settings)
    saver.begin(job, lambda: {"weft": "{}"})
    return saver


def save(saver: Saver, text: str, node: str = "n", index: int = 0, **more: Any) -> dict[str, Any]:
    def write(path: Path, texts: Mapping[str, str]) -> None:
        path.write_text(text + "".join(texts), encoding="utf-8")

    told = {"prefix": "a", "suffix": ".txt", "mime": "text/plain", "temporary": False, **more}
    return saver.save(node, index, "key", write, about={"kind": "text", "width": 3}, **told)


def names(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.output_dir.rglob("*") if path.is_file())


def test_a_saved_file_is_described(settings: Settings) -> None:
    artifact = save(saver_for(settings, "job"), "hello", prefix="deep/er/name")
    path = settings.output_dir / artifact["subfolder"] / artifact["name"]
    assert path.read_text(encoding="utf-8") == "helloweft"
    assert (artifact["subfolder"], artifact["name"]) == ("deep/er", "name_00001_.txt")
    assert (artifact["kind"], artifact["width"], artifact["height"]) == ("text", 3, None)
    assert artifact["bytes"] == 9


def test_a_second_attempt_writes_over_the_first_ones_file(settings: Settings) -> None:
    save(saver_for(settings, "other"), "other")
    save(saver_for(settings, "job"), "one")
    save(saver_for(settings, "more"), "more")
    again = save(saver_for(settings, "job"), "two")
    assert again["name"] == "a_00002_.txt"
    assert names(settings) == ["a_00001_.txt", "a_00002_.txt", "a_00003_.txt"]
    assert (settings.output_dir / "a_00002_.txt").read_text(encoding="utf-8") == "twoweft"


def test_other_places_of_a_job_and_settled_jobs_get_files_of_their_own(settings: Settings) -> None:
    saver = saver_for(settings, "job")
    save(saver, "one")
    save(saver, "two", index=1)
    save(saver, "three", node="m")
    saver.settled("job")
    save(saver_for(settings, "job"), "one")
    assert len(names(settings)) == 4


def test_places_that_save_the_same_keep_their_own_files(settings: Settings) -> None:
    for _ in range(3):
        saver = saver_for(settings, "job")
        made = [save(saver, "same", node=node)["name"] for node in ("n", "m")]
        assert made == ["a_00001_.txt", "a_00002_.txt"]
    assert names(settings) == made


def test_a_pledge_is_not_made_good_by_the_same_file_of_another_job(settings: Settings) -> None:
    other = save(saver_for(settings, "other"), "same")
    first = save(saver_for(settings, "job"), "same")
    (settings.output_dir / first["name"]).unlink()
    again = save(saver_for(settings, "job"), "same")
    assert again["name"] != other["name"]
    assert len(names(settings)) == 2


def test_a_kill_between_pledge_and_file_leaves_one_file(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = save(saver_for(settings, "job"), "one")

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    # The second attempt has pledged its file, but not given it the name yet.
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda self, to: cut() if to.suffix == ".txt" else replace(self, to)
    )
    with pytest.raises(KeyboardInterrupt):
        save(saver_for(settings, "job"), "two")
    monkeypatch.undo()
    third = save(saver_for(settings, "job"), "three")
    assert third["name"] == first["name"]
    assert names(settings) == [first["name"]]


def test_a_pledge_without_its_file_is_made_good(settings: Settings) -> None:
    save(saver_for(settings, "job"), "one")
    (settings.output_dir / "a_00001_.txt").unlink()
    save(saver_for(settings, "job"), "one")
    assert len(names(settings)) == 1


def test_a_finished_node_is_found_again_by_its_key_while_its_files_are_there(
    settings: Settings,
) -> None:
    saver = saver_for(settings, "job")
    first = save(saver, "one")
    second = save(saver, "two", index=1)
    assert saver.saved("key") is None
    saver.finished("n", "")
    assert Saver(settings).saved("key") == [first, second]
    (settings.output_dir / second["name"]).unlink()
    assert Saver(settings).saved("key") is None


def test_inner_nodes_of_one_root_have_places_of_their_own(settings: Settings) -> None:
    saver = saver_for(settings, "job")
    made = [save(saver, "x", node=node) for node in ("loop", "loop:1", "loop:2")]
    assert {artifact["node"] for artifact in made} == {"loop"}
    places = [artifact["index"] for artifact in made]
    assert len(set(places)) == 3
    assert all(place < 2**53 for place in places)


def test_the_start_forgets_the_pledges_of_jobs_that_ended(settings: Settings) -> None:
    save(saver_for(settings, "ended"), "one")
    save(saver_for(settings, "waits"), "two")
    sweep(settings, {"waits"})
    save(saver_for(settings, "ended"), "one")
    save(saver_for(settings, "waits"), "two")
    assert len(names(settings)) == 3


def test_a_date_in_a_prefix_is_that_of_saving(settings: Settings) -> None:
    first, last = datetime.now(), save(saver_for(settings, "job"), "x", prefix="%date:yyyy-MM%/a")
    assert last["subfolder"] in (f"{first:%Y-%m}", f"{datetime.now():%Y-%m}")


@pytest.mark.parametrize("prefix", ["../out", "a/../../b", "/etc/x", "nul\0"])
def test_a_prefix_cannot_lead_out(settings: Settings, prefix: str) -> None:
    with pytest.raises(NodeError):
        save(saver_for(settings, "job"), "x", prefix=prefix)
    assert names(settings) == []


def test_a_node_that_fails_while_it_writes_leaves_nothing(settings: Settings) -> None:
    def write(path: Path, texts: Mapping[str, str]) -> None:
        path.write_text("half", encoding="utf-8")
        raise NodeError("No.")

    saver = saver_for(settings, "job")
    with pytest.raises(NodeError, match="No"):
        saver.save(
            "n",
            0,
            "key",
            write,
            prefix="a",
            suffix=".txt",
            mime="text/plain",
            temporary=False,
            about={},
        )
    assert names(settings) == []
