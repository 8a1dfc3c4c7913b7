"""The nodes that turn prompts into conditioning."""

from pathlib import Path

import torch

from nodes import loaders, text
from tests.nodes.diffusion.tiny_models import write_tiny
from tests.nodes.folder_context import FolderContext


def test_controls_get_a_text_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "embeddings").mkdir()
    write_tiny(tmp_path / "checkpoints" / "tiny.safetensors")
    ctx = FolderContext(tmp_path)
    clip = loaders.checkpoint_loader_simple("tiny.safetensors", ctx=ctx).clip
    own, read = (text.clip_text_encode(said, clip, ctx=ctx) for said in ("a b", "c d"))
    (made,) = text.clip_text_encode_controlnet(clip, own, "c d", ctx=ctx).parts
    assert made.embeds is own.parts[0].embeds
    told = made.extras["control_embeds"]
    assert isinstance(told, torch.Tensor)
    assert torch.equal(told, read.parts[0].embeds)
