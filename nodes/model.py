"""Model: how a network's output is read, and which noise levels it knows."""

from dataclasses import replace
from typing import Annotated

from nodes.api import Choice, Range, node
from nodes.diffusion.betas import BETA_SCHEDULES, with_zero_snr
from nodes.diffusion.files.vae_shapes import PLAYGROUND_LATENTS
from nodes.diffusion.memory.precision import COMPUTE_DTYPES, model_computing_in
from nodes.diffusion.model_sampling import ModelSampling, Prediction, distilled, flux_shift
from nodes.errors import NodeError
from nodes.types import Model

GROUP = "models"

Shift = Annotated[float, Range(0, 100, step=0.01)]
Level = Annotated[float, Range(0, 1000, step=0.001)]
Pixels = Annotated[int, Range(16, 16_384, step=8)]

# The field's names.
PREDICTIONS: dict[str, Prediction] = {
    "eps": "epsilon",
    "v_prediction": "v_prediction",
    "lcm": "consistency",
    "x0": "sample",
    "img_to_img": "image",
}
# Which prediction a continuous model has, and the spread of the data it was trained on.
CONTINUOUS: dict[str, tuple[Prediction, float]] = {
    "v_prediction": ("v_prediction", 1.0),
    "edm": ("edm", 0.5),
    "edm_playground_v2.5": ("edm", 0.5),
    "eps": ("epsilon", 1.0),
}


@node("ModelSamplingDiscrete", title="Model sampling (discrete)", aliases=("v-prediction", "LCM"))
def model_sampling_discrete(
    model: Model,
    sampling: Annotated[str, Choice(tuple(PREDICTIONS))] = "eps",
    zsnr: bool = False,
) -> Model:
    """Say what a network predicts, where its file does not.

    Args:
        model: The denoiser, trained on discrete steps.
        sampling: What it predicts: the noise, the velocity, a consistency model's noise, the clean
            picture, or the clean picture from an input as it is.
        zsnr: Whether its last step was pure noise.

    References:
        Salimans and Ho 2022, arXiv:2202.00512; Luo et al. 2023, arXiv:2310.04378; Lin et al. 2023,
        arXiv:2305.08891.
    """
    levels = model.sampling.sigmas
    if zsnr:
        levels = with_zero_snr(levels)
    made = ModelSampling(PREDICTIONS[sampling], levels)
    return replace(model, sampling=distilled(made) if sampling == "lcm" else made)


@node("ModelSamplingBetas", title="Model sampling (betas)", aliases=("cosine", "sigmoid", "linear"))
def model_sampling_betas(
    model: Model,
    schedule: Annotated[str, Choice(BETA_SCHEDULES)] = "scaled_linear",
    beta_start: Annotated[float, Range(0.000001, 0.5, step=0.00001)] = 0.00085,
    beta_end: Annotated[float, Range(0.000001, 0.999, step=0.0001)] = 0.012,
    steps: Annotated[int, Range(2, 10_000)] = 1000,
    zsnr: bool = False,
) -> Model:
    """Say which noise levels a network was trained on, by the variances that each step adds.

    Args:
        model: The denoiser, trained on discrete steps.
        schedule: How the variances grow: in a line, as its square, so that the signal falls as a
            cosine, or along a sigmoid.
        beta_start: The first variance; the cosine has its own.
        beta_end: The last variance.
        steps: How many steps there are.
        zsnr: Whether the last step is pure noise.

    References:
        Ho et al. 2020, arXiv:2006.11239; Rombach et al. 2022, arXiv:2112.10752; Nichol and Dhariwal
        2021, arXiv:2102.09672; Xu et al. 2022, arXiv:2203.02923.
    """
    made = ModelSampling.from_betas(
        schedule,  # type: ignore[arg-type]
        beta_start,
        beta_end,
        steps,
        prediction=model.sampling.prediction,  # type: ignore[arg-type]
        zero_snr=zsnr,
    )
    return replace(model, sampling=made)


@node("ModelSamplingContinuousEDM", title="Model sampling (continuous EDM)")
def model_sampling_continuous_edm(
    model: Model,
    sampling: Annotated[str, Choice(tuple(CONTINUOUS))] = "v_prediction",
    sigma_max: Level = 120.0,
    sigma_min: Level = 0.002,
) -> Model:
    """Say that a network was trained on all noise levels of a range, named by their logarithm.

    Args:
        model: The denoiser.
        sampling: What it predicts: the velocity, the mix of Karras et al., the same in the latents
            of Playground 2.5, or the noise.
        sigma_max: The highest noise level.
        sigma_min: The lowest.

    References:
        Karras et al. 2022, Elucidating the Design Space of Diffusion-Based Generative Models,
        arXiv:2206.00364.
    """
    prediction, spread = CONTINUOUS[sampling]
    low, high = _range(sigma_min, sigma_max)
    made = ModelSampling.continuous(prediction, low, high, "log", spread)
    space = PLAYGROUND_LATENTS if "playground" in sampling else model.latent_format
    return replace(model, sampling=made, latent_format=space)


@node("ModelSamplingContinuousV", title="Model sampling (continuous V)")
def model_sampling_continuous_v(
    model: Model,
    sampling: Annotated[str, Choice(("v_prediction",))] = "v_prediction",
    sigma_max: Level = 500.0,
    sigma_min: Level = 0.03,
) -> Model:
    """Say that a network was trained on all noise levels of a range, named by their angle.

    Args:
        model: The denoiser.
        sampling: What it predicts: the velocity.
        sigma_max: The highest noise level.
        sigma_min: The lowest.

    References:
        Salimans and Ho 2022, Progressive Distillation for Fast Sampling of Diffusion Models,
        arXiv:2202.00512.
    """
    low, high = _range(sigma_min, sigma_max)
    return replace(model, sampling=ModelSampling.continuous("v_prediction", low, high, "angle"))


@node("ModelSamplingSD3", title="Model sampling (SD3)", aliases=("shift", "flow"))
def model_sampling_sd3(model: Model, shift: Shift = 3.0) -> Model:
    """Shift a flow model's noise levels: more spends more steps on the composition.

    Args:
        model: The denoiser, a flow model.
        shift: 1 is even; larger pictures want more.

    References:
        Esser et al. 2024, Scaling Rectified Flow Transformers for High-Resolution Image Synthesis,
        arXiv:2403.03206, 5.3.2.
    """
    return _shifted(model, shift)


@node("ModelSamplingAuraFlow", title="Model sampling (AuraFlow)", aliases=("shift", "flow"))
def model_sampling_aura_flow(model: Model, shift: Shift = 1.73) -> Model:
    """Shift a flow model's noise levels: more spends more steps on the composition.

    Args:
        model: The denoiser, a flow model such as AuraFlow, Qwen-Image or Lumina.
        shift: 1 is even; larger pictures want more.
    """
    return _shifted(model, shift)


@node("ModelSamplingFlux", title="Model sampling (Flux)", aliases=("shift", "flow"))
def model_sampling_flux(
    model: Model,
    max_shift: Shift = 1.15,
    base_shift: Annotated[float, Range(0, 100, step=0.01)] = 0.5,
    width: Pixels = 1024,
    height: Pixels = 1024,
) -> Model:
    """Shift a flow model's noise levels by the size of the picture.

    Args:
        model: The denoiser, such as Flux.
        max_shift: Logarithm of the shift for 1024 × 1024.
        base_shift: Logarithm of the shift for 256 × 256.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
    """
    return _shifted(model, flux_shift(width, height, base=base_shift, most=max_shift), 10_000)


@node("ModelSamplingStableCascade", title="Model sampling (Stable Cascade)", aliases=("shift",))
def model_sampling_stable_cascade(model: Model, shift: Shift = 2.0) -> Model:
    """Shift the noise levels of a stage of Stable Cascade: more spends more on the composition.

    Args:
        model: The denoiser, a stage of Stable Cascade.
        shift: Factor on the noise levels: stage C has 2 by itself, stage B 1.

    References:
        Hoogeboom et al. 2023, simple diffusion: End-to-end diffusion for high resolution images,
        arXiv:2301.11093, 2.1.
    """
    _check_shift(shift)
    return replace(model, sampling=ModelSampling.from_cosine(shift))


@node("ModelComputeDtype", title="Model compute dtype", aliases=("precision", "fp16", "bf16"))
def model_compute_dtype(
    model: Model, dtype: Annotated[str, Choice(tuple(COMPUTE_DTYPES))] = "default"
) -> Model:
    """Say in how many bits a model computes, however many its weights are kept in.

    Args:
        model: The denoiser.
        dtype: "default" leaves that to the device.

    Returns:
        The denoiser, whose layers convert their weights as they read them.
    """
    chosen = COMPUTE_DTYPES[dtype]
    return model if chosen is None else model_computing_in(model, chosen)


def _shifted(model: Model, shift: float, levels: int = 1000) -> Model:
    _check_shift(shift)
    return replace(model, sampling=ModelSampling.from_flow(shift, levels))


def _check_shift(shift: float) -> None:
    if shift <= 0:
        raise NodeError("A shift of 0 leaves no noise levels.", "Take 1 for even levels.")


def _range(low: float, high: float) -> tuple[float, float]:
    if not 0 < low < high:
        raise NodeError(
            f"The noise levels cannot go from {low} to {high}.",
            "sigma_min must be above 0, and sigma_max above sigma_min.",
            "sigmas.order",
        )
    return low, high
