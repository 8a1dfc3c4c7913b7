"""The text encoders of Stable Diffusion 3 and Flux are read together as the models were trained."""

import pytest
import torch

from nodes.errors import FileProblem, NodeError
from nodes.loaders import clip_loader, dual_clip_loader, triple_clip_loader
from nodes.text import (
    clip_text_encode_flux,
    clip_text_encode_sd3,
    flux_guidance,
    t5_tokenizer_options,
)
from tests.nodes.diffusion.transformer_checkpoints import (
    PROMPT,
    close,
    encoded,
    loaded,
    sd3_text,
    t5_states,
)
from tests.nodes.folder_context import FolderContext


def test_three_files_in_any_order_are_stable_diffusion_3s_encoders(models: FolderContext) -> None:
    names = [f"{name}.safetensors" for name in ("t5", "l", "g")]
    part = encoded(triple_clip_loader(*names, ctx=models))
    embeds, pooled = sd3_text()
    assert close(part.embeds, embeds)
    assert close(part.pooled, pooled)


def test_two_files_are_fluxs_encoders(models: FolderContext) -> None:
    clip = dual_clip_loader("t5.safetensors", "l.safetensors", "flux", ctx=models)
    assert close(encoded(clip).embeds, t5_states(256))


def test_zeros_stand_for_an_encoder_that_is_missing(models: FolderContext) -> None:
    embeds, pooled = sd3_text()
    small = dual_clip_loader("l.safetensors", "t5.safetensors", "sd3", ctx=models)
    big = clip_loader("g.safetensors", "sd3", ctx=models)
    long = clip_loader("t5.safetensors", "sd3", ctx=models)
    without_g, without_l = embeds.clone(), embeds[:, :77].clone()
    without_g[:, :77, 768:], without_l[:, :, :768] = 0, 0
    zeros = torch.zeros(1, 2048)
    for clip, states, summary in (
        (small, without_g, torch.cat([pooled[:, :768], zeros[:, 768:]], dim=1)),
        (big, without_l, torch.cat([zeros[:, :768], pooled[:, 768:]], dim=1)),
        (long, embeds[:, 77:], zeros),
    ):
        part = encoded(clip)
        assert close(part.embeds, states)
        assert close(part.pooled, summary)


def test_each_encoder_may_read_a_text_of_its_own(models: FolderContext) -> None:
    clip = loaded(models, "sd3").clip
    embeds, pooled = sd3_text()
    (part,) = clip_text_encode_sd3(clip, "a red cat", "a cat", "cats").parts
    assert close(part.embeds[:, :77, :768], embeds[:, :77, :768])
    assert not close(part.embeds[:, :77, 768:], embeds[:, :77, 768:])
    assert close(part.embeds[:, 77:], t5_states(77, ("▁cat", "s")))
    assert part.pooled is not None
    assert close(part.pooled[:, :768], pooled[:, :768])


def test_an_encoder_with_an_empty_text_is_left_out(models: FolderContext) -> None:
    clip = loaded(models, "sd3").clip
    (silent,) = clip_text_encode_sd3(clip, PROMPT, PROMPT, "").parts
    assert close(silent.embeds, sd3_text()[0][:, :77])
    (asked,) = clip_text_encode_sd3(clip, PROMPT, PROMPT, "", "empty_prompt").parts
    assert close(asked.embeds[:, 77:], t5_states(77, ()))
    (alone,) = clip_text_encode_sd3(clip, "", "", PROMPT).parts
    assert close(alone.embeds, t5_states(77))
    (nothing,) = clip_text_encode_sd3(clip).parts
    assert nothing.embeds.shape == (1, 77, 4096)
    assert not nothing.embeds.any()
    assert nothing.pooled is not None
    assert not nothing.pooled.any()


def test_a_long_prompt_is_one_row_for_t5_and_several_chunks_for_clip(models: FolderContext) -> None:
    long = "cat " * 100
    flux = encoded(loaded(models, "flux").clip, "cat " * 300)
    assert flux.embeds.shape == (1, 301, 4096)
    sd3 = encoded(loaded(models, "sd3").clip, long)
    assert sd3.embeds.shape == (1, 2 * 77 + 101, 4096)


def test_weights_move_t5s_tokens_from_those_of_an_empty_prompt(models: FolderContext) -> None:
    clip = dual_clip_loader("t5.safetensors", "l.safetensors", "flux", ctx=models)
    part = encoded(clip, "a (red:1.5) cat")
    plain, empty = t5_states(256), t5_states(256, ())
    expected = plain.clone()
    expected[:, 1] = empty[:, 1] + 1.5 * (plain[:, 1] - empty[:, 1])
    assert close(part.embeds, expected)


def test_t5_may_be_filled_up_less(models: FolderContext) -> None:
    clip = dual_clip_loader("t5.safetensors", "l.safetensors", "flux", ctx=models)
    assert encoded(t5_tokenizer_options(clip)).embeds.shape[1] == 4
    assert encoded(t5_tokenizer_options(clip, 3)).embeds.shape[1] == 7
    assert encoded(t5_tokenizer_options(clip, 3, 10)).embeds.shape[1] == 10
    with pytest.raises(NodeError, match="no T5 among"):
        t5_tokenizer_options(clip_loader("l.safetensors", ctx=models))


def test_guidance_stands_beside_the_prompt(models: FolderContext) -> None:
    clip = loaded(models, "flux").clip
    conditioning = clip_text_encode_flux(clip, PROMPT, "cats", 2.0)
    (part,) = conditioning.parts
    assert part.extras["guidance"] == 2.0
    assert close(part.embeds, t5_states(256, ("▁cat", "s")))
    assert flux_guidance(conditioning, 5.0).parts[0].extras["guidance"] == 5.0


def test_encoders_of_another_model_are_refused(models: FolderContext) -> None:
    with pytest.raises(NodeError, match="another model than Flux"):
        clip_text_encode_flux(loaded(models, "sd3").clip)
    with pytest.raises(NodeError, match="another model than Stable Diffusion 3"):
        clip_text_encode_sd3(loaded(models, "flux").clip)
    with pytest.raises(FileProblem, match="width 768 and 1280") as caught:
        dual_clip_loader("l.safetensors", "g.safetensors", "flux", ctx=models)
    assert caught.value.hint == "Choose CLIP L and T5 XXL."
