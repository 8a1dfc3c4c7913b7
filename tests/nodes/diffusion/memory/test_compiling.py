"""Networks are really compiled here: what comes out is the same, and what fails says why."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._inductor import config

from nodes.diffusion.cascades.stage_c_coder import StageCCoder
from nodes.diffusion.memory.compiling import compiled
from nodes.diffusion.memory.modules import copy_sharing
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.patches.patch import Call, LonePatch
from nodes.diffusion.vae import decode_once
from nodes.diffusion.vae_tiles import with_statistics_of
from nodes.errors import NodeError
from nodes.speed import torch_compile_model, torch_compile_vae
from nodes.types import LatentFormat, Vae
from tests.nodes.diffusion.tiny_sampling import reader

CALL = Call(ModelSampling.from_betas(), 1.0, (8, 8), (0,))
X = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))


needs_compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in ("g++", "clang++", "cl")),
    reason="this machine has no C++ compiler, which torch compiles with",
)


class Small(nn.Module):
    """A network that says when its Python runs: once it is compiled that is no more."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.layer(x)) + x.mean()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    torch._dynamo.reset()
    yield tmp_path / "compiled"
    torch._dynamo.reset()


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return Small().requires_grad_(False)


def run(network: nn.Module, backend: str = "inductor") -> Any:
    with torch.no_grad(), compiled(network, CALL, backend=backend):
        return network(X)


class SmallVae(nn.Module):
    """A VAE whose decoder makes one pixel of each cell."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, 4, 1)
        self.decoder = nn.Sequential(nn.GroupNorm(2, 4), nn.Conv2d(4, 3, 1))

    def decode(self, raw: Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=torch.tanh(self.decoder(raw)))


def libraries(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.so"))


@needs_compiler
def test_a_compiled_network_gives_the_same_and_is_kept_on_disk(
    network: nn.Module, cache: Path
) -> None:
    plain = network(X)
    torch.testing.assert_close(run(network), plain)
    assert libraries(cache)
    assert "_compiled_call_impl" not in vars(network)
    assert torch.equal(network(X), plain)
    # A copy, such as the one on a device, has the same form: nothing is compiled for it.
    made = libraries(cache)
    other: Any = copy_sharing(network)
    other.layer.bias = nn.Parameter(other.layer.bias + 1, requires_grad=False)
    torch.testing.assert_close(run(other), torch.sin(other.layer(X)) + X.mean())
    assert libraries(cache) == made


@needs_compiler
def test_a_library_that_was_left_half_written_is_made_anew(network: nn.Module, cache: Path) -> None:
    plain = run(network)
    torch._dynamo.reset()
    for library in libraries(cache):
        library.write_bytes(library.read_bytes()[:100])
    assert torch.equal(run(network), plain)


def test_without_a_compiler_the_problem_says_so(network: nn.Module) -> None:
    missing = config.patch({"cpp.cxx": ("no-such-compiler",)})
    with missing, pytest.raises(NodeError, match="could not be compiled") as told:
        run(network)
    assert "needs a C++ compiler" in told.value.hint
    assert told.value.code == "compile.failed"


def test_a_backend_for_another_device_is_refused(network: nn.Module) -> None:
    with pytest.raises(NodeError, match="cudagraphs compiles for cuda only") as told:
        run(network, "cudagraphs")
    assert told.value.hint == "Choose inductor."


def test_the_node_adds_a_patch_for_calls_that_no_other_changes() -> None:
    model, _ = reader()
    (patch,) = torch_compile_model(model).patches
    assert isinstance(patch, LonePatch)
    assert patch.options == {"backend": "inductor"}


@needs_compiler
def test_a_compiled_vae_gives_the_same_pictures(cache: Path) -> None:
    torch.manual_seed(0)
    vae = Vae(SmallVae().requires_grad_(False), LatentFormat(4, 0.5, 1), "float32", "small")
    latent = torch.randn(1, 4, 6, 5, generator=torch.Generator().manual_seed(0))
    plain = decode_once(vae, latent)
    assert not libraries(cache)
    torch.testing.assert_close(decode_once(torch_compile_vae(vae), latent), plain)
    assert libraries(cache)
    assert "_compiled_call_impl" not in vars(vae.network.get_submodule("decoder"))


@needs_compiler
def test_statistics_of_one_picture_are_not_compiled(cache: Path) -> None:
    torch.manual_seed(0)
    vae = Vae(SmallVae().requires_grad_(False), LatentFormat(4, 0.5, 1), "float32", "small")
    whole, part = torch.randn(1, 4, 6, 6), torch.ones(1, 4, 3, 3)
    plain, asked = (
        with_statistics_of(each, lambda one: decode_once(one, whole))
        for each in (vae, torch_compile_vae(vae))
    )
    assert torch.equal(decode_once(asked, part), decode_once(plain, part))
    assert not libraries(cache)


@pytest.mark.parametrize("coder", [nn.Identity(), StageCCoder("a.safetensors", None, None)])
def test_a_vae_of_another_make_is_not_compiled(coder: nn.Module) -> None:
    with pytest.raises(NodeError, match="no encoder and decoder to compile"):
        torch_compile_vae(Vae(coder, LatentFormat(3, 1.0, 1), "float32", "none"))
