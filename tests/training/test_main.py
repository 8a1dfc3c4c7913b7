"""The command line trains a part, judges the shipped file, and refuses what it does not know."""

from pathlib import Path

import pytest
import torch

from training.__main__ import PARTS, PLANS, SHARDS, main
from training.latents import KINDS
from training.unet import STAGES


def test_a_part_trains_for_as_many_pictures_as_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", str(tmp_path), "--images", "128", "--device", "cpu", "--threads", "1"]
    main(["clip", *options])
    assert "clip 128/128 pictures" in capsys.readouterr().out
    assert torch.load(tmp_path / "clip.pt", weights_only=True)["step"] == 2


def test_no_minutes_stop_a_part_after_one_step(tmp_path: Path) -> None:
    main(["clip", "--data", str(tmp_path), "--minutes", "0", "--device", "cpu", "--threads", "1"])
    assert torch.load(tmp_path / "clip.pt", weights_only=True)["step"] == 1


def test_the_shipped_file_is_judged_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    main(["judge", "--kinds", "plain", "--captions", "2", "--seeds", "1", "--device", "cpu"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("plain, restored: 2 pictures: background 100.0%")
    assert lines[1].startswith("plain: 2 pictures: background 100.0%")


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["vision"])
    assert stop.value.code == 2
    assert "vision" in capsys.readouterr().err


def test_every_plan_is_of_a_part_and_every_kind_has_latents() -> None:
    assert set(PLANS) < set(PARTS)
    assert set(SHARDS) == set(KINDS)
    assert all(stage.start < PLANS["unet"].images for stage in STAGES)
