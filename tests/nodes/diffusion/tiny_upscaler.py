"""A diffusion upscaler with random weights, in the layout that training exports."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DModel
from safetensors.torch import save_file

SCALE = 2
UNET: dict[str, Any] = {
    "in_channels": 3 * SCALE**2 + 3,
    "out_channels": 3 * SCALE**2,
    "block_out_channels": (8, 8),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D",) * 2,
    "up_block_types": ("UpBlock2D",) * 2,
    "norm_num_groups": 4,
    "class_embed_type": "timestep",
    "add_attention": False,
}
SCHEDULER = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.02,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
}


def tiny_network() -> Any:
    torch.manual_seed(0)
    make: Any = UNet2DModel
    return make(**UNET).requires_grad_(False).eval()


def write_tiny_upscaler(path: Path, **changes: Any) -> Path:
    own = {"scale": SCALE, "detail": 8.0, "most_noise": 100}
    config = {"unet": UNET, "scheduler": SCHEDULER, "upscaler": own} | changes
    save_file(tiny_network().state_dict(), path, {"weft.config": json.dumps(config)})
    return path
