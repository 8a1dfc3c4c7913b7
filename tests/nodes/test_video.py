"""Stable Video Diffusion sets a picture in motion, as the pipeline of diffusers does."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKLTemporalDecoder,
    EulerDiscreteScheduler,
    StableVideoDiffusionPipeline,
    UNetSpatioTemporalConditionModel,
)
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.inputs.model_inputs import completed
from nodes.diffusion.patches.patch import one_by_one
from nodes.sampling import k_sampler
from nodes.types import Conditioning, Image, Latent, Model
from nodes.vae import vae_decode, vae_encode
from nodes.video import (
    MovingParts,
    VideoParts,
    image_only_checkpoint_loader,
    svd_img2vid_conditioning,
    video_linear_cfg_guidance,
    video_triangle_cfg_guidance,
)
from tests.nodes.diffusion.vision_files import VIT_H, open_clip_vision
from tests.nodes.folder_context import FolderContext

FRAMES, SIDE = 3, 64


def with_values(network: Any) -> Any:
    """Give a network random weights, so that what training begins at zero shows."""
    for name, parameter in network.named_parameters():
        spread = 1.0 if "mix_factor" in name else 0.05
        parameter.data.normal_(0, spread)
    return network.requires_grad_(False).eval()


@cache
def unet() -> Any:
    torch.manual_seed(0)
    return with_values(
        UNetSpatioTemporalConditionModel(
            block_out_channels=(64, 64, 64, 64),
            layers_per_block=1,
            num_attention_heads=(1, 1, 1, 1),
            cross_attention_dim=1024,
        )
    )


@cache
def coder() -> Any:
    torch.manual_seed(1)
    return with_values(
        AutoencoderKLTemporalDecoder(
            block_out_channels=(32, 32, 32, 32),
            layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * 4,
        )
    )


@cache
def vision() -> Any:
    torch.manual_seed(2)
    # It sees pictures as large as they are here: the pipeline has another way to make them small.
    config = VIT_H | {"projection_dim": 1024, "image_size": SIDE, "patch_size": 16}
    return with_values(CLIPVisionModelWithProjection(CLIPVisionConfig(**config)))


_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def _stacked(part: str, rest: str) -> str:
    """Name a part of a residual layer in the original, of pictures or over time."""
    block, _, name = rest.partition(".")
    if block == "time_mixer":
        return f"{part}.time_mixer.{name}"
    module, _, kind = name.rpartition(".")
    stack = ".time_stack" if block == "temporal_res_block" else ""
    return f"{part}{stack}.{_RESNET[module]}.{kind}"


def _attended(part: str, rest: str) -> str:
    rest = rest.replace("temporal_transformer_blocks.", "time_stack.")
    for ours, theirs in (("linear_1", "0"), ("linear_2", "2")):
        rest = rest.replace(f"time_pos_embed.{ours}", f"time_pos_embed.{theirs}")
    return f"{part}.{rest}"


def original_unet(network: Any) -> dict[str, Tensor]:
    """Name a UNet's weights as the original does: one layer for each level of four."""
    weights = network.state_dict()
    return {f"model.diffusion_model.{_original(name)}": t for name, t in weights.items()}


def _original(name: str) -> str:
    way, level, kind, number, rest = (*name.split(".", 4), "", "", "")[:5]
    if way == "mid_block":
        rest = f"{number}.{rest}" if rest else number
        if level == "attentions":
            return _attended("middle_block.1", rest)
        return _stacked(f"middle_block.{2 * int(kind)}", rest)
    if way not in ("down_blocks", "up_blocks"):
        theirs = next(theirs for ours, theirs in _OUTSIDE.items() if name.startswith(f"{ours}."))
        return f"{theirs}.{name.rpartition('.')[2]}"
    last = name.rpartition(".")[2]
    down = way == "down_blocks"
    block = 2 * int(level) + (1 if down else 0)
    if kind == "downsamplers":
        return f"input_blocks.{block + 1}.0.op.{last}"
    if kind == "upsamplers":
        return f"output_blocks.{block + 1}.{2 if int(level) else 1}.conv.{last}"
    half = f"input_blocks.{block}" if down else f"output_blocks.{block + int(number)}"
    named: Callable[[str, str], str] = _stacked if kind == "resnets" else _attended
    return named(f"{half}.{0 if kind == 'resnets' else 1}", rest)


_OUTSIDE = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}


def original_vae(network: Any) -> dict[str, Tensor]:
    """Name a VAE's weights as the original does."""
    named = {}
    for name, tensor in network.state_dict().items():
        half, _, rest = name.partition(".")
        over_time = "temporal_res_block" in rest
        for ours, theirs in (
            ("mid_block.attentions.0.group_norm", "mid.attn_1.norm"),
            ("mid_block.attentions.0.to_q", "mid.attn_1.q"),
            ("mid_block.attentions.0.to_k", "mid.attn_1.k"),
            ("mid_block.attentions.0.to_v", "mid.attn_1.v"),
            ("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out"),
            ("mid_block.resnets.0", "mid.block_1"),
            ("mid_block.resnets.1", "mid.block_2"),
            ("conv_norm_out", "norm_out"),
            ("time_conv_out", "conv_out.time_mix_conv"),
            ("spatial_res_block.", ""),
            ("temporal_res_block.", "time_stack."),
            ("time_mixer.mix_factor", "mix_factor"),
            ("conv_shortcut", "nin_shortcut"),
            (".downsamplers.0.", ".downsample."),
            (".upsamplers.0.", ".upsample."),
            (".resnets.", ".block."),
        ):
            rest = rest.replace(ours, theirs)
        if over_time:
            for ours, theirs in _RESNET.items():
                rest = rest.replace(f"time_stack.{ours}.", f"time_stack.{theirs}.")
        for level in range(4):
            rest = rest.replace(f"down_blocks.{level}.", f"down.{level}.")
            rest = rest.replace(f"up_blocks.{level}.", f"up.{3 - level}.")
        named[f"first_stage_model.{half}.{rest}"] = tensor
    return named


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    weights = original_unet(unet()) | original_vae(coder())
    weights |= open_clip_vision(vision(), "conditioner.embedders.0.open_clip.model.visual.")
    (tmp_path / "checkpoints").mkdir()
    path = tmp_path / "checkpoints" / "svd.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    return FolderContext(tmp_path)


@pytest.fixture
def parts(host: FolderContext) -> VideoParts:
    return image_only_checkpoint_loader("svd.safetensors", ctx=host)


def picture() -> Image:
    values = torch.randint(256, (1, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(5))
    return Image(values / 255)


def shown(parts: VideoParts, **given: Any) -> MovingParts:
    return svd_img2vid_conditioning(
        parts.clip_vision, picture(), parts.vae, SIDE, SIDE, FRAMES, 90, 7, **given
    )


def noise(frames: int = FRAMES) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(frames, 4, SIDE // 8, SIDE // 8, generator=generator)


def estimated(model: Model, x: Tensor, sigma: float, *given: Conditioning) -> list[Tensor]:
    whole = completed(given, model, Latent(torch.zeros_like(x)))
    return denoise(model, x, sigma, fit_conditionings(whole, model.sampling, x, 8))


def same_weights(one: Any, two: Any) -> bool:
    mine, theirs = one.state_dict(), two.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[n], theirs[n]) for n in mine)


def test_a_file_loads_to_the_weights_of_diffusers(parts: VideoParts) -> None:
    assert same_weights(parts.model.network, unet())
    assert same_weights(parts.vae.network, coder())
    assert parts.model.sampling.prediction == "v_prediction"
    assert parts.model.sampling.sigma_max == pytest.approx(700)


def by_pipeline() -> tuple[Tensor, Tensor]:
    """Let the pipeline of diffusers sample two steps, and decode what it sampled."""
    scheduler = EulerDiscreteScheduler(
        prediction_type="v_prediction",
        timestep_type="continuous",
        timestep_spacing="leading",
        use_karras_sigmas=True,
        sigma_min=0.002,
        sigma_max=700.0,
    )
    pipeline: Any = StableVideoDiffusionPipeline(
        coder(), vision(), unet(), scheduler, CLIPImageProcessor()
    )
    pipeline.set_progress_bar_config(disable=True)
    given: Any = {
        "image": picture().pixels,
        "height": SIDE,
        "width": SIDE,
        "num_frames": FRAMES,
        "num_inference_steps": 2,
        "min_guidance_scale": 1.0,
        "max_guidance_scale": 3.0,
        "fps": 7,
        "motion_bucket_id": 90,
        "noise_aug_strength": 0.0,
        "latents": noise()[None],
    }
    latents: Tensor = pipeline(**given, output_type="latent").frames
    return latents[0], pipeline.decode_latents(latents, FRAMES, FRAMES)[0].transpose(0, 1)


def test_a_video_is_sampled_and_decoded_as_by_the_pipeline(parts: VideoParts) -> None:
    positive, negative, empty = shown(parts)
    model = video_linear_cfg_guidance(parts.model, 1.0)
    given = (positive, negative, empty, 1, 2, 3.0, "euler", "karras")
    made = k_sampler(model, *given)
    latents, frames = by_pipeline()
    assert made.samples.shape == (FRAMES, 4, SIDE // 8, SIDE // 8)
    assert torch.allclose(made.samples, latents, atol=1e-3)
    pixels = vae_decode(made, parts.vae).pixels
    assert torch.allclose(pixels, (frames / 2 + 0.5).clamp(0, 1), atol=1e-3)
    assert not torch.allclose(k_sampler(parts.model, *given).samples, latents, atol=1e-2)


def test_frames_stay_together_when_memory_is_short(parts: VideoParts) -> None:
    positive, negative, _ = shown(parts)
    x = noise() * 2
    together = estimated(parts.model, x, 2.0, positive, negative)
    apart = estimated(one_by_one(parts.model), x, 2.0, positive, negative)
    for one, two in zip(together, apart, strict=True):
        assert torch.allclose(one, two, atol=1e-5)
    alone = estimated(parts.model, x[:1], 2.0, positive)[0]
    assert not torch.allclose(together[0][:1], alone, atol=1e-3)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"augmentation_level": 0.5}, "the noise on the picture"),
        ({}, "nothing"),
    ],
)
def test_what_is_told_is_read(parts: VideoParts, given: dict[str, Any], what: str) -> None:
    x = noise() * 2
    plain, made = shown(parts).positive, shown(parts, **given).positive
    one, two = (estimated(parts.model, x, 2.0, each)[0] for each in (plain, made))
    assert torch.equal(one, two) is (what == "nothing")
    (part,) = plain.parts
    for name, value in (("fps", 20), ("motion_bucket_id", 5)):
        other = Conditioning((replace(part, extras={**part.extras, name: value}),))
        assert not torch.allclose(estimated(parts.model, x, 2.0, other)[0], one, atol=1e-4)


def test_a_triangle_guides_the_middle_most(parts: VideoParts) -> None:
    positive, negative, _ = shown(parts)
    x = noise(5)
    empty = Latent(torch.zeros_like(x))

    def sampled(model: Model, cfg: float) -> Tensor:
        return k_sampler(model, positive, negative, empty, 1, 1, cfg, "euler", "karras").samples

    made = sampled(video_triangle_cfg_guidance(parts.model, 1.0), 3.0)
    for frame, scale in enumerate((1.0, 2.0, 3.0, 2.0, 1.0)):
        assert torch.allclose(made[frame], sampled(parts.model, scale)[frame], atol=1e-3)


def test_a_folder_is_the_same_as_a_file(parts: VideoParts, tmp_path: Path) -> None:
    scheduler = EulerDiscreteScheduler(
        prediction_type="v_prediction",
        timestep_type="continuous",
        use_karras_sigmas=True,
        sigma_min=0.002,
        sigma_max=700.0,
    )
    pipeline: Any = StableVideoDiffusionPipeline(
        coder(), vision(), unet(), scheduler, CLIPImageProcessor()
    )
    pipeline.save_pretrained(tmp_path / "checkpoints" / "svd")
    found = image_only_checkpoint_loader("svd", ctx=FolderContext(tmp_path))
    assert same_weights(found.model.network, parts.model.network)
    assert same_weights(found.vae.network, parts.vae.network)
    assert same_weights(found.clip_vision.network, parts.clip_vision.network)
    assert torch.equal(found.model.sampling.sigmas, parts.model.sampling.sigmas)
    assert found.vae.latent_format == parts.vae.latent_format


def test_a_vae_without_projections_about_its_latents_loads(
    parts: VideoParts, host: FolderContext
) -> None:
    plain = dict(coder().state_dict())
    generator = torch.Generator().manual_seed(3)
    kernel = torch.randn(4, 4, 1, 1, generator=generator)
    kept = {n: t for n, t in plain.items() if not n.startswith("quant_conv")}
    named = original_vae(type("Weights", (), {"state_dict": lambda _: kept})())
    named["first_stage_model.post_quant_conv.weight"] = kernel
    named["first_stage_model.post_quant_conv.bias"] = torch.zeros(4)
    weights = original_unet(unet()) | named
    weights |= open_clip_vision(vision(), "conditioner.embedders.0.open_clip.model.visual.")
    path = host.root / "checkpoints" / "other.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    vae = image_only_checkpoint_loader("other.safetensors", ctx=host).vae
    encoded = coder().encoder(picture().pixels * 2 - 1)[:, :4] * 0.18215
    assert torch.allclose(vae_encode(picture(), vae).samples, encoded, atol=1e-4)
    mixed = torch.nn.functional.conv2d(noise(), kernel)
    one, two = vae_decode(Latent(noise()), vae), vae_decode(Latent(mixed), parts.vae)
    assert torch.allclose(one.pixels, two.pixels, atol=1e-4)
