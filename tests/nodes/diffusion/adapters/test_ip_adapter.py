"""IP-Adapters load in their own layouts, and steer as diffusers' own modules do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor

from nodes.adapters import ip_adapter_advanced, ip_adapter_model_loader
from nodes.diffusion.adapters.clip_vision import prepared
from nodes.diffusion.adapters.ip_adapter_file import load_ip_adapter
from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.inputs.model_inputs import completed
from nodes.diffusion.memory.modules import copy_sharing
from nodes.diffusion.patches.patch import CallLimit, with_patch
from nodes.errors import FileProblem, NodeError
from nodes.sampling import k_sampler
from nodes.types import ClipVision, Conditioning, Image, IPAdapter, Latent, Mask, Model
from tests.nodes.diffusion.family_files import unet
from tests.nodes.diffusion.tiny_models import SD1_UNET
from tests.nodes.diffusion.tiny_sampling import EPSILON, FORMAT, prompt, tiny_model
from tests.nodes.diffusion.vision_files import image_encoder
from tests.nodes.folder_context import FolderContext

Weights = dict[str, Tensor]
SIGMA = 2.0
SEEN, PATCH_WIDTH = 24, 16


def filled_with(shapes: dict[str, tuple[int, ...]]) -> Weights:
    generator = torch.Generator().manual_seed(1)
    return {n: torch.randn(shape, generator=generator) * 0.2 for n, shape in shapes.items()}


def plain(text: int) -> Weights:
    return filled_with(
        {
            "image_proj.proj.weight": (4 * text, SEEN),
            "image_proj.proj.bias": (4 * text,),
            "image_proj.norm.weight": (text,),
            "image_proj.norm.bias": (text,),
        }
    )


def plus(text: int) -> Weights:
    """A resampler of four layers, which is what diffusers takes every one to have."""
    hidden, inner = 8, 128
    shapes: dict[str, tuple[int, ...]] = {
        "latents": (1, 3, hidden),
        "proj_in.weight": (hidden, PATCH_WIDTH),
        "proj_in.bias": (hidden,),
        "proj_out.weight": (text, hidden),
        "proj_out.bias": (text,),
        "norm_out.weight": (text,),
        "norm_out.bias": (text,),
    }
    for layer in range(4):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            shapes |= {f"layers.{layer}.{norm}.{kind}": (hidden,) for kind in ("weight", "bias")}
        shapes[f"layers.{layer}.0.to_q.weight"] = (inner, hidden)
        shapes[f"layers.{layer}.0.to_kv.weight"] = (2 * inner, hidden)
        shapes[f"layers.{layer}.0.to_out.weight"] = (hidden, inner)
        shapes[f"layers.{layer}.1.1.weight"] = (4 * hidden, hidden)
        shapes[f"layers.{layer}.1.3.weight"] = (hidden, 4 * hidden)
    return {f"image_proj.{name}": tensor for name, tensor in filled_with(shapes).items()}


def full(text: int) -> Weights:
    return filled_with(
        {
            "image_proj.proj.0.weight": (PATCH_WIDTH, PATCH_WIDTH),
            "image_proj.proj.0.bias": (PATCH_WIDTH,),
            "image_proj.proj.2.weight": (text, PATCH_WIDTH),
            "image_proj.proj.2.bias": (text,),
            "image_proj.proj.3.weight": (text,),
            "image_proj.proj.3.bias": (text,),
        }
    )


def file_for(network: Any, projection: Callable[[int], Weights]) -> Weights:
    """Weights of an IP-Adapter for a network, in the layout of the published ones."""
    text = network.config.cross_attention_dim
    weights = projection(text)
    # Attentions are counted together; the odd ones look at the text.
    for index, name in enumerate(network.attn_processors):
        if ".attn2." in name:
            out = network.get_submodule(name.removesuffix(".processor")).to_k.out_features
            names = [f"ip_adapter.{index}.to_{part}_ip.weight" for part in "kv"]
            weights |= filled_with(dict.fromkeys(names, (out, text)))
    return weights


def loaded(folder: Path, network: Any, projection: Callable[[int], Weights]) -> IPAdapter:
    save_file(file_for(network, projection), folder / "a.safetensors")
    return load_ip_adapter(folder / "a.safetensors", "float32")


def vision() -> ClipVision:
    return ClipVision(image_encoder(), 28, "float32", "tiny")


def picture(seed: int = 5, batch: int = 1) -> Image:
    generator = torch.Generator().manual_seed(seed)
    return Image(torch.rand(batch, 3, 30, 40, generator=generator))


def noisy(batch: int = 1) -> Tensor:
    return torch.randn(batch, 4, 8, 8, generator=torch.Generator().manual_seed(1))


def estimated(
    model: Model, conditionings: tuple[Conditioning, ...], x: Tensor, sigma: float = SIGMA
) -> list[Tensor]:
    given = completed(conditionings, model, Latent(torch.zeros_like(x)))
    return denoise(model, x, sigma, fit_conditionings(given, model.sampling, x, 8))


class Theirs:
    """The same adapter in diffusers' modules."""

    def __init__(self, network: Any, weights: Weights) -> None:
        self.network: Any = type(network).from_config(network.config)
        self.network.load_state_dict(network.state_dict())
        parts: dict[str, Weights] = {"image_proj": {}, "ip_adapter": {}}
        for name, tensor in weights.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = tensor
        self.plain = "proj.weight" in parts["image_proj"]
        self.network._load_ip_adapter_weights([parts], low_cpu_mem_usage=False)
        self.network.requires_grad_(False).eval()

    def scale(self, scale: float, start: str = "") -> None:
        for name, processor in self.network.attn_processors.items():
            if hasattr(processor, "scale"):
                processor.scale = [scale if name.startswith(start) else 0.0]

    def seen(self, images: Image | None) -> Tensor:
        """What the adapter reads of pictures: (n, ...); of None, what training showed instead."""
        shown = torch.zeros(1, 3, 28, 28) if images is None else prepared(images.pixels, 28, True)
        output = image_encoder()(shown, output_hidden_states=True)
        if not self.plain:
            patches: Tensor = output.hidden_states[-2]
            return patches
        embeds: Tensor = output.image_embeds
        return torch.zeros_like(embeds) if images is None else embeds

    def estimate(self, text: Tensor, x: Tensor, seen: Tensor, **more: Any) -> Tensor:
        batch = len(x)
        given = seen[None].expand(batch, *seen.shape)
        # diffusers takes (batch, pictures, ...).
        output: Tensor = self.network(
            x / (1 + SIGMA**2) ** 0.5,
            EPSILON.timestep(SIGMA),
            text.expand(batch, -1, -1),
            added_cond_kwargs={"image_embeds": [given], **more},
        ).sample
        return x - SIGMA * output


def sd1_model() -> Model:
    torch.manual_seed(0)
    network: Any = UNet2DConditionModel(**SD1_UNET)
    return Model(network.requires_grad_(False).eval(), EPSILON, FORMAT, "float32", "sd1")


@pytest.mark.parametrize("projection", [plain, plus, full])
@pytest.mark.parametrize("pictures_a_call", [1, 2, 4])
def test_every_kind_steers_as_in_diffusers(
    tmp_path: Path, projection: Callable[[int], Weights], pictures_a_call: int
) -> None:
    model = tiny_model()
    adapter = loaded(tmp_path, model.network, projection)
    theirs = Theirs(model.network, file_for(model.network, projection))
    theirs.scale(0.7)
    x = noisy(2)
    changed = ip_adapter_advanced(model, adapter, picture(), vision(), 0.7)
    changed = with_patch(changed, CallLimit(pictures_a_call))
    cond, uncond = estimated(changed, (prompt(1), prompt(2)), x)
    plainly, _ = estimated(model, (prompt(1), prompt(2)), x)
    embeds = [prompt(seed).parts[0].embeds for seed in (1, 2)]
    expected = theirs.estimate(embeds[0], x, theirs.seen(picture()))
    assert torch.allclose(cond, expected, atol=1e-5)
    assert not torch.allclose(cond, plainly, atol=1e-3)
    assert torch.allclose(uncond, theirs.estimate(embeds[1], x, theirs.seen(None)), atol=1e-5)


def test_layers_of_several_widths_get_their_own_keys(tmp_path: Path) -> None:
    model = sd1_model()
    adapter = loaded(tmp_path, model.network, plain)
    theirs = Theirs(model.network, file_for(model.network, plain))
    text = prompt(1, width=768)
    changed = ip_adapter_advanced(model, adapter, picture(), vision())
    (made,) = estimated(changed, (text,), noisy())
    expected = theirs.estimate(text.parts[0].embeds, noisy(), theirs.seen(picture()))
    assert torch.allclose(made, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("weight_type", "layers"),
    [("style transfer", "up_blocks.0.attentions.1"), ("composition", "down_blocks.2.attentions.1")],
)
def test_sdxls_style_and_composition_are_layers_of_their_own(
    tmp_path: Path, weight_type: str, layers: str
) -> None:
    network: Any = type(unet("sdxl")).from_config({**unet("sdxl").config, "layers_per_block": 2})
    network.requires_grad_(False).eval()
    model = Model(network, EPSILON, FORMAT, "float32", "sdxl")
    adapter = loaded(tmp_path, network, plain)
    theirs = Theirs(network, file_for(network, plain))
    theirs.scale(0.8, layers)
    pooled = torch.randn(1, 1280, generator=torch.Generator().manual_seed(4))
    text = prompt(1, width=2048, pooled=pooled)
    changed = ip_adapter_advanced(model, adapter, picture(), vision(), 0.8, weight_type)
    (made,) = estimated(changed, (text,), noisy())
    told = {"text_embeds": pooled, "time_ids": torch.tensor([[64, 64, 0, 0, 64, 64]])}
    seen = theirs.seen(picture())
    expected = theirs.estimate(text.parts[0].embeds, noisy(), seen, **told)
    assert torch.allclose(made, expected, atol=1e-4)
    (plainly,) = estimated(model, (text,), noisy())
    assert not torch.allclose(made, plainly, atol=1e-4)


def test_several_pictures_are_all_looked_at_or_made_into_one(tmp_path: Path) -> None:
    model = tiny_model()
    adapter = loaded(tmp_path, model.network, plain)
    theirs = Theirs(model.network, file_for(model.network, plain))
    pair = picture(6, 2)
    seen = theirs.seen(pair)
    text = prompt(1)
    expected = {
        "concat": seen,
        "average": (seen[:1] + seen[1:]) / 2,
        "add": seen[:1] + seen[1:],
        "subtract": seen[:1] - seen[1:],
    }
    for combine, wanted in expected.items():
        changed = ip_adapter_advanced(model, adapter, pair, vision(), combine_embeds=combine)
        cond, uncond = estimated(changed, (text, text), noisy())
        for made, read in ((cond, wanted), (uncond, theirs.seen(None))):
            known = theirs.estimate(text.parts[0].embeds, noisy(), read)
            assert torch.allclose(made, known, atol=1e-5), combine


def test_pictures_to_lead_away_from_are_seen_by_the_negative_alone(tmp_path: Path) -> None:
    model = tiny_model()
    adapter = loaded(tmp_path, model.network, plus)
    theirs = Theirs(model.network, file_for(model.network, plus))
    others, text = picture(7, 3), prompt(1)
    pair = picture(6, 2)
    changed = ip_adapter_advanced(model, adapter, pair, vision(), image_negative=others)
    cond, uncond = estimated(changed, (text, text), noisy())
    embeds = text.parts[0].embeds
    assert torch.allclose(cond, theirs.estimate(embeds, noisy(), theirs.seen(pair)), atol=1e-5)
    expected = theirs.estimate(embeds, noisy(), theirs.seen(others))
    assert torch.allclose(uncond, expected, atol=1e-5)


def test_without_weight_and_outside_of_its_time_nothing_changes_at_all(tmp_path: Path) -> None:
    model = tiny_model()
    adapter = loaded(tmp_path, model.network, plain)
    assert ip_adapter_advanced(model, adapter, picture(), vision(), 0.0) is model
    changed = ip_adapter_advanced(
        model, adapter, picture(), vision(), 1.0, "linear", "concat", 0.2, 0.6
    )
    for timestep, holds in ((950, False), (600, True), (200, False)):
        sigma = float(model.sampling.sigma(timestep))
        (with_it,) = estimated(changed, (prompt(1),), noisy(), sigma=sigma)
        (without,) = estimated(model, (prompt(1),), noisy(), sigma=sigma)
        assert torch.equal(with_it, without) is not holds


def test_nothing_is_left_on_the_network(tmp_path: Path) -> None:
    model = tiny_model()
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    (plainly,) = estimated(model, (prompt(1),), noisy())
    adapter = loaded(tmp_path, model.network, plain)
    changed = ip_adapter_advanced(model, adapter, picture(), vision())
    estimated(changed, (prompt(1),), noisy())
    assert changed.network is model.network
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert torch.equal(estimated(model, (prompt(1),), noisy())[0], plainly)


def test_the_weight_may_be_one_of_the_keys_too(tmp_path: Path) -> None:
    model = tiny_model()
    adapter = loaded(tmp_path, model.network, plain)
    weights = file_for(model.network, plain)
    # Keys of 0.6 times the length are those of a file whose projection to keys is.
    weights |= {name: 0.6 * t for name, t in weights.items() if "to_k_ip" in name}
    theirs = Theirs(model.network, weights)
    theirs.scale(0.6)
    changed = ip_adapter_advanced(model, adapter, picture(), vision(), 0.6, embeds_scaling="K+V")
    (made,) = estimated(changed, (prompt(1),), noisy())
    embeds = prompt(1).parts[0].embeds
    assert torch.allclose(made, theirs.estimate(embeds, noisy(), theirs.seen(picture())), atol=1e-5)


def test_several_adapters_add_up(tmp_path: Path) -> None:
    model = tiny_model()
    adapter = loaded(tmp_path, model.network, plain)
    half = ip_adapter_advanced(model, adapter, picture(), vision(), 0.4)
    both = ip_adapter_advanced(half, adapter, picture(), vision(), 0.5)
    whole = ip_adapter_advanced(model, adapter, picture(), vision(), 0.9)
    one, other = (estimated(each, (prompt(1),), noisy())[0] for each in (both, whole))
    assert torch.allclose(one, other, atol=1e-5)


def test_a_mask_says_where_pictures_are_followed(tmp_path: Path) -> None:
    model = tiny_model()
    adapter = loaded(tmp_path, model.network, plain)
    text = (prompt(1),)

    def masked(values: Tensor) -> Tensor:
        changed = ip_adapter_advanced(model, adapter, picture(), vision(), attn_mask=Mask(values))
        return estimated(changed, text, noisy(2))[0]

    (plainly,) = estimated(model, text, noisy(2))
    everywhere = ip_adapter_advanced(model, adapter, picture(), vision())
    (whole,) = estimated(everywhere, text, noisy(2))
    assert torch.equal(masked(torch.zeros(1, 1, 50, 70)), plainly)
    assert torch.allclose(masked(torch.ones(1, 1, 50, 70)), whole, atol=1e-6)
    # One mask for each element of the batch, in one call or in two.
    pair = Mask(torch.cat([torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)]))
    changed = ip_adapter_advanced(model, adapter, picture(), vision(), attn_mask=pair)
    for patched in (changed, with_patch(changed, CallLimit(1))):
        (each,) = estimated(patched, text, noisy(2))
        assert torch.allclose(each[0], whole[0], atol=1e-6)
        assert torch.allclose(each[1], plainly[1], atol=1e-6)


def test_a_mask_is_fitted_as_diffusers_does(tmp_path: Path) -> None:
    model = tiny_model()
    adapter = loaded(tmp_path, model.network, plain)
    theirs = Theirs(model.network, file_for(model.network, plain))
    # Constant over each cell of the coarsest layer, so that every way of fitting gives the same.
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :32] = 1
    changed = ip_adapter_advanced(model, adapter, picture(), vision(), attn_mask=Mask(mask))
    (made,) = estimated(changed, (prompt(1),), noisy())
    output = theirs.network(
        noisy() / (1 + SIGMA**2) ** 0.5,
        EPSILON.timestep(SIGMA),
        prompt(1).parts[0].embeds,
        added_cond_kwargs={"image_embeds": [theirs.seen(picture())[None]]},
        cross_attention_kwargs={"ip_adapter_masks": [mask]},
    ).sample
    assert torch.allclose(made, noisy() - SIGMA * output, atol=1e-5)


def test_a_copy_on_a_device_is_patched_as_well(tmp_path: Path) -> None:
    model = tiny_model()
    adapter = loaded(tmp_path, model.network, plain)
    changed = ip_adapter_advanced(model, adapter, picture(), vision())
    moved = Model(copy_sharing(model.network), EPSILON, FORMAT, "float32", "copy", changed.patches)
    one, other = (estimated(each, (prompt(1),), noisy())[0] for each in (changed, moved))
    assert torch.equal(one, other)


def test_the_nodes_sample_a_picture(tmp_path: Path) -> None:
    model = tiny_model()
    (tmp_path / "ipadapter").mkdir()
    save_file(file_for(model.network, plain), tmp_path / "ipadapter" / "a.safetensors")
    adapter = ip_adapter_model_loader("a.safetensors", ctx=FolderContext(tmp_path))
    changed = ip_adapter_advanced(model, adapter, picture(), vision())
    empty = Latent(torch.zeros(1, 4, 8, 8))
    made, without = (
        k_sampler(each, prompt(1), prompt(2), empty, 1, 2).samples for each in (changed, model)
    )
    assert made.isfinite().all()
    assert not torch.allclose(made, without, atol=1e-3)


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    adapter = loaded(tmp_path, tiny_model().network, plain)
    with pytest.raises(NodeError, match="for 4 cross-attentions"):
        ip_adapter_advanced(sd1_model(), adapter, picture(), vision())
    wide = ClipVision(image_encoder(1024), 28, "float32", "wide")
    patches = loaded(tmp_path, tiny_model().network, plus)
    with pytest.raises(NodeError, match="reads 16 numbers, and this image encoder gives 1024"):
        ip_adapter_advanced(tiny_model(), patches, picture(), wide)
    with pytest.raises(NodeError, match="is for SDXL"):
        ip_adapter_advanced(tiny_model(), adapter, picture(), vision(), 1.0, "composition")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("something.else",), "holds no IP-Adapter"),
        (("image_proj.proj.weight",), "holds no IP-Adapter"),
        (
            ("image_proj.proj.0.weight", "image_proj.norm.weight", "ip_adapter.1.to_k_ip.weight"),
            "for faces",
        ),
        (
            (
                "image_proj.latents",
                "ip_adapter.1.to_k_ip.weight",
                "ip_adapter.0.to_q_lora.up.weight",
            ),
            "for faces",
        ),
        (("image_proj.other", "ip_adapter.1.to_k_ip.weight"), "of a layout that is not known"),
    ],
)
def test_other_files_get_a_sentence(tmp_path: Path, names: tuple[str, ...], sentence: str) -> None:
    save_file({name: torch.zeros(1) for name in names}, tmp_path / "a.safetensors")
    with pytest.raises(FileProblem, match=sentence):
        load_ip_adapter(tmp_path / "a.safetensors", "float32")
