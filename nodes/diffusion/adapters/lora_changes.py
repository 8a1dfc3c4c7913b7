"""What each kind of low-rank change makes of a weight.

A change is given by its parts, under the names that trainers write. Shapes are those of the weight:
(out, in) or (out, in, h, w). Of a weight W becomes, at a strength of 1 and with r for the rank,

    LoRA    W + alpha / r * (up @ down)
    LoHa    W + alpha / r * (w1_a @ w1_b) * (w2_a @ w2_b)      element by element
    LoKr    W + alpha / r * kron(w1, w2)                       w1 or w2 may be a product itself
    OFT     R W                                                R rotates blocks of rows
    DoRA    m * V / |V|                                        V is what one of the others makes
"""

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor

Parts: TypeAlias = Mapping[str, Tensor]

# Parts by which changes are known; a file's other names are no changes of a weight.
PARTS = (
    "lora_down",
    "lora_up",
    "lora_mid",
    "alpha",
    "dora_scale",
    "lora_magnitude_vector",
    "hada_w1_a",
    "hada_w1_b",
    "hada_w2_a",
    "hada_w2_b",
    "hada_t1",
    "hada_t2",
    "lokr_w1",
    "lokr_w1_a",
    "lokr_w1_b",
    "lokr_w2",
    "lokr_w2_a",
    "lokr_w2_b",
    "lokr_t2",
    "oft_blocks",
    "rescale",
    "diff",
    "diff_b",
)
# Names that some trainers give to the same parts.
SYNONYMS = {
    "lora_A": "lora_down",
    "lora_B": "lora_up",
    "lora.down": "lora_down",
    "lora.up": "lora_up",
    "lora_linear_layer.down": "lora_down",
    "lora_linear_layer.up": "lora_up",
    "w_norm": "diff",
    "b_norm": "diff_b",
}


@torch.no_grad()
def changed_weight(weight: Tensor, parts: Parts, strength: float) -> Tensor:
    """Change a weight: W + strength * (W' - W), where W' is what the parts make of it.

    Args:
        weight: Stays as it is.
        parts: Of the change, by the names in PARTS.
        strength: 0 leaves the weight, 1 is as trained.

    Returns:
        The changed weight, float32.

    Raises:
        KeyError: If parts are missing.
        RuntimeError: If the parts do not fit one another, or the weight.
    """
    weight = weight.float()
    parts = {name: tensor.to(weight.device, torch.float32) for name, tensor in parts.items()}
    if "oft_blocks" in parts:
        return weight + strength * (_rotated(weight, parts) - weight)
    change = _change(parts).reshape(weight.shape)
    if "dora_scale" in parts or "lora_magnitude_vector" in parts:
        return weight + strength * (_of_magnitude(weight + change, parts) - weight)
    return weight + strength * change


def is_whole(parts: Parts) -> bool:
    """Tell whether a change has all the parts that its kind needs, and they fit one another."""
    try:
        return "oft_blocks" in parts or _change(parts).numel() > 0
    except (KeyError, RuntimeError):
        return False


def _change(parts: Parts) -> Tensor:
    """Compute what is added to a weight."""
    if "diff" in parts:
        return parts["diff"]
    if "hada_w1_a" in parts:
        return _hadamard(parts)
    if any(name.startswith("lokr_") for name in parts):
        return _kronecker(parts)
    # Hu et al. 2021, LoRA, arXiv:2106.09685.
    down, up = parts["lora_down"], parts["lora_up"]
    if "lora_mid" in parts:
        # Tucker form of a convolution: out × rank, rank × rank × h × w, rank × in.
        change = _tucker(parts["lora_mid"], up.flatten(1).T, down.flatten(1))
    else:
        change = up.flatten(1) @ down.flatten(1)
    return change * _scale(parts, down.shape[0])


def _hadamard(parts: Parts) -> Tensor:
    """LoHa: an element-wise product. Hyeon-Woo et al. 2021, FedPara, arXiv:2108.06098."""
    halves = []
    for number in "12":
        left, right = parts[f"hada_w{number}_a"], parts[f"hada_w{number}_b"]
        core = parts.get(f"hada_t{number}")
        halves.append(left @ right if core is None else _tucker(core, left, right))
    return halves[0] * halves[1] * _scale(parts, parts["hada_w1_b"].shape[0])


def _kronecker(parts: Parts) -> Tensor:
    """LoKr: a Kronecker product. Yeh et al. 2023, LyCORIS, arXiv:2309.14859."""
    rank = None
    factors = []
    for number in "12":
        whole = parts.get(f"lokr_w{number}")
        if whole is None:
            left, right = parts[f"lokr_w{number}_a"], parts[f"lokr_w{number}_b"]
            core = parts.get(f"lokr_t{number}")
            whole = left @ right if core is None else _tucker(core, left, right)
            rank = right.shape[0]
        factors.append(whole)
    first, second = factors
    first = first.reshape(*first.shape, *[1] * (second.ndim - first.ndim))
    # Of two whole factors neither has a rank to scale by.
    return torch.kron(first, second) * (1.0 if rank is None else _scale(parts, rank))


def _tucker(core: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Compose a convolution (out, in, h, w) of a core (r, s, h, w), r × out and s × in."""
    made: Tensor = torch.einsum("rshw,ro,si->oihw", core, left, right)
    return made


def _rotated(weight: Tensor, parts: Parts) -> Tensor:
    """OFT: rotate blocks of rows. Qiu et al. 2023, arXiv:2306.07280."""
    blocks = parts["oft_blocks"]
    skew = blocks - blocks.transpose(1, 2)
    limit = float(parts.get("alpha", torch.zeros(()))) * weight.shape[0]
    if limit > 0:
        skew = skew * min(1.0, limit / (float(skew.norm()) + 1e-8))
    one = torch.eye(skew.shape[-1], device=skew.device)
    # Cayley's parameterisation of rotations.
    rotations = (one + skew) @ torch.linalg.inv(one - skew)
    rows = weight.reshape(*skew.shape[:2], -1)
    rotated: Tensor = (rotations.transpose(1, 2) @ rows).reshape(weight.shape)
    return rotated * parts["rescale"] if "rescale" in parts else rotated


def _of_magnitude(weight: Tensor, parts: Parts) -> Tensor:
    """DoRA: give the rows, or in some files the columns, of a weight their trained length.

    Liu et al. 2024, DoRA: Weight-Decomposed Low-Rank Adaptation, arXiv:2402.09353, equation 5. As
    there and in training it is divided by the length after the change; elsewhere rows, though not
    columns, are divided by that before it.
    """
    magnitude = parts.get("dora_scale")
    # LyCORIS tells rows (out, 1) from columns (1, in) by the shape; peft's are of rows always.
    columns = magnitude is not None and magnitude.ndim > 1 and len(magnitude) != len(weight)
    if magnitude is None:
        magnitude = parts["lora_magnitude_vector"]
    across = [dimension for dimension in range(weight.ndim) if dimension != int(columns)]
    length = torch.linalg.vector_norm(weight, dim=across, keepdim=True)
    scaled: Tensor = weight * (magnitude.reshape(length.shape) / length)
    return scaled


def _scale(parts: Parts, rank: int) -> float:
    alpha = parts.get("alpha")
    return 1.0 if alpha is None else float(alpha) / rank
