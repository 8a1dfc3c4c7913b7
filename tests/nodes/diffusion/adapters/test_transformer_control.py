"""ControlNets of Stable Diffusion 3 and Flux steer as the pipelines of diffusers let them."""

import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxControlNetModel,
    FluxControlNetPipeline,
    FluxMultiControlNetModel,
    SD3ControlNetModel,
    StableDiffusion3ControlNetInpaintingPipeline,
    StableDiffusion3ControlNetPipeline,
)
from safetensors.torch import save_file
from torch import Tensor

from nodes.control import (
    control_net_apply,
    control_net_apply_advanced,
    control_net_apply_sd3,
    control_net_inpainting_alimama_apply,
    control_net_loader,
    set_union_control_net_type,
)
from nodes.diffusion.adapters.control import fit_control
from nodes.diffusion.adapters.control_file import load_control_net
from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.files.vae_shapes import FLUX_LATENTS, SD3_LATENTS
from nodes.diffusion.inputs.model_inputs import completed
from nodes.diffusion.model_sampling import ModelSampling
from nodes.errors import FileProblem, NodeError
from nodes.references import reference_latent
from nodes.sampling import k_sampler
from nodes.types import (
    Conditioning,
    Control,
    ControlNet,
    Latent,
    Mask,
    Model,
    Vae,
)
from tests.nodes.diffusion.adapters.test_control import picture, tiny_control
from tests.nodes.diffusion.tiny_models import Config
from tests.nodes.diffusion.tiny_sampling import prompt, tiny_model
from tests.nodes.diffusion.transformer_checkpoints import SCALES, VAE
from tests.nodes.diffusion.transformer_files import original, transformer
from tests.nodes.folder_context import FolderContext

FLUX: Config = {
    "num_layers": 2,
    "num_single_layers": 1,
    "num_attention_heads": 1,
    "joint_attention_dim": 16,
    "pooled_projection_dim": 24,
    "guidance_embeds": True,
}
SD3: Config = {
    "num_layers": 2,
    "num_attention_heads": 1,
    "caption_projection_dim": 64,
    "joint_attention_dim": 16,
    "pooled_projection_dim": 24,
    "pos_embed_max_size": 12,
}
STABILITY: Config = SD3 | {
    "joint_attention_dim": None,
    "pos_embed_max_size": None,
    "pos_embed_type": None,
    "use_pos_embed": False,
    "force_zeros_for_pooled_projection": False,
}
KINDS: dict[str, tuple[Any, Config]] = {
    "instantx": (FluxControlNetModel, FLUX),
    "union": (FluxControlNetModel, FLUX | {"num_mode": 7}),
    "xlabs": (
        FluxControlNetModel,
        FLUX | {"num_single_layers": 0, "conditioning_embedding_channels": 16, "patch_size": 2},
    ),
    "sd3": (SD3ControlNetModel, SD3),
    "alimama": (SD3ControlNetModel, SD3 | {"extra_conditioning_channels": 1}),
    "stability": (SD3ControlNetModel, STABILITY),
}
OF_FLUX, OF_SD3 = ("instantx", "union", "xlabs"), ("sd3", "stability")


@cache
def network(kind: str) -> Any:
    torch.manual_seed(1)
    make, config = KINDS[kind]
    made = make(**config)
    for parameter in made.parameters():
        parameter.data.normal_(0, 0.05)
    return made.requires_grad_(False).eval()


@cache
def coder(family: str) -> Any:
    """Make a VAE that encodes without chance, so that a pipeline draws nothing."""
    torch.manual_seed(0)
    made: Any = AutoencoderKL(**(VAE | SCALES[family]))
    made.encoder.conv_out.weight.data[16:] = 0
    made.encoder.conv_out.bias.data[16:] = -30
    return made.requires_grad_(False).eval()


def family_of(kind: str) -> str:
    return "flux" if KINDS[kind][0] is FluxControlNetModel else "sd3"


def vae(family: str) -> Vae:
    space = FLUX_LATENTS if family == "flux" else SD3_LATENTS
    return Vae(coder(family), space, "float32", family)


def model(family: str) -> Model:
    changes: Config = {"num_layers": 3, "joint_attention_dim": 16, "pooled_projection_dim": 24}
    if family == "flux":
        changes["num_single_layers"] = 3
    space = FLUX_LATENTS if family == "flux" else SD3_LATENTS
    steered = transformer(family, **changes)
    return Model(steered, ModelSampling.from_flow(), space, "float32", family)


def said(seed: int) -> Conditioning:
    pooled = torch.randn(1, 24, generator=torch.Generator().manual_seed(seed + 10))
    return prompt(seed, pooled=pooled, extras={"guidance": 2.5})


def noise(height: int = 8, width: int = 8) -> Tensor:
    return torch.randn(1, 16, height, width, generator=torch.Generator().manual_seed(1))


def estimated(family: str, conditioning: Conditioning, x: Tensor, sigma: float = 1.0) -> Tensor:
    made = model(family)
    given = completed((conditioning,), made, Latent(torch.zeros_like(x)))
    fitted = fit_conditionings(given, made.sampling, x, 8)
    return denoise(made, x, sigma, fitted)[0]


def steered(kind: str, net: ControlNet, strength: float = 0.7) -> Conditioning:
    made = control_net_apply_advanced(
        said(1), said(2), net, picture(), vae(family_of(kind)), strength
    )
    return made.positive


def loaded(kind: str, folder: Path) -> ControlNet:
    weights = {n: t.contiguous() for n, t in network(kind).state_dict().items()}
    save_file(weights, folder / f"{kind}.safetensors")
    net = load_control_net(folder / f"{kind}.safetensors", "float32")
    return set_union_control_net_type(net, "depth") if kind == "union" else net


def by_pipeline(kind: str, controlnet: Any, **more: Any) -> Tensor:
    """Let the pipeline of diffusers go from pure noise to the end in one step."""
    part, family = said(1).parts[0], family_of(kind)
    assert part.pooled is not None
    parts: Config = {
        "transformer": model(family).network,
        "vae": coder(family),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
        "controlnet": controlnet,
    }
    parts |= dict.fromkeys(("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"))
    if family == "sd3":
        parts |= dict.fromkeys(("text_encoder_3", "tokenizer_3"))
    pipelines: dict[str, Any] = {
        "flux": FluxControlNetPipeline,
        "sd3": StableDiffusion3ControlNetPipeline,
        "alimama": StableDiffusion3ControlNetInpaintingPipeline,
    }
    pipeline = pipelines.get(kind, pipelines[family])(**parts)
    pipeline.set_progress_bar_config(disable=True)
    x = noise()
    given = more | {"control_image": more.get("control_image", picture().pixels * 2 - 1)}
    made: Tensor = pipeline(
        prompt_embeds=part.embeds,
        pooled_prompt_embeds=part.pooled,
        latents=pipeline._pack_latents(x, *x.shape) if family == "flux" else x,
        sigmas=[1.0],
        num_inference_steps=1,
        height=64,
        width=64,
        output_type="latent",
        guidance_scale=2.5 if family == "flux" else 1.0,
        **given,
    ).images
    return pipeline._unpack_latents(made, 64, 64, 8) if family == "flux" else made


@pytest.mark.parametrize("kind", [*OF_FLUX, *OF_SD3])
def test_a_control_steers_as_the_pipeline_does(kind: str, tmp_path: Path) -> None:
    ours = estimated(family_of(kind), steered(kind, loaded(kind, tmp_path)), noise())
    more: Config = {"control_mode": 2} if kind == "union" else {}
    theirs = by_pipeline(kind, deepcopy(network(kind)), controlnet_conditioning_scale=0.7, **more)
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert not torch.allclose(ours, estimated(family_of(kind), said(1), noise()), atol=1e-3)


def test_what_several_controls_of_flux_give_is_summed(tmp_path: Path) -> None:
    one, two = loaded("instantx", tmp_path), loaded("union", tmp_path)
    both = control_net_apply_advanced(
        steered("instantx", one), said(2), two, picture(), vae("flux"), 0.4
    ).positive
    ours = estimated("flux", both, noise())
    nets: Any = FluxMultiControlNetModel([network("instantx"), network("union")])
    theirs = by_pipeline(
        "instantx",
        nets,
        control_image=[picture().pixels * 2 - 1] * 2,
        control_mode=[0, 2],
        controlnet_conditioning_scale=[0.7, 0.4],
    )
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_alimamas_control_paints_into_a_picture_as_the_pipeline_does(tmp_path: Path) -> None:
    net = loaded("alimama", tmp_path)
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 20:50, 10:40] = 1
    made = control_net_inpainting_alimama_apply(
        said(1), said(2), net, vae("sd3"), picture(), Mask(hole), 0.7
    ).positive
    theirs = by_pipeline(
        "alimama", network("alimama"), control_mask=hole, controlnet_conditioning_scale=0.7
    )
    assert torch.allclose(estimated("sd3", made, noise()), theirs, atol=1e-4)


def test_alimamas_control_of_flux_reads_a_mask_too(tmp_path: Path) -> None:
    """By hand: diffusers has no class for it. Its hint has a channel more than the latent."""
    plain = network("instantx")
    weights = dict(plain.state_dict())
    generator = torch.Generator().manual_seed(3)
    more = torch.randn(128, 4, generator=generator) * 0.05
    first = weights["controlnet_x_embedder.weight"]
    weights["controlnet_x_embedder.weight"] = torch.cat([first, more], dim=1)
    save_file({n: t.contiguous() for n, t in weights.items()}, tmp_path / "net.safetensors")
    net = load_control_net(tmp_path / "net.safetensors", "float32")
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., :32] = 1
    made = control_net_inpainting_alimama_apply(
        said(1), said(2), net, vae("flux"), picture(), Mask(hole), 1.0
    ).positive
    control = made.parts[0].controls[0]
    hint = fit_control(control, model("flux").sampling, noise(), 8).hint(8, 8)
    black = picture().pixels.masked_fill(hole > 0.5, 0)
    shown = coder("flux").encode(black * 2 - 1).latent_dist.mode()
    assert torch.allclose(hint[:, :16], (shown - 0.1159) * 0.3611, atol=1e-5)
    assert hint[:, 16, 0].tolist() == [[0.0] * 4 + [1.0] * 4]
    # With nothing to say of the mask it is InstantX's.
    network_: Any = net.network
    network_.controlnet_x_embedder.weight[:, 64:] = 0
    no_hole = Mask(torch.zeros(1, 1, 64, 64))
    same = control_net_inpainting_alimama_apply(
        said(1), said(2), net, vae("flux"), picture(), no_hole, 0.7
    ).positive
    expected = estimated("flux", steered("instantx", ControlNet(plain, "float32", "")), noise())
    assert torch.allclose(estimated("flux", same, noise()), expected, atol=1e-5)


def of_xlabs(controlnet: Any) -> dict[str, Tensor]:
    """Name the weights of a ControlNet as XLabs does."""
    weights = dict(controlnet.state_dict())
    own = {n: weights.pop(n) for n in list(weights) if n.startswith(("controlnet_", "input_h"))}
    trunk = SimpleNamespace(state_dict=lambda: weights, config=controlnet.config)
    named = original(trunk, "")
    for name, tensor in own.items():
        name = name.replace("controlnet_x_embedder", "pos_embed_input")
        name = name.replace(".conv_in.", ".0.").replace(".conv_out.", ".14.")
        found = re.fullmatch(r"input_hint_block\.blocks\.(\d)\.(\w+)", name)
        named[f"input_hint_block.{2 * int(found[1]) + 2}.{found[2]}" if found else name] = tensor
    return named


def of_stability(controlnet: Any) -> dict[str, Tensor]:
    """Name the weights of a ControlNet as Stability does."""
    weights, named = dict(controlnet.state_dict()), dict[str, Tensor]()
    for path in sorted({n.rpartition(".to_q")[0] for n in weights if ".to_q." in n}):
        for kind in ("weight", "bias"):
            parts = [weights.pop(f"{path}.to_{letter}.{kind}") for letter in "qkv"]
            named[f"{path}.qkv.{kind}"] = torch.cat(parts)
    for name, tensor in weights.items():
        for ours, theirs in (
            ("attn.to_out.0", "attn.proj"),
            ("ff.net.0.proj", "mlp.fc1"),
            ("ff.net.2", "mlp.fc2"),
            ("norm1.linear", "adaLN_modulation.1"),
        ):
            name = name.replace(ours, theirs)
        named[name] = tensor
    return named


@pytest.mark.parametrize("kind", ["xlabs", "stability"])
def test_the_makers_own_names_load_to_the_same_weights(kind: str, tmp_path: Path) -> None:
    named = {"xlabs": of_xlabs, "stability": of_stability}[kind](network(kind))
    assert not named.keys() <= network(kind).state_dict().keys()
    save_file({n: t.contiguous() for n, t in named.items()}, tmp_path / "net.safetensors")
    found: Any = load_control_net(tmp_path / "net.safetensors", "float32").network
    own = network(kind).state_dict()
    assert found.state_dict().keys() == own.keys()
    assert all(torch.equal(found.state_dict()[name], tensor) for name, tensor in own.items())


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_folder_of_diffusers_is_the_same_as_its_file(kind: str, tmp_path: Path) -> None:
    network(kind).save_pretrained(tmp_path / "controlnet" / "net")
    found: Any = control_net_loader("net", ctx=FolderContext(tmp_path)).network
    file: Any = loaded(kind, tmp_path).network
    assert type(found) is type(file) is KINDS[kind][0]
    assert dict(found.config) == dict(file.config)
    told = {n: v for n, v in found.config.items() if not n.startswith("_")}
    own = network(kind).config
    assert {n: v for n, v in told.items() if n in KINDS[kind][1]} == {
        n: v for n, v in own.items() if n in KINDS[kind][1]
    }


def test_a_union_of_flux_numbers_its_tasks_as_its_makers_do(tmp_path: Path) -> None:
    net = loaded("union", tmp_path)
    tasks = ("canny/lineart/anime_lineart/mlsd", "tile", "depth", "blur", "openpose", "gray")
    for number, task in enumerate((*tasks, "low quality")):
        assert set_union_control_net_type(net, task).task == number
    with pytest.raises(NodeError, match="does not know segment: it knows auto, canny"):
        set_union_control_net_type(net, "segment")
    # Without a task it is as if there were no union.
    unnamed = set_union_control_net_type(net, "auto")
    plain = deepcopy(network("instantx"))
    weights = {n: t for n, t in network("union").state_dict().items() if "mode" not in n}
    plain.load_state_dict(weights)
    expected = estimated("flux", steered("instantx", ControlNet(plain, "float32", "")), noise())
    assert torch.allclose(estimated("flux", steered("union", unnamed), noise()), expected)


@pytest.mark.parametrize("kind", ["instantx", "xlabs", "sd3"])
def test_sides_that_are_no_whole_patches_are_steered(kind: str, tmp_path: Path) -> None:
    conditioning = steered(kind, loaded(kind, tmp_path))
    made = estimated(family_of(kind), conditioning, noise(7, 9))
    plain = estimated(family_of(kind), said(1), noise(7, 9))
    assert made.shape == (1, 16, 7, 9)
    assert not torch.allclose(made, plain, atol=1e-3)


def test_what_flux_looks_at_is_not_steered(tmp_path: Path) -> None:
    conditioning = reference_latent(
        steered("instantx", loaded("instantx", tmp_path), 1e-9), Latent(noise(4, 4))
    )
    plain = reference_latent(said(1), Latent(noise(4, 4)))
    one, two = (estimated("flux", each, noise()) for each in (conditioning, plain))
    assert torch.allclose(one, two, atol=1e-5)


def test_both_prompts_are_steered_through_a_sampling(tmp_path: Path) -> None:
    net = loaded("sd3", tmp_path)
    prompts = control_net_apply_sd3(said(1), said(2), net, vae("sd3"), picture(), 1.0)
    empty = Latent(torch.zeros(2, 16, 8, 8))
    made, plain = (
        k_sampler(model("sd3"), *each, empty, 1, 2, 3.0).samples
        for each in (prompts, (said(1), said(2)))
    )
    assert made.isfinite().all()
    assert not torch.allclose(made, plain, atol=1e-3)


def test_what_a_control_lacks_is_told(tmp_path: Path) -> None:
    net, inpainting = loaded("instantx", tmp_path), loaded("alimama", tmp_path)
    with pytest.raises(NodeError, match="no VAE is connected"):
        control_net_apply(said(1), net, picture())
    with pytest.raises(NodeError, match="paints into a picture"):
        control_net_apply_advanced(said(1), said(2), inpainting, picture(), vae("sd3"))
    with pytest.raises(NodeError, match="reads no mask"):
        control_net_inpainting_alimama_apply(
            said(1), said(2), net, vae("flux"), picture(), Mask(torch.zeros(1, 1, 64, 64))
        )
    small = Vae(coder("flux"), tiny_model().latent_format, "float32", "small")
    control = Control(net, picture().pixels, vae=small)
    with pytest.raises(NodeError, match="latents of 4 channels"):
        fit_control(control, model("flux").sampling, noise(), 8).hint(8, 8)


def test_controls_of_other_families_are_told(tmp_path: Path) -> None:
    sd3 = steered("sd3", loaded("sd3", tmp_path))
    with pytest.raises(NodeError, match="made for another family of models, or for another size"):
        estimated("flux", sd3, noise())
    of_unet = control_net_apply(said(1), tiny_control(), picture())
    with pytest.raises(NodeError, match="made for another family"):
        estimated("flux", of_unet, noise())
    x = torch.zeros(1, 4, 8, 8)
    given = completed((sd3,), tiny_model(), Latent(x))
    with pytest.raises(NodeError, match="the model is a U-Net"):
        denoise(tiny_model(), x, 1.0, fit_conditionings(given, tiny_model().sampling, x, 8))


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    weights = {n: t.contiguous() for n, t in network("instantx").state_dict().items()}
    weights.pop("x_embedder.weight")
    save_file(weights, tmp_path / "net.safetensors")
    with pytest.raises(FileProblem, match=r"of a layout that is known here \('x_embedder"):
        load_control_net(tmp_path / "net.safetensors", "float32")
