"""Start the text encoder contrastively: captions and pictures find each other in a batch."""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from training.pictures import Picture, draw, pixels, training_picture
from training.precision import mixed
from training.run import SEED, Plan, Run
from training.tokens import BEGIN, END, MAX_LENGTH, encode, vocabulary

WIDTH, LAYERS, HEADS = 128, 3, 4
VISION_SIZE, PATCH = 64, 8
# CLIP's own starting temperature and its bound.
SCALE_START, SCALE_MOST = 1 / 0.07, 100.0
KINDS = ("plain", "sized", "placed", "pair", "scene")
SHARES = (0.5, 0.1, 0.15, 0.2, 0.05)


def text_config() -> CLIPTextConfig:
    """Return the text encoder's configuration."""
    vocab, _ = vocabulary()
    return CLIPTextConfig(
        vocab_size=len(vocab),
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=MAX_LENGTH,
        projection_dim=WIDTH,
        bos_token_id=vocab[BEGIN],
        eos_token_id=vocab[END],
        pad_token_id=vocab[END],
    )


class Pair(torch.nn.Module):
    """A text tower and a vision tower into one space."""

    def __init__(self) -> None:
        super().__init__()
        self.text = CLIPTextModelWithProjection(text_config())
        self.vision = CLIPVisionModelWithProjection(
            CLIPVisionConfig(
                hidden_size=WIDTH,
                intermediate_size=4 * WIDTH,
                num_hidden_layers=LAYERS,
                num_attention_heads=HEADS,
                image_size=VISION_SIZE,
                patch_size=PATCH,
                projection_dim=WIDTH,
            )
        )
        self.scale = torch.nn.Parameter(torch.tensor(float(np.log(SCALE_START))))

    def forward(self, tokens: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Return similarities (B texts, B pictures), scaled by the learned temperature.

        Args:
            tokens: ids (B, 77).
            images: (B, 3, 64, 64) in [-1, 1].
        """
        text = functional.normalize(self.text(tokens).text_embeds.float(), dim=-1)
        vision = functional.normalize(self.vision(images).image_embeds.float(), dim=-1)
        return self.scale.exp().clamp(max=SCALE_MOST) * text @ vision.T


def _batch(count: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng([SEED, 2, step])
    pictures: list[Picture] = []
    captions: set[str] = set()
    while len(pictures) < count:
        kind = KINDS[int(rng.choice(len(KINDS), p=SHARES))]
        picture = training_picture(kind, rng)
        # Two equal captions would be each other's wrong answer. Scenes are only a few.
        if picture.caption not in captions:
            captions.add(picture.caption)
            pictures.append(picture)
    images = [draw(picture).reduce(2) for picture in pictures]
    return encode([picture.caption for picture in pictures]), torch.from_numpy(
        pixels(images)
    ).float() / 127.5 - 1


def train(plan: Plan, path: Path, device: str) -> Pair:
    """Train both towers, or continue; return them."""
    torch.manual_seed(SEED)
    pair = Pair().to(device)
    optimizer = torch.optim.AdamW(pair.parameters(), lr=plan.rate, weight_decay=0.01)

    def loss_of(step: int) -> torch.Tensor:
        tokens, images = (tensor.to(device) for tensor in _batch(plan.batch, step))
        with mixed(device):
            scores = pair(tokens, images)
        answers = torch.arange(plan.batch, device=device)
        return (
            functional.cross_entropy(scores, answers) + functional.cross_entropy(scores.T, answers)
        ) / 2

    Run(path, optimizer, {"pair": pair}).train(plan, loss_of)
    return pair


def text_encoder(path: Path) -> CLIPTextModel:
    """Return the text tower of a trained pair, without its projection."""
    saved = torch.load(path, map_location="cpu", weights_only=True)["pair"]
    encoder = CLIPTextModel(text_config())
    encoder.load_state_dict(
        {
            name.removeprefix("text.text_model."): value
            for name, value in saved.items()
            if name.startswith("text.") and "projection" not in name
        }
    )
    return encoder
