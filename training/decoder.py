"""Go on training the decoder alone on whole pictures, while the latent space stays as it is."""

from pathlib import Path

import torch

from training.networks import Autoencoder
from training.pictures import SIZE
from training.precision import mixed
from training.run import Plan, Run
from training.vae import CHECK, build, restoration_loss, signal_to_noise, training_batch


def _start(path: Path, device: str) -> Autoencoder:
    vae = build().to(device)
    vae.load_state_dict(torch.load(path, map_location=device, weights_only=True)["vae"])
    vae.encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)
    return vae


def train(plan: Plan, start: Path, path: Path, device: str) -> Autoencoder:
    """Train the decoder, or continue; return the autoencoder.

    Args:
        plan: how long.
        start: the checkpoint of `training.vae`.
        path: this training's checkpoint.
        device: torch device name.
    """
    vae = _start(start, device)
    weights = [weight for weight in vae.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=plan.rate, betas=(0.9, 0.99))
    check = training_batch(CHECK, SIZE, 0, 0).to(device)

    def loss_of(step: int) -> torch.Tensor:
        images = training_batch(plan.batch, SIZE, 5, step).to(device)
        with mixed(device):
            with torch.no_grad():
                latents = vae.encode(images).latent_dist.mode()
            restored = vae.decode(latents).sample.float()
        return restoration_loss(restored, images)

    Run(path, optimizer, {"vae": vae}).train(
        plan, loss_of, remark=lambda: f"{signal_to_noise(vae, check):.2f} dB"
    )
    return vae
