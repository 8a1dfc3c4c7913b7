"""The start script: which build of torch it takes."""

import pytest

from run import TORCH_CUDA, torch_index


@pytest.mark.parametrize(
    ("build", "platform", "nvidia", "index"),
    [
        ("auto", "linux", True, ""),
        ("auto", "linux", False, "cpu"),
        # The package index has no CUDA build for Windows.
        ("auto", "win32", True, TORCH_CUDA),
        ("auto", "win32", False, ""),
        ("auto", "darwin", False, ""),
        ("cpu", "linux", True, "cpu"),
        ("cpu", "win32", True, ""),
        ("cpu", "darwin", False, ""),
        ("default", "linux", False, ""),
        ("default", "win32", True, ""),
    ],
)
def test_torch_comes_from_where_the_build_for_this_machine_is(
    build: str, platform: str, nvidia: bool, index: str
) -> None:
    name, reason = torch_index(build, platform, nvidia)
    assert name == index
    assert reason
