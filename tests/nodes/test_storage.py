"""Latents kept in files, in the field's format."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from nodes.diffusion.latent_space import in_space
from nodes.errors import FileProblem
from nodes.storage import load_latent, save_latent
from nodes.types import Latent, LatentFormat, Mask
from tests.nodes.folder_context import TEXTS, FolderContext

SAMPLES = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))
LATENT = Latent(SAMPLES, Mask(torch.rand(1, 1, 6, 10)), (4, 1))
SPACE = LatentFormat(4, 0.3611, shift=0.1159)


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    (tmp_path / "latents").mkdir()
    return FolderContext(tmp_path)


def saved(host: FolderContext, latent: Latent) -> str:
    save_latent(latent, "latents/a", ctx=host)
    path, about = host.saved[-1]
    assert path.suffix == ".latent"
    assert about["kind"] == "latent"
    return path.name


@pytest.mark.parametrize("space", [None, SPACE], ids=["not known", "known"])
def test_a_latent_comes_back_with_its_mask_and_places(
    host: FolderContext, space: LatentFormat | None
) -> None:
    loaded = load_latent(saved(host, replace(LATENT, space=space)), ctx=host)
    # A space that is not known is taken for Stable Diffusion 1's.
    there = space or LatentFormat(4, 0.18215)
    torch.testing.assert_close(in_space(loaded, there), SAMPLES)
    assert loaded.mask is not None
    assert LATENT.mask is not None
    assert torch.equal(loaded.mask.values, LATENT.mask.values)
    assert loaded.batch_index == (4, 1)


def test_a_latent_whose_space_is_known_is_written_as_the_vae_gave_it(host: FolderContext) -> None:
    name = saved(host, Latent(SAMPLES, space=SPACE))
    with safe_open(host.root / "latents" / name, "pt") as file:
        assert set(file.keys()) == {"latent_tensor", "latent_format_version_0"}
        raw = file.get_tensor("latent_tensor")
        assert file.metadata() == TEXTS
    torch.testing.assert_close((raw - 0.1159) * 0.3611, SAMPLES)


def test_files_of_others_are_read_in_any_models_space(host: FolderContext) -> None:
    path = host.root / "latents" / "other.latent"
    save_file({"latent_tensor": SAMPLES, "latent_format_version_0": torch.zeros(0)}, path)
    new = load_latent(path.name, ctx=host)
    torch.testing.assert_close(in_space(new, SPACE), (SAMPLES - 0.1159) * 0.3611)
    save_file({"latent_tensor": SAMPLES}, path)
    old = load_latent(path.name, ctx=host)
    torch.testing.assert_close(in_space(old, LatentFormat(4, 0.13025)), SAMPLES / 0.18215 * 0.13025)


def test_a_file_that_is_no_latent_is_told(host: FolderContext) -> None:
    path = host.root / "latents" / "bad.latent"
    path.write_bytes(b"nothing")
    with pytest.raises(FileProblem, match="no latent, or is damaged"):
        load_latent(path.name, ctx=host)
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(FileProblem, match="holds no latent"):
        load_latent(path.name, ctx=host)
