"""The models that a file is for, told by headers in the layouts in which they are published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.model_family import family_of

UNET = "model.diffusion_model."
FLUX = "double_blocks.0.img_attn.qkv.weight"


def headed(path: Path, shapes: dict[str, list[int]], **metadata: str) -> Path:
    """Write a file that has a header alone."""
    tensors = {name: {"dtype": "F16", "shape": shape} for name, shape in shapes.items()}
    header = json.dumps({"__metadata__": metadata, **tensors}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


@pytest.mark.parametrize(
    ("name", "shape", "family"),
    [
        (f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", [320, 768], "SD 1.5"),
        (f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", [320, 1024], "SD 2"),
        (f"{UNET}input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight", [640, 2048], "SDXL"),
        ("down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight", [640, 2048], "SDXL"),
        (
            f"{UNET}input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight",
            [768, 1280],
            "SDXL Refiner",
        ),
        (
            "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight",
            [8, 768],
            "SD 1.5",
        ),
        ("unet.up_blocks.0.attentions.0.attn2.to_k.lora_A.weight", [8, 2048], "SDXL"),
        (f"{UNET}{FLUX}", [9216, 3072], "Flux"),
        (FLUX, [9216, 3072], "Flux"),
        ("lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight", [8, 3072], "Flux"),
        ("transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight", [8, 3072], "Flux"),
        (f"{UNET}joint_blocks.0.x_block.attn.qkv.weight", [4608, 1536], "SD 3"),
        ("distilled_guidance_layer.in_proj.weight", [5120, 64], "Chroma"),
        ("clip_txt_pooled_mapper.weight", [8192, 1280], "Stable Cascade"),
        ("text_model.embeddings.token_embedding.weight", [49408, 768], "CLIP L"),
        ("encoder.block.0.layer.0.SelfAttention.q.weight", [4096, 4096], "T5 XXL"),
        ("emb_params", [3, 768], "SD 1.5"),
        ("something.else.weight", [3, 768], None),
    ],
)
def test_a_file_is_recognised_by_one_weight(
    tmp_path: Path, name: str, shape: list[int], family: str | None
) -> None:
    assert family_of(headed(tmp_path / "it.safetensors", {name: shape})) == family


def test_files_of_this_project_say_so_themselves(tmp_path: Path) -> None:
    own = {"weft.config": "{}"}
    path = headed(tmp_path / "mini.safetensors", {f"{UNET}attn2.to_k.weight": [64, 768]}, **own)
    assert family_of(path) == "Weft"


def test_a_file_that_is_replaced_is_looked_at_again(tmp_path: Path) -> None:
    path = headed(tmp_path / "it.safetensors", {FLUX: [9216, 3072]})
    assert family_of(path) == "Flux"
    headed(path, {"emb_params": [10, 768]})
    assert family_of(path) == "SD 1.5"


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff" * 20, b"\x20" + b"\0" * 7 + b"{"])
def test_what_cannot_be_read_is_not_recognised(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    assert family_of(path) is None
    assert family_of(tmp_path / "gone.safetensors") is None


@pytest.mark.parametrize(
    ("pipeline", "width", "family"),
    [
        ("StableDiffusionXLPipeline", 2048, "SDXL"),
        ("FluxPipeline", None, "Flux"),
        ("StableDiffusionPipeline", 1024, "SD 2"),
        ("NobodysPipeline", None, None),
    ],
)
def test_a_folder_is_recognised_by_its_pipeline(
    tmp_path: Path, pipeline: str, width: int | None, family: str | None
) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": pipeline}), "utf-8")
    if width is not None:
        (tmp_path / "unet").mkdir()
        config = json.dumps({"cross_attention_dim": width})
        (tmp_path / "unet" / "config.json").write_text(config, "utf-8")
    assert family_of(tmp_path) == family
