"""ControlNets load in every layout, and steer as diffusers' own modules do."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import ControlNetModel, ControlNetUnionModel
from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint
from safetensors.torch import save_file
from torch import Tensor, nn

from nodes.control import (
    control_net_apply,
    control_net_apply_advanced,
    control_net_loader,
    diff_control_net_loader,
    set_union_control_net_type,
)
from nodes.diffusion.adapters.control import placed
from nodes.diffusion.adapters.control_file import control_to_ldm, load_control_net
from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.inputs.model_inputs import completed
from nodes.diffusion.text.arithmetic import with_extras
from nodes.errors import FileProblem, NodeError
from nodes.sampling import k_sampler
from nodes.types import STORED, Area, Conditioning, ControlNet, Image, Latent, Mask, Model
from tests.nodes.diffusion.family_files import SDXL_UNET, unet
from tests.nodes.diffusion.tiny_models import UNET, Config
from tests.nodes.diffusion.tiny_sampling import EPSILON, FORMAT, prompt, tiny_model
from tests.nodes.folder_context import FolderContext

SD1_CONTROL: Config = {
    "block_out_channels": (32, 64, 64, 64),
    "layers_per_block": 1,
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
TRUNK: Config = {n: v for n, v in UNET.items() if n not in ("sample_size", "up_block_types")}
HINTS: Config = {"conditioning_embedding_out_channels": (4, 8, 8, 8)}


def roused(network: Any, seed: int = 0) -> Any:
    """Give the convolutions that training begins at zero some weights."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        if "controlnet_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
    return network.requires_grad_(False).eval()


def tiny_control(seed: int = 0, awake: bool = True) -> ControlNet:
    torch.manual_seed(seed)
    network: Any = ControlNetModel(**TRUNK, **HINTS)
    network = roused(network, seed) if awake else network.requires_grad_(False).eval()
    return ControlNet(network, "float32", f"tiny{seed}")


def picture(height: int = 64, width: int = 64) -> Image:
    return Image(torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(5)))


def noisy(batch: int = 1) -> Tensor:
    return torch.randn(batch, 4, 8, 8, generator=torch.Generator().manual_seed(1))


def estimated(
    model: Model, conditionings: tuple[Conditioning, ...], x: Tensor, sigma: float = 2.0
) -> list[Tensor]:
    given = completed(conditionings, model, Latent(torch.zeros_like(x)))
    return denoise(model, x, sigma, fit_conditionings(given, model.sampling, x, 8))


def expected(
    model: Model, text: Tensor, x: Tensor, controls: list[tuple[Any, Tensor, float]], **more: Any
) -> Tensor:
    """Estimate by diffusers' modules alone: what several ControlNets give is summed."""
    network: Any = model.network
    scaled, timestep = x / 5**0.5, model.sampling.timestep(2.0)
    text = text.expand(len(x), -1, -1)
    down: Any = None
    mid: Any = None
    for control, hint, strength in controls:
        hints = hint.expand(len(x), -1, -1, -1)
        made = control(scaled, timestep, text, hints, strength, **more)
        downs, middle = made.down_block_res_samples, made.mid_block_res_sample
        down = downs if down is None else [a + b for a, b in zip(down, downs, strict=True)]
        mid = middle if mid is None else mid + middle
    output: Tensor = network(
        scaled,
        timestep,
        text,
        down_block_additional_residuals=down,
        mid_block_additional_residual=mid,
        **more,
    ).sample
    return x - 2.0 * output


@pytest.mark.parametrize("layout", ["ldm", "ldm alone", "diffusers"])
def test_every_layout_loads_to_the_same_weights(tmp_path: Path, layout: str) -> None:
    torch.manual_seed(0)
    network: Any = roused(ControlNetModel(**SD1_CONTROL))
    weights = dict(network.state_dict())
    if layout != "diffusers":
        start = "control_model." if layout == "ldm" else ""
        config = SD1_CONTROL | {"up_block_types": ("UpBlock2D",) * 4}
        weights = {start + name: t for name, t in control_to_ldm(weights, config).items()}
        back = convert_controlnet_checkpoint(dict(weights), SD1_CONTROL)
        assert all(torch.equal(back[name], t) for name, t in network.state_dict().items())
    path = tmp_path / "control.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    found: Any = load_control_net(path, "float32").network
    assert found.config.attention_head_dim == 8
    assert found.state_dict().keys() == network.state_dict().keys()
    assert all(torch.equal(found.state_dict()[n], t) for n, t in network.state_dict().items())


def test_a_file_of_differences_is_added_to_the_model_that_it_steers(tmp_path: Path) -> None:
    base: Any = unet("sd2")
    model = Model(base, EPSILON, FORMAT, "float32", "sd2")
    network: Any = roused(ControlNetModel.from_unet(base))
    for parameter in network.parameters():
        parameter.data = parameter.data + 0.01
    own = base.state_dict()
    differences = {n: t - own[n] if n in own else t for n, t in network.state_dict().items()}
    named = control_to_ldm(differences, dict(base.config))
    stored = {f"control_model.{name}": t.contiguous() for name, t in named.items()}
    (tmp_path / "controlnet").mkdir()
    path = tmp_path / "controlnet" / "diff.safetensors"
    save_file(stored | {"difference": torch.zeros(0)}, path)
    net = diff_control_net_loader(model, "diff.safetensors", ctx=FolderContext(tmp_path))
    found: Any = net.network
    assert net.key != load_control_net(path, "float32", replace(model, key="other")).key
    for name, tensor in network.state_dict().items():
        assert torch.allclose(found.state_dict()[name], tensor, atol=1e-6)
    with pytest.raises(FileProblem, match="differs in from the model"):
        load_control_net(path, "float32")
    with pytest.raises(FileProblem, match="made for another model"):
        load_control_net(path, "float32", replace(model, network=unet("sdxl")))


def test_a_file_with_its_own_configuration_loads_by_the_node(tmp_path: Path) -> None:
    (tmp_path / "controlnet").mkdir()
    control: Any = tiny_control().network
    config = TRUNK | HINTS
    weights = control_to_ldm(control.state_dict(), config | {"up_block_types": ("UpBlock2D",) * 2})
    path = tmp_path / "controlnet" / "edges.safetensors"
    named = {f"control_model.{name}": tensor.contiguous() for name, tensor in weights.items()}
    save_file(named, path, {"weft.config": json.dumps({"controlnet": config})})
    found: Any = control_net_loader("edges.safetensors", ctx=FolderContext(tmp_path)).network
    assert all(torch.equal(found.state_dict()[n], t) for n, t in control.state_dict().items())


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("something.else", "holds no ControlNet"),
        ("lora_controlnet", "is a Control-LoRA"),
        ("zero_convs.0.0.weight", "of a layout that is known"),
    ],
)
def test_other_files_get_a_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    path = tmp_path / "control.safetensors"
    save_file({name: torch.zeros(1)}, path)
    with pytest.raises(FileProblem, match=sentence):
        load_control_net(path, "float32")


def test_a_control_steers_both_prompts_in_one_call_as_diffusers_does() -> None:
    net, x = tiny_control(), noisy(2)
    steered = control_net_apply_advanced(prompt(1), prompt(2), net, picture(), strength=0.7)
    ours = estimated(tiny_model(), tuple(steered), x)
    for made, given in zip(ours, (prompt(1), prompt(2)), strict=True):
        controls = [(net.network, picture().pixels, 0.7)]
        theirs = expected(tiny_model(), given.parts[0].embeds, x, controls)
        assert torch.allclose(made, theirs, atol=1e-5)
        assert not torch.allclose(made, expected(tiny_model(), given.parts[0].embeds, x, []), 1e-3)


def test_what_several_controls_give_is_summed() -> None:
    one, two, x = tiny_control(1), tiny_control(2), noisy()
    steered = control_net_apply(prompt(1), one, picture(), 0.5)
    (ours,) = estimated(tiny_model(), (control_net_apply(steered, two, picture(), 1.5),), x)
    pixels = picture().pixels
    controls = [(one.network, pixels, 0.5), (two.network, pixels, 1.5)]
    theirs = expected(tiny_model(), prompt(1).parts[0].embeds, x, controls)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_control_may_read_another_text_than_the_denoiser() -> None:
    model, control, x = tiny_model(), tiny_control(), noisy()
    steered = control_net_apply(prompt(1), control, picture(), 1.0)
    texts: list[Tensor] = []

    def noting(_: Any, __: Any, named: dict[str, Any]) -> None:
        texts.append(named["encoder_hidden_states"])

    hook = control.network.register_forward_pre_hook(noting, with_kwargs=True)
    made = []
    for read in (prompt(1).parts[0], prompt(2).parts[0]):
        told = {"control_embeds": read.embeds, "control_pooled": read.pooled}
        made += estimated(model, (with_extras(steered, told),), x)
        assert torch.equal(texts[-1], read.embeds)
    made += estimated(model, (steered,), x)
    hook.remove()
    assert torch.equal(made[0], made[2])
    assert not torch.allclose(made[1], made[2], atol=1e-5)


def test_strength_zero_and_an_untrained_control_change_nothing_at_all() -> None:
    x = noisy()
    (plain,) = estimated(tiny_model(), (prompt(1),), x)
    off = control_net_apply(prompt(1), tiny_control(), picture(), 0.0)
    asleep = control_net_apply(prompt(1), tiny_control(awake=False), picture(), 1.0)
    for conditioning in (off, asleep):
        assert torch.equal(estimated(tiny_model(), (conditioning,), x)[0], plain)
    assert not off.parts[0].controls
    assert asleep.parts[0].controls


def test_a_control_holds_between_its_start_and_end() -> None:
    steered = control_net_apply_advanced(
        prompt(1), prompt(2), tiny_control(), picture(), None, 1.0, 0.2, 0.6
    ).positive
    sampling = tiny_model().sampling
    for timestep, holds in ((950, False), (600, True), (200, False)):
        sigma = float(sampling.sigma(timestep))
        (with_it,) = estimated(tiny_model(), (steered,), noisy(), sigma)
        (without,) = estimated(tiny_model(), (prompt(1),), noisy(), sigma)
        assert torch.equal(with_it, without) is not holds


def test_the_plain_node_steers_the_negative_unless_it_has_controls() -> None:
    net, other, x = tiny_control(1), tiny_control(2), noisy()
    positive = control_net_apply(prompt(1), net, picture())
    own = control_net_apply_advanced(prompt(2), prompt(2), other, picture()).positive
    pixels = picture().pixels
    for negative, used in ((prompt(2), net), (own, other)):
        made = estimated(tiny_model(), (positive, negative), x)[1]
        controls = [(used.network, pixels, 1.0)]
        theirs = expected(tiny_model(), prompt(2).parts[0].embeds, x, controls)
        assert torch.allclose(made, theirs, atol=1e-5)


def test_a_hint_is_cut_to_the_form_of_the_latent_or_of_an_area() -> None:
    net, x = tiny_control(), noisy()
    wide = picture(64, 96)
    (part,) = control_net_apply(prompt(1), net, wide).parts
    middle = wide.pixels[..., 16:80]
    (ours,) = estimated(tiny_model(), (Conditioning((part,)),), x)
    theirs = expected(tiny_model(), part.embeds, x, [(net.network, middle, 1.0)])
    assert torch.allclose(ours, theirs, atol=1e-5)
    there = Conditioning((replace(part, area=Area(32, 64, 32, 0)),))
    (ours,) = estimated(tiny_model(), (there,), x)
    hint = wide.pixels[..., 32:64]
    theirs = expected(tiny_model(), part.embeds, x[..., 4:], [(net.network, hint, 1.0)])
    assert torch.allclose(ours[..., 4:], theirs, atol=1e-5)


def test_what_is_led_away_from_in_an_area_is_steered_as_the_area() -> None:
    net, x = tiny_control(), noisy()
    shown = picture(64, 32)
    (part,) = control_net_apply_advanced(prompt(1), prompt(2), net, shown).positive.parts
    there = Conditioning((replace(part, area=Area(32, 64, 32, 0)),))
    negative = estimated(tiny_model(), (there, prompt(2)), x)[1]
    text, right = prompt(2).parts[0].embeds, x[..., 4:]
    everywhere = expected(tiny_model(), text, x, [])
    steered = expected(tiny_model(), text, right, [(net.network, shown.pixels, 1.0)])
    assert torch.allclose(negative[..., :4], everywhere[..., :4], atol=1e-5)
    assert torch.allclose(negative[..., 4:], (everywhere[..., 4:] + steered) / 2, atol=1e-5)


def test_a_control_of_a_masked_prompt_steers_where_the_mask_is() -> None:
    net, x = tiny_control(), noisy()
    left = torch.zeros(1, 1, 8, 8)
    left[..., :4] = 1
    (steered,) = control_net_apply(prompt(1), net, picture()).parts
    (plain,) = prompt(1).parts
    both = Conditioning((replace(steered, mask=Mask(left)), replace(plain, mask=Mask(1 - left))))
    (ours,) = estimated(tiny_model(), (both,), x)
    with_it, without = (
        expected(tiny_model(), plain.embeds, x, controls)
        for controls in ([(net.network, picture().pixels, 1.0)], [])
    )
    assert torch.allclose(ours[..., :4], with_it[..., :4], atol=1e-5)
    assert torch.allclose(ours[..., 4:], without[..., 4:], atol=1e-5)
    assert not torch.allclose(with_it, without, atol=1e-3)


def test_sdxls_controls_are_told_the_sizes_too() -> None:
    model = Model(unet("sdxl"), EPSILON, FORMAT, "float32", "sdxl")
    torch.manual_seed(3)
    network: Any = roused(ControlNetModel.from_unet(unet("sdxl")))
    pooled = torch.randn(1, 1280, generator=torch.Generator().manual_seed(4))
    given = prompt(1, width=2048, pooled=pooled)
    x = noisy()
    steered = control_net_apply(given, ControlNet(network, "float32", "sdxl"), picture())
    (ours,) = estimated(model, (steered,), x)
    told = {"text_embeds": pooled, "time_ids": torch.tensor([[64, 64, 0, 0, 64, 64]])}
    theirs = expected(
        model,
        given.parts[0].embeds,
        x,
        [(network, picture().pixels, 1.0)],
        added_cond_kwargs=told,
    )
    assert torch.allclose(ours, theirs, atol=1e-4)


@cache
def union() -> Any:
    """A narrow union in the layout of SDXL's."""
    torch.manual_seed(4)
    own = {"num_trans_channel": 64, "num_proj_channel": 64, "num_control_type": 6}
    told = {n: v for n, v in SDXL_UNET.items() if n != "up_block_types"}
    hints = {"conditioning_embedding_out_channels": (4, 8, 8, 8)}
    network: Any = ControlNetUnionModel(**told, **own, **hints)
    for parameter in network.spatial_ch_projs.parameters():
        parameter.data.normal_(0, 0.1)
    return roused(network)


@pytest.fixture
def loaded_union(tmp_path: Path) -> ControlNet:
    path = tmp_path / "union.safetensors"
    save_file({n: t.contiguous() for n, t in union().state_dict().items()}, path)
    return load_control_net(path, "float32")


@pytest.mark.parametrize("task", ["openpose", "canny/lineart/anime_lineart/mlsd", "segment"])
def test_a_union_does_the_task_that_is_named(loaded_union: ControlNet, task: str) -> None:
    number = ["openpose", "depth", "", "canny/lineart/anime_lineart/mlsd", "", "segment"].index(
        task
    )
    net = set_union_control_net_type(loaded_union, task)
    model = Model(unet("sdxl"), EPSILON, FORMAT, "float32", "sdxl")
    pooled = torch.randn(1, 1280, generator=torch.Generator().manual_seed(4))
    given = prompt(1, width=2048, pooled=pooled)
    x = noisy(2)
    (ours,) = estimated(model, (control_net_apply(given, net, picture(), 0.8),), x)
    told = {
        "text_embeds": pooled.expand(2, -1),
        "time_ids": torch.tensor([[64, 64, 0, 0, 64, 64]] * 2),
    }
    text = given.parts[0].embeds.expand(2, -1, -1)
    scaled, timestep = x / 5**0.5, model.sampling.timestep(2.0)
    named = torch.eye(6)[number].expand(2, -1)
    downs, mid = union()(
        scaled,
        timestep,
        text,
        [picture().pixels.expand(2, -1, -1, -1)],
        named,
        [number],
        0.8,
        added_cond_kwargs=told,
        return_dict=False,
    )
    network: Any = model.network
    output = network(
        scaled,
        timestep,
        text,
        added_cond_kwargs=told,
        down_block_additional_residuals=downs,
        mid_block_additional_residual=mid,
    ).sample
    assert torch.allclose(ours, x - 2.0 * output, atol=1e-4)
    unnamed = set_union_control_net_type(loaded_union, "auto")
    (guessed,) = estimated(model, (control_net_apply(given, unnamed, picture(), 0.8),), x)
    assert guessed.isfinite().all()
    assert not torch.allclose(guessed, ours, atol=1e-4)


def test_a_union_without_a_named_task_adds_none_of_its_embeddings(loaded_union: ControlNet) -> None:
    network: Any = loaded_union.network
    assert torch.equal(network.task_embedding[-1], torch.zeros(64))
    assert torch.equal(network.task_embedding[:-1], union().task_embedding)
    assert set_union_control_net_type(loaded_union, "auto").task == -1


def test_one_union_is_placed_once_for_several_tasks(loaded_union: ControlNet) -> None:
    steered = control_net_apply(
        prompt(1), set_union_control_net_type(loaded_union, "depth"), picture()
    )
    steered = control_net_apply(
        steered, set_union_control_net_type(loaded_union, "normal"), picture()
    )
    seen: list[nn.Module] = []

    def place(given: ControlNet) -> ControlNet:
        seen.append(given.network)
        return given

    (made,) = placed((steered,), place)
    assert [control.net.task for control in made.parts[0].controls] == [1, 4]
    assert seen == [loaded_union.network]


def test_a_task_that_is_not_known_is_told(loaded_union: ControlNet) -> None:
    with pytest.raises(NodeError, match="does not know tile: it knows auto, openpose, depth"):
        set_union_control_net_type(loaded_union, "tile")
    with pytest.raises(NodeError, match="is no union"):
        set_union_control_net_type(tiny_control(), "depth")


def test_a_control_of_another_family_is_told() -> None:
    torch.manual_seed(0)
    network: Any = ControlNetModel(**SD1_CONTROL)
    other = ControlNet(network, "float32", "sd1")
    steered = control_net_apply(prompt(1), other, picture())
    with pytest.raises(NodeError, match="reads texts of 768 numbers"):
        estimated(tiny_model(), (steered,), noisy())


def test_each_network_is_placed_once_and_a_shared_control_stays_shared() -> None:
    net = tiny_control()
    steered = control_net_apply_advanced(prompt(1), prompt(2), net, picture())
    seen: list[nn.Module] = []

    def place(given: ControlNet) -> ControlNet:
        seen.append(given.network)
        return replace(given, key="placed")

    positive, negative = placed(tuple(steered), place)
    assert seen == [net.network]
    assert positive.parts[0].controls == negative.parts[0].controls
    assert positive.parts[0].controls[0].net.key == "placed"


def test_a_picture_is_sampled_with_a_control() -> None:
    steered = control_net_apply_advanced(prompt(1), prompt(2), tiny_control(), picture())
    empty = Latent(torch.zeros(1, 4, 8, 8))
    made, plain = (
        k_sampler(tiny_model(), positive, negative, empty, 1, 2).samples
        for positive, negative in (steered, (prompt(1), prompt(2)))
    )
    assert made.isfinite().all()
    assert not torch.allclose(made, plain, atol=1e-3)


def test_a_steered_prompt_is_weighed_but_not_written(tmp_path: Path) -> None:
    steered = control_net_apply(prompt(1), tiny_control(), picture())
    assert STORED.nbytes(steered) == STORED.nbytes(prompt(1)) + picture().pixels.nbytes
    with pytest.raises(OSError, match="not written"):
        STORED.dump(steered, tmp_path / "value")
