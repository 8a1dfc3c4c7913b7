"""Models written to files, under the names of the original files where the field reads those.

U-Nets, VAEs and the text encoders of Stable Diffusion 1, 2 and XL get their original names.
Transformers keep those of diffusers, and their text encoders those of transformers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.families import COSXL_MARKS, PLAYGROUND_MARKS, detect
from nodes.diffusion.files.text_keys import to_open_clip
from nodes.diffusion.files.vae_shapes import SD3_LATENTS, SDXL_LATENTS
from nodes.diffusion.memory.by_layer import factor_of, kept_values
from nodes.diffusion.memory.missing_part import MissingPart
from nodes.diffusion.network_calls import is_joint
from nodes.diffusion.text.encoding import WIDTHS, Role, towers
from nodes.errors import FileProblem, NodeError
from nodes.types import Clip, LatentFormat, Model, Vae

Weights = dict[str, Tensor]

# Where checkpoints keep text encoders, by the widths of all of them: the prefix, and whether the
# names are OpenCLIP's.
_TEXTS: Mapping[tuple[int, ...], tuple[tuple[str, bool], ...]] = {
    (768,): ((ldm_keys.TEXT_PREFIX, False),),
    (1024,): (("cond_stage_model.model.", True),),
    (1280,): (("conditioner.embedders.0.model.", True),),
    (768, 1280): (
        ("conditioner.embedders.0.transformer.text_model.", False),
        ("conditioner.embedders.1.model.", True),
    ),
}
_ROLES: Mapping[Role, str] = {"l": "clip_l", "g": "clip_g", "t5": "t5xxl"}
_WORDS_AGAIN = "encoder.embed_tokens.weight"


def denoiser_weights(model: Model) -> Weights:
    """Name a denoiser's weights as checkpoints do, whole: what is kept in 8 bits stays so.

    Raises:
        NodeError: If its family could not be told from the file.
    """
    network: Any = model.network
    own = _values(network)
    if is_joint(network):
        named = {ldm_keys.UNET_PREFIX + name: tensor for name, tensor in own.items()}
    else:
        named = ldm_keys.unet_to_ldm(own, dict(network.config)) | _marks(model)
    try:
        detect({name: tuple(tensor.shape) for name, tensor in named.items()}, {})
    except (FileProblem, LookupError) as error:
        raise NodeError(
            "This model is of a kind whose files do not tell what they hold, so that it could not "
            "be read back.",
            "Save models of Stable Diffusion, Flux or Chroma.",
            "save.family",
        ) from error
    return named


def vae_weights(vae: Vae, prefix: str) -> Weights:
    """Name a VAE's weights as original files do.

    Raises:
        NodeError: If it is no network.
    """
    network: Any = vae.network
    if not hasattr(network, "encoder"):
        raise NodeError(
            "This model works on pixels: there is no VAE to save.",
            "Leave it out.",
            "save.vae",
        )
    return ldm_keys.vae_to_ldm(_values(network), dict(network.config), prefix)


def text_weights(clip: Clip) -> Weights:
    """Name text encoders' weights as checkpoints of their models do."""
    found = towers(clip)
    widths = tuple(int(tower.network.config.hidden_size) for tower in found)
    if clip.join != "side by side" or widths not in _TEXTS:
        return {
            f"text_encoders.{name}.transformer.{weight}": tensor
            for name, weights in encoder_files(clip).items()
            for weight, tensor in weights.items()
        }
    made: Weights = {}
    for tower, (prefix, open_clip) in zip(found, _TEXTS[widths], strict=True):
        own = _values(tower.network)
        if open_clip:
            made |= to_open_clip(own | _projection(clip, tower.network), prefix)
        else:
            made |= ldm_keys.text_encoder_to_ldm(own, vars(tower.network.config), prefix)
    return made


def encoder_files(clip: Clip) -> dict[str, Weights]:
    """Name each text encoder's weights as transformers does, by what its file is called."""
    found: dict[str, Weights] = {}
    for tower in towers(clip):
        own = _values(tower.network)
        if tower.role == "t5":
            own.pop(_WORDS_AGAIN, None)
        else:
            own = {f"text_model.{n.removeprefix('text_model.')}": t for n, t in own.items()}
            own |= _projection(clip, tower.network)
        found[_ROLES[tower.role]] = own
    return found


def metadata(model: Model | None, space: LatentFormat) -> dict[str, str]:
    """Say what the names and shapes of weights do not tell."""
    told: dict[str, str] = {}
    if model is not None and model.sampling.prediction == "v_prediction":
        told["modelspec.prediction_type"] = "v"
    if space.scaling_factor == SDXL_LATENTS.scaling_factor:
        told["modelspec.architecture"] = "stable-diffusion-xl-v1-base"
    if space.scaling_factor == SD3_LATENTS.scaling_factor:
        told["modelspec.architecture"] = "stable-diffusion-v3"
    return told


def write_weights(path: Path, weights: Weights, told: Mapping[str, str]) -> None:
    """Write weights and what is said of them."""
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    save_file(kept, path, metadata=dict(told))


def _marks(model: Model) -> Weights:
    """Give the tensors by which models of continuous noise levels are told."""
    space, sampling = model.latent_format, model.sampling
    if space.means:
        both = torch.tensor([space.means, space.deviations])[:, None, :, None, None]
        return dict(zip(PLAYGROUND_MARKS, both, strict=True))
    if sampling.prediction == "v_prediction" and sampling.clock == "log":
        ends = torch.tensor([sampling.sigma_min, sampling.sigma_max])
        return dict(zip(COSXL_MARKS, ends, strict=True))
    return {}


def _values(network: nn.Module) -> Weights:
    """Give weights as they are kept; those with a factor of their own are multiplied by it.

    Raises:
        Missing: If the part was not in the file that the rest came from.
    """
    if isinstance(network, MissingPart):
        network.parameters()
    found: Weights = {}
    for name, kept in network.state_dict().items():
        path, _, kind = name.rpartition(".")
        layer = network.get_submodule(path)
        scaled = factor_of(layer, kind, kept) is not None
        value = kept_values(layer, kind) if scaled else None
        found[name] = kept if value is None else value.to(torch.bfloat16)
    return found


def _projection(clip: Clip, network: Any) -> Weights:
    """Give the projection of the encoder whose summary a model reads."""
    if clip.projection is None or network.config.hidden_size != WIDTHS["g"]:
        return {}
    return {"text_projection.weight": _values(clip.projection)["weight"]}
