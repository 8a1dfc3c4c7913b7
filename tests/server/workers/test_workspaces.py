"""Folders for unfinished work: kept while somebody may go on with it."""

import os
import time
from pathlib import Path

from server.settings import Settings
from server.workers.workspaces import KEPT_SECONDS, Workspaces


def test_a_key_has_one_folder_until_it_is_cleared(tmp_path: Path) -> None:
    workspaces = Workspaces(Settings(data_dir=tmp_path))
    place = workspaces.place("a key/with: anything")
    place.mkdir(parents=True)
    (place / "tile").write_text("done")
    assert Workspaces(Settings(data_dir=tmp_path)).place("a key/with: anything") == place
    assert workspaces.place("another") != place
    workspaces.clear("a key/with: anything")
    assert not place.exists()


def test_what_was_left_alone_for_long_goes(tmp_path: Path) -> None:
    workspaces = Workspaces(Settings(data_dir=tmp_path))
    workspaces.sweep()
    for key in ("old", "new"):
        (workspaces.place(key) / "0").mkdir(parents=True)
    long_ago = time.time() - KEPT_SECONDS - 60
    for path in (workspaces.place("old") / "0", workspaces.place("old")):
        os.utime(path, (long_ago, long_ago))
    workspaces.sweep()
    assert not workspaces.place("old").exists()
    assert workspaces.place("new").exists()
