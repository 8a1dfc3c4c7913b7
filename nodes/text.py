"""Text: prompts to conditioning."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Annotated, Any

from nodes.api import QUIET, Choice, Context, Multiline, Range, file_meant, mentioned, node
from nodes.diffusion.adapters.hooks import encoders_by_time
from nodes.diffusion.text.arithmetic import with_extras
from nodes.diffusion.text.embeddings import read_embedding, with_embeddings
from nodes.diffusion.text.encoding import Role, encode, towers
from nodes.diffusion.text.t5_vocabulary import T5Vocabulary
from nodes.errors import NodeError
from nodes.types import Clip, Cond, Conditioning, TextJoin

GROUP = "prompts"

Pixels = Annotated[int, Range(0, 16_384, step=1)]
Prompt = Annotated[str, Multiline(mentions="embeddings")]
Guidance = Annotated[float, Range(0.0, 100.0, step=0.1)]


@node("CLIPTextEncode", title="CLIP text encode (prompt)", aliases=("prompt", "text"))
def clip_text_encode(text: Prompt, clip: Clip, *, ctx: Context = QUIET) -> Conditioning:
    r"""Encode a prompt for the denoiser to follow.

    `(word:1.2)` weighs a word, `(word)` weighs it 1.1; both nest, and `\(` is a plain
    parenthesis. A text of more tokens than the encoder takes is encoded in several chunks.
    `embedding:name` is the word that a textual inversion of that name teaches.

    Args:
        text: What the picture should show, or in a negative prompt what it should not.
        clip: The text encoder.

    Returns:
        What to condition on.

    References:
        Radford et al. 2021, Learning Transferable Visual Models From Natural Language
        Supervision, arXiv:2103.00020.
    """
    return _encoded(clip, ctx, text)


@node("CLIPTextEncodeSDXL", title="CLIP text encode (SDXL)")
def clip_text_encode_sdxl(
    clip: Clip,
    width: Pixels = 1024,
    height: Pixels = 1024,
    crop_w: Pixels = 0,
    crop_h: Pixels = 0,
    target_width: Pixels = 1024,
    target_height: Pixels = 1024,
    text_g: Prompt = "",
    text_l: Prompt = "",
    *,
    ctx: Context = QUIET,
) -> Conditioning:
    """Encode a prompt for SDXL, which is told the size of the picture as well.

    Args:
        clip: SDXL's pair of text encoders.
        width: Width of the original that the picture should look cut from, in pixels.
        height: Height of that original.
        crop_w: Where the cut begins, from the left; 0 keeps things centred.
        crop_h: Where the cut begins, from the top.
        target_width: Width of the picture.
        target_height: Height of the picture.
        text_g: What the larger encoder (bigG) reads.
        text_l: What the smaller one (L) reads; usually the same.

    Returns:
        What to condition on.

    References:
        Podell et al. 2023, SDXL: Improving Latent Diffusion Models for High-Resolution Image
        Synthesis, arXiv:2307.01952.
    """
    if clip.second is None:
        raise NodeError(
            "This text encoder is a single one, but SDXL has two.",
            "Load the text encoders of an SDXL checkpoint, or use CLIPTextEncode.",
            "clip.single",
        )
    sizes = {
        "width": width,
        "height": height,
        "crop_w": crop_w,
        "crop_h": crop_h,
        "target_width": target_width,
        "target_height": target_height,
    }
    return with_extras(_encoded(clip, ctx, text_l, text_g), sizes)


@node("CLIPTextEncodeSDXLRefiner", title="CLIP text encode (SDXL refiner)")
def clip_text_encode_sdxl_refiner(
    clip: Clip,
    ascore: Annotated[float, Range(0, 1000, step=0.01)] = 6.0,
    width: Pixels = 1024,
    height: Pixels = 1024,
    text: Prompt = "",
    *,
    ctx: Context = QUIET,
) -> Conditioning:
    """Encode a prompt for SDXL's refiner, which is told how beautiful the picture should be.

    Args:
        clip: The refiner's text encoder.
        ascore: Aesthetic score; 6 for what is wanted and 2.5 for what is not are usual.
        width: Width of the picture, in pixels.
        height: Height of the picture, in pixels.
        text: What the picture should show.

    Returns:
        What to condition on.
    """
    told = {"aesthetic_score": ascore, "width": width, "height": height}
    return with_extras(_encoded(clip, ctx, text), told)


@node("CLIPTextEncodeSD3", title="CLIP text encode (SD3)")
def clip_text_encode_sd3(
    clip: Clip,
    clip_l: Prompt = "",
    clip_g: Prompt = "",
    t5xxl: Prompt = "",
    empty_padding: Annotated[str, Choice(("none", "empty_prompt"))] = "none",
    *,
    ctx: Context = QUIET,
) -> Conditioning:
    """Encode a prompt for Stable Diffusion 3, whose encoders may each read a text of its own.

    Args:
        clip: The text encoders of Stable Diffusion 3.
        clip_l: What the smaller CLIP (L) reads; usually the same for all.
        clip_g: What the larger CLIP (bigG) reads.
        t5xxl: What T5 reads.
        empty_padding: An encoder with an empty text is left out, or encodes an empty prompt.

    Returns:
        What to condition on.

    References:
        Esser et al. 2024, Scaling Rectified Flow Transformers for High-Resolution Image Synthesis,
        arXiv:2403.03206.
    """
    _check_join(clip, "sd3", "Stable Diffusion 3")
    said: dict[Role, str | None] = {"l": clip_l, "g": clip_g, "t5": t5xxl}
    if empty_padding == "none":
        # The two CLIPs stand side by side, so that they are left out together.
        if not clip_l and not clip_g:
            said |= {"l": None, "g": None}
        said["t5"] = t5xxl or None
    return _encoded(clip, ctx, *(said[tower.role] for tower in towers(clip)))


@node("CLIPTextEncodeFlux", title="CLIP text encode (Flux)")
def clip_text_encode_flux(
    clip: Clip,
    clip_l: Prompt = "",
    t5xxl: Prompt = "",
    guidance: Guidance = 3.5,
    *,
    ctx: Context = QUIET,
) -> Conditioning:
    """Encode a prompt for Flux, whose encoders may each read a text of its own.

    Args:
        clip: The text encoders of Flux.
        clip_l: What CLIP reads, to sum the picture up; usually the same for both.
        t5xxl: What T5 reads: the whole description.
        guidance: How strongly the model is to follow it; models without that input pass it over.

    Returns:
        What to condition on.
    """
    _check_join(clip, "flux", "Flux")
    said: dict[Role, str] = {"l": clip_l, "t5": t5xxl}
    encoded = _encoded(clip, ctx, *(said[tower.role] for tower in towers(clip)))
    return with_extras(encoded, {"guidance": guidance})


@node("FluxGuidance", title="Flux guidance")
def flux_guidance(conditioning: Conditioning, guidance: Guidance = 3.5) -> Conditioning:
    """Tell Flux how strongly to follow a prompt; it was taught to do so in one call.

    Args:
        conditioning: The prompt.
        guidance: How strongly; models without that input (schnell) pass it over.
    """
    return with_extras(conditioning, {"guidance": guidance})


@node("FluxDisableGuidance", title="Disable Flux guidance")
def flux_disable_guidance(conditioning: Conditioning) -> Conditioning:
    """Tell Flux nothing of how strongly to follow a prompt.

    Args:
        conditioning: The prompt.
    """
    return with_extras(conditioning, {"guidance": None})


@node("CLIPTextEncodeControlnet", title="CLIP text encode (ControlNet)")
def clip_text_encode_controlnet(
    clip: Clip, conditioning: Conditioning, text: Prompt = "", *, ctx: Context = QUIET
) -> Conditioning:
    """Let ControlNets read another text than the denoiser.

    Args:
        clip: The text encoder.
        conditioning: The prompt that the denoiser follows, steered by ControlNets.
        text: What they read.

    Returns:
        The prompt, with a text for what steers it.
    """
    read = _encoded(clip, ctx, text).parts[0]
    return with_extras(conditioning, {"control_embeds": read.embeds, "control_pooled": read.pooled})


@node("T5TokenizerOptions", title="T5 tokenizer options")
def t5_tokenizer_options(
    clip: Clip,
    min_padding: Annotated[int, Range(0, 10_000, step=1)] = 0,
    min_length: Annotated[int, Range(0, 10_000, step=1)] = 0,
) -> Clip:
    """Say how far texts are filled up before T5 reads them.

    Args:
        clip: The text encoders, T5 among them.
        min_padding: Fill up every text by so many tokens at the least.
        min_length: Fill up every text to so many tokens at the least.

    Returns:
        The text encoders, with other habits.
    """
    options: dict[str, Any] = {}
    for name in ("tokenizer", "second_tokenizer", "third_tokenizer"):
        words = getattr(clip, name)
        if isinstance(words, T5Vocabulary):
            options[name] = replace(words, length=min_length, padding=min_padding)
    if not options:
        raise NodeError(
            "There is no T5 among these text encoders.",
            "Load one with DualCLIPLoader or TripleCLIPLoader, or leave the node out.",
            "clip.t5",
        )
    return replace(clip, **options)


@node("CLIPSetLastLayer", title="CLIP set last layer", aliases=("clip skip",))
def clip_set_last_layer(
    clip: Clip, stop_at_clip_layer: Annotated[int, Range(-24, -1, step=1)] = -1
) -> Clip:
    """Take the text encoder's output after an earlier layer ("CLIP skip").

    Args:
        clip: The text encoder.
        stop_at_clip_layer: The layer to stop after, counted from the end; -1 is the last.

    Returns:
        The text encoder, which stops there.
    """
    network: Any = clip.encoder
    layers = network.config.num_hidden_layers
    if -stop_at_clip_layer > layers:
        raise NodeError(
            f"This text encoder has {layers} layers, so it cannot stop at {stop_at_clip_layer}.",
            f"Set stop_at_clip_layer between -{layers} and -1.",
            "clip.layer",
        )
    return replace(clip, skip=-stop_at_clip_layer)


def _encoded(clip: Clip, ctx: Context, *texts: str | None) -> Conditioning:
    """Encode a prompt where its encoders work, by all that is to change them; see `encode`."""
    files = ctx.files
    found = {
        mention: read_embedding(
            files.path("embeddings", file_meant("embeddings", mention, files.names("embeddings")))
        )
        for mention in mentioned("embeddings", *(text for text in texts if text))
    }
    parts: list[Cond] = []
    with nullcontext(clip) if clip.on_cpu else ctx.resident(clip) as placed:
        for changed, told in encoders_by_time(placed):
            embeds, pooled = encode(with_embeddings(changed, found), *texts)
            parts.append(Cond(embeds, pooled, **told))
    return Conditioning(tuple(parts))


def _check_join(clip: Clip, join: TextJoin, model: str) -> None:
    if clip.join != join:
        raise NodeError(
            f"These text encoders were loaded for another model than {model}.",
            f"Load those of {model}, or use CLIPTextEncode.",
            "clip.kind",
        )
