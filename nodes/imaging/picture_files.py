"""Picture files: read with their alpha and turned upright; written as PNG with their texts."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from nodes.errors import FileProblem
from nodes.imaging import png

# All frames of a file together; 8192 × 8192 pictures fit, and a file made to fill memory does not.
LARGEST_PIXELS = 80_000_000

# So many pixels of a picture are prepared for its file at a time.
_STRIPE_PIXELS = 1 << 19


def read_picture(path: Path) -> tuple[Tensor, Tensor]:
    """Read a picture file; an animated one is a batch of its frames.

    Args:
        path: PNG, JPEG, WebP, GIF, TIFF or BMP.

    Returns:
        Pixels (B, 3, H, W) and alpha (B, 1, H, W), float32 in [0, 1]; alpha is 1 where the file
        has none. The camera's rotation is applied.

    Raises:
        FileProblem: If it is no picture, damaged, or larger than LARGEST_PIXELS.
    """
    try:
        with Image.open(path) as image:
            frames = getattr(image, "n_frames", 1)
            if image.width * image.height * frames > LARGEST_PIXELS:
                raise _too_large(path)
            made = [_channels(ImageOps.exif_transpose(f)) for f in ImageSequence.Iterator(image)]
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise FileProblem(
            f"{path.name} is no picture that can be read, or is damaged.",
            "Open it in a picture editor and save it as PNG.",
            "image.read",
        ) from error
    # Some cameras put a thumbnail of another size into the same file; the first frame counts.
    same = [channels for channels in made if channels.shape == made[0].shape]
    planes = torch.stack(same)
    return planes[:, :3], planes[:, 3:]


def write_png(path: Path, pixels: Tensor, texts: Mapping[str, str], bits: int = 8) -> None:
    """Write a picture as a PNG.

    Args:
        path: Where to.
        pixels: (3|4, H, W) in [0, 1].
        texts: Text chunks to put before the pixels, by keyword.
        bits: 8 or 16 a channel.
    """
    told = PngInfo()
    for keyword, text in texts.items():
        told.add_text(keyword, text)
    chunks = [(kind, content) for kind, content, *_ in told.chunks]
    height, width = pixels.shape[-2:]
    rows = max(1, _STRIPE_PIXELS // width)
    rounded = eight_bits if bits == 8 else sixteen_bits
    stripes = (rounded(stripe) for stripe in torch.split(pixels, rows, dim=1))
    png.write(path, height, width, stripes, chunks)


def eight_bits(pixels: Tensor) -> NDArray[np.uint8]:
    """Round a picture (3|4, H, W) in [0, 1] to 8 bits, (H, W, 3|4)."""
    values = pixels.mul(255).round().clamp(0, 255).to(torch.uint8)
    return values.movedim(0, -1).contiguous().numpy()


def sixteen_bits(pixels: Tensor) -> NDArray[np.uint16]:
    """Round a picture (3|4, H, W) in [0, 1] to 16 bits, (H, W, 3|4)."""
    values = pixels.mul(65535).round().clamp(0, 65535).to(torch.uint16)
    return values.movedim(0, -1).contiguous().numpy()


def _channels(image: Image.Image) -> Tensor:
    """Give the RGBA channels (4, H, W) of a picture in any of Pillow's modes."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey = torch.from_numpy(np.array(image).astype(np.float32))
        # 16-bit greys, which Pillow's own conversion to 8 bits would clip.
        grey = (grey / 65535 if image.mode != "F" else grey).clamp(0, 1)
        return torch.stack([grey, grey, grey, torch.ones_like(grey)])
    values = np.asarray(image.convert("RGBA"), dtype=np.float32)
    return torch.from_numpy(values / 255).movedim(-1, 0)


def _too_large(path: Path) -> FileProblem:
    return FileProblem(
        f"{path.name} has more than {LARGEST_PIXELS // 1_000_000} million pixels.",
        "Make it smaller in a picture editor.",
        "image.size",
    )
