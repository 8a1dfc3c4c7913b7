"""Nodes whose models find too little memory: real modules refuse what is larger than a limit."""

from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from nodes.api import catalogue_of, node
from nodes.diffusion.cascades.upscalers import CompactNet
from nodes.diffusion.memory.device_memory import ModelMemory
from nodes.diffusion.memory.modules import copy_sharing, module_bytes
from nodes.sampling import k_sampler
from nodes.types import Conditioning, Image, Latent, Model, UpscaleModel, Vae
from nodes.upscale import image_upscale_with_model
from nodes.vae import vae_decode, vae_encode
from server.engine.events import Event
from server.engine.execute import Outcome, execute
from server.engine.plan import make_plan
from server.engine.results import Known, Results
from server.files import Files
from server.settings import Settings
from server.workers.host import WorkerHost
from server.workers.saving import Saver
from server.workers.workspaces import Workspaces
from tests.engine.toys import graph
from tests.nodes.diffusion.tiny_models import tiny_parts
from tests.nodes.diffusion.tiny_sampling import FORMAT, prompt, tiny_model

KEPT: list[Tensor] = []
PICTURE = torch.rand(1, 3, 544, 32, generator=torch.Generator().manual_seed(0))
DETAIL = PICTURE[..., :200, :]


def limited(network: nn.Module, part: str, most: int) -> nn.Module:
    """Let a part of a copy take no more than so many numbers, as a device's memory does."""

    def refuse(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        if args[0].numel() > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    copied = copy_sharing(network)
    copied.get_submodule(part).register_forward_pre_hook(refuse)
    return copied


class Parts(NamedTuple):
    """Models with little room, and what they are to work on."""

    model: Model
    positive: Conditioning
    negative: Conditioning
    latent: Latent
    vae: Vae
    tall: Latent
    upscaler: UpscaleModel
    picture: Image
    detail: Image


def parts_within(limit: Callable[[nn.Module, str, int], nn.Module], scarce: bool) -> Parts:
    """Make models; where memory is scarce not even the thriftiest way fits."""
    torch.manual_seed(0)
    unet, vae = tiny_parts().unet, tiny_parts().vae
    latents = tiny_model().latent_format
    row = 1 if scarce else 10**6
    enlarger: nn.Module = CompactNet(3, 4, 1, 4).requires_grad_(False)
    # One picture; 64 cells of a tile's side; 512 pixels; 128 pixels.
    unet = limit(unet, "conv_in", min(row, 4 * 8 * 8))
    vae = limit(limit(vae, "decoder", min(row, 4 * 64 * 4)), "encoder", min(row, 3 * 512 * 32))
    enlarger = limit(enlarger, "body", min(row, 3 * 128 * 32))
    model = Model(unet, tiny_model().sampling, latents, "float32", "unet")
    return Parts(
        model,
        prompt(1),
        prompt(2),
        Latent(torch.zeros(2, 4, 8, 8)),
        Vae(vae, FORMAT, "float32", "vae"),
        Latent(torch.randn(1, 4, 68, 4)),
        UpscaleModel(enlarger, 4, "float32", "upscaler"),
        Image(PICTURE),
        Image(DETAIL),
    )


@node("Parts")
def parts(how: str = "little") -> Parts:
    """Make models.

    Args:
        how: How much memory there is.
    """
    if how == "much":
        return parts_within(lambda network, _, __: network, False)
    return parts_within(limited, how == "scarce")


@node("Keep")
def keep(latent: Latent | None = None, image: Image | None = None) -> None:
    """Keep what comes.

    Args:
        latent: A latent.
        image: A picture.
    """
    KEPT.append(latent.samples if latent else image.pixels if image else torch.zeros(0))


CATALOGUE = catalogue_of(parts, keep, k_sampler, vae_decode, vae_encode, image_upscale_with_model)
GRAPHS: dict[str, dict[str, Any]] = {
    "KSampler": {
        "x": (
            "KSampler",
            {
                "model": "@p.model",
                "positive": "@p.positive",
                "negative": "@p.negative",
                "latent_image": "@p.latent",
                "steps": 2,
            },
        ),
        "k": ("Keep", {"latent": "@x.latent"}),
    },
    "VAE decode": {
        "x": ("VAEDecode", {"samples": "@p.tall", "vae": "@p.vae"}),
        "k": ("Keep", {"image": "@x.image"}),
    },
    "VAE encode": {
        "x": ("VAEEncode", {"pixels": "@p.picture", "vae": "@p.vae"}),
        "k": ("Keep", {"latent": "@x.latent"}),
    },
    "Upscale image (using model)": {
        "x": (
            "ImageUpscaleWithModel",
            {"upscale_model": "@p.upscaler", "image": "@p.detail"},
        ),
        "k": ("Keep", {"image": "@x.image"}),
    },
}


class Worker:
    """Runs graphs as a worker does, on a device that the first processor stands for."""

    def __init__(self, folder: Path, memory: ModelMemory) -> None:
        settings = Settings(data_dir=folder)
        saver, spaces = Saver(settings), Workspaces(settings)
        self.host = WorkerHost("cpu", "float32", Files(settings), memory, saver, spaces)
        self.events: list[Event] = []

    def run(self, nodes: dict[str, Any], how: str) -> Outcome:
        results = Results(2**24)
        known = Known(results, self.host.saved)
        wanted = graph({"p": ("Parts", {"how": how}), **nodes})
        plan = make_plan(wanted, CATALOGUE, salt="", stamp=lambda *_: "", known=known)
        self.events.clear()
        return execute(plan, CATALOGUE, results, self.events.append, self.host, lambda: False)

    def warnings(self) -> list[str]:
        return [e.data["problem"]["message"] for e in self.events if e.type == "node.warning"]


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    KEPT.clear()
    return Worker(tmp_path, ModelMemory("cpu:0", 2**24))


@pytest.mark.parametrize("title", GRAPHS)
def test_what_does_not_fit_is_made_in_a_thriftier_way_that_says_so(
    worker: Worker, title: str
) -> None:
    assert worker.run(GRAPHS[title], "much").state == "succeeded"
    assert worker.warnings() == []
    assert worker.run(GRAPHS[title], "little").state == "succeeded"
    (told,) = worker.warnings()
    assert told.startswith(f"{title} ran out of memory and was run again with a thriftier way")
    plain, thrifty = KEPT
    spread = float(plain.std())
    assert float((plain - thrifty).abs().mean()) < 0.1 * spread


@pytest.mark.parametrize("title", GRAPHS)
def test_what_fits_in_no_way_names_what_was_asked_for(worker: Worker, title: str) -> None:
    problem = worker.run(GRAPHS[title], "scarce").problem
    assert problem is not None
    assert (problem.code, problem.node) == ("memory.exhausted", "x")
    assert problem.message == (
        f"{title} needs more memory than the device has: the last 2.00 GiB that it asked for were "
        "not there."
    )


def test_models_that_are_larger_than_the_budget_run_all_the_same(tmp_path: Path) -> None:
    KEPT.clear()
    unet = tiny_parts().unet
    for budget in (2**24, module_bytes(unet) // 2, 1):
        worker = Worker(tmp_path, ModelMemory("cpu:0", budget))
        assert worker.run(GRAPHS["KSampler"], "much").state == "succeeded"
        assert worker.warnings() == []
    whole, half, none = KEPT
    assert torch.equal(half, whole)
    assert torch.equal(none, whole)


def test_the_next_model_is_fetched_before_the_node_that_needs_it(tmp_path: Path) -> None:
    class Watched(ModelMemory):
        """Waits for what it fetches, and notes what is there by then."""

        seen: ClassVar[list[int]] = []

        def expect(self, models: Iterable[object]) -> Thread | None:
            thread = super().expect(models)
            if thread is not None:
                thread.join()
            self.seen.append(self.used_bytes)
            return thread

    worker = Worker(tmp_path, Watched("cpu:0", 2**24))
    decoded = {
        **GRAPHS["KSampler"],
        "k": ("VAEDecode", {"samples": "@x.latent", "vae": "@p.vae"}),
        "e": ("Keep", {"image": "@k.image"}),
    }
    assert worker.run(decoded, "much").state == "succeeded"
    unet, vae = (module_bytes(part) for part in (tiny_parts().unet, tiny_parts().vae))
    # While the models are made nothing is known; before the UNet samples, the VAE is there.
    assert Watched.seen[:3] == [0, vae, unet + vae]
