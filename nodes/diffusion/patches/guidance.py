"""Shapes of guidance: each is put around a combination of estimates.

A rule takes the combination that it is put around, the estimates of one step and its options, and
gives the guided clean sample. All are on clean samples; where a paper speaks of noise or velocity,
these are `x - denoised` up to a factor of the noise level alone.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.linalg import vector_norm

from nodes.diffusion.latent_operations import operated
from nodes.diffusion.patches.patch import Combine, Estimates
from nodes.diffusion.patches.unet import low_frequencies_scaled
from nodes.types import LatentOperation

# Of all but the batch.
_ALL = (1, 2, 3)


def rescaled(combine: Combine, estimates: Estimates, *, multiplier: float) -> Tensor:
    """Bring the spread of the guided velocity back to that under the prompt, in part.

    Lin et al. 2023, Common Diffusion Noise Schedules and Sample Steps Are Flawed,
    arXiv:2305.08891, 3.4: strong guidance overexposes, since it lengthens what the network gives. A
    flow's velocity is noise minus sample; elsewhere it is taken as that of other models.
    """
    guided = combine(estimates)
    flow = estimates.sampling.prediction == "flow"
    # Velocity is a factor of the noise level times what `origin` is beyond the clean sample.
    origin = estimates.x if flow else estimates.x / (1 + estimates.sigma**2)
    wanted = (origin - estimates.cond).std(dim=_ALL, keepdim=True)
    factor = wanted / (origin - guided).std(dim=_ALL, keepdim=True)
    return torch.lerp(guided, origin - factor * (origin - guided), multiplier)


def norm_limited(combine: Combine, estimates: Estimates, *, strength: float) -> Tensor:
    """Keep the guided sample, cell by cell, no longer than that under the prompt; times `strength`.

    The norms are over channels. Wu et al. 2025, Qwen-Image, arXiv:2508.02324 (its published
    sampler): guidance of models that edit pictures tends to burn colours.
    """
    guided = combine(estimates)
    wanted = vector_norm(estimates.cond, dim=1, keepdim=True)
    factor: Tensor = (wanted / (vector_norm(guided, dim=1, keepdim=True) + 1e-8)).clamp(max=1)
    return guided * factor * strength


def noise_norm_kept(combine: Combine, estimates: Estimates, *, strength: float) -> Tensor:
    """Give the guided noise, cell by cell, the length of that under the prompt, in part.

    The norms are over channels; unlike `norm_limited` it also lengthens.
    """
    guided = combine(estimates)
    noise = estimates.x - guided
    wanted = vector_norm(estimates.x - estimates.cond, dim=1, keepdim=True)
    factor = wanted / vector_norm(noise, dim=1, keepdim=True).clamp(min=1e-12)
    kept: Tensor = estimates.x - noise * (1 + strength * (factor - 1))
    return kept


def renormed(combine: Combine, estimates: Estimates, *, below: float, most: float) -> Tensor:
    """Guide at low noise levels only, to a length of no more than `most` times the prompt's.

    Qin et al. 2025, Lumina-Image 2.0, arXiv:2503.21758, 3.4.

    Args:
        combine: What it is put around.
        estimates: Of this step.
        below: Guidance holds at noise levels below this one.
        most: Factor on the length of the sample under the prompt; 0 for any length.
    """
    if estimates.sigma >= below:
        return estimates.cond
    guided = combine(estimates)
    if most == 0:
        return guided
    longest = most * vector_norm(estimates.cond, dim=_ALL, keepdim=True)
    length = vector_norm(guided, dim=_ALL, keepdim=True).clamp(min=1e-12)
    factor: Tensor = (longest / length).clamp(max=1)
    return guided * factor


def noise_divided(combine: Combine, estimates: Estimates, *, divisor: float) -> Tensor:
    """Divide the estimated noise.

    Ning et al. 2023, Elucidating the Exposure Bias in Diffusion Models, arXiv:2308.15321: networks
    say too much noise in what they sampled themselves, since they were trained on pictures.
    """
    guided = combine(estimates)
    return estimates.x - (estimates.x - guided) / divisor


def score_rescaled(combine: Combine, estimates: Estimates, *, k: float, spread: float) -> Tensor:
    """Rescale the score, which sharpens or widens what is sampled.

    Temporal Score Rescaling, arXiv:2510.01184. With the signal-to-noise ratio snr of
    x = alpha * x0 + sigma * noise, noise is multiplied by

        (snr * spread^2 + 1) / (snr * spread^2 / k + 1),

    as that of a Gaussian of this spread is if its variance is divided by k.

    Args:
        combine: What it is put around.
        estimates: Of this step.
        k: 1 changes nothing.
        spread: The larger, the earlier it takes effect.
    """
    guided = combine(estimates)
    alpha = 1 - estimates.sigma if estimates.sampling.prediction == "flow" else 1.0
    signal = (alpha * spread / estimates.sigma) ** 2
    factor = (signal + 1) / (signal / k + 1)
    # Pure noise has no estimate but the network's own.
    if factor == 1 or alpha <= 0:
        return guided
    return (estimates.x - factor * (estimates.x - alpha * guided)) / alpha


def frequencies_scaled(
    combine: Combine, estimates: Estimates, *, low: float, high: float, cutoff: int
) -> Tensor:
    """Scale what the prompt adds by its frequencies: the lowest up to `cutoff`, and the others.

    Huang et al. 2025, FreSca: Scaling in Frequency Space Enhances Diffusion Models,
    arXiv:2504.02154.
    """
    if estimates.away == 0:
        return combine(estimates)
    added = estimates.cond - estimates.uncond
    above = low_frequencies_scaled(added, 0.0, cutoff)
    scaled = high * above + low * (added - above)
    return combine(replace(estimates, cond=estimates.uncond + scaled))


def adaptive_projected(
    combine: Combine, estimates: Estimates, *, eta: float, norm_threshold: float, momentum: float
) -> Tensor:
    """Guide across the sample more than along it, by no more than a length, and with a memory.

    Sadat et al. 2024, Eliminating Oversaturation and Artifacts of High Guidance Scales,
    arXiv:2410.02416, algorithm 1. What is along the sample under the prompt oversaturates.

    Args:
        combine: What it is put around.
        estimates: Of this step.
        eta: Factor on what is along the sample.
        norm_threshold: The greatest length of the step; 0 for any.
        momentum: The share of the steps before; less than 0 pushes away from them.
    """
    step = estimates.cond - estimates.uncond
    if momentum != 0:
        before = estimates.memory.get("step")
        step = step if before is None else step + momentum * before
        estimates.memory["step"] = step
    if norm_threshold > 0:
        length = vector_norm(step, dim=_ALL, keepdim=True)
        step = step * (norm_threshold / length.clamp(min=1e-12)).clamp(max=1)
    along = projected(step, estimates.cond)
    shaped = (step - along) + eta * along
    # As many shaped steps as the scale says on from the sample under the prompt, as everywhere in
    # the field: the paper, whose scale counts from the other sample, makes one less.
    whole = estimates.cond - estimates.uncond
    return combine(replace(estimates, cond=estimates.uncond + shaped)) + whole


def tangentially_damped(combine: Combine, estimates: Estimates) -> Tensor:
    """Lead away only along what both estimates share.

    Kwon et al. 2025, TCFG: Tangential Damping Classifier-free Guidance, arXiv:2503.18137: of the
    noise to lead away from, what lies across the main direction of both noises is left out.
    """
    noise, away = (
        (estimates.x - one).flatten(1).float() for one in (estimates.cond, estimates.uncond)
    )
    _, _, directions = torch.linalg.svd(torch.stack([noise, away], dim=1), full_matrices=False)
    main = directions[:, 0]
    damped = (away * main).sum(dim=1, keepdim=True) * main
    damped = damped.reshape(estimates.x.shape).to(estimates.x.dtype)
    return combine(replace(estimates, uncond=estimates.x - damped))


def zero_star(combine: Combine, estimates: Estimates) -> Tensor:
    """Scale what is led away from by the factor that brings its velocity nearest to the prompt's.

    Fan et al. 2025, CFG-Zero*: Improved Classifier-Free Guidance for Flow Matching Models,
    arXiv:2503.18886: s* = <v_cond, v_uncond> / |v_uncond|^2; without its zeros for the first steps.
    The paper scales the velocity; everywhere in the field it is the clean sample.
    """
    share = _share(estimates.x - estimates.cond, estimates.x - estimates.uncond)
    return combine(replace(estimates, uncond=share * estimates.uncond))


def direction_kept(combine: Combine, estimates: Estimates) -> Tensor:
    """Mix guidance with a plain enlargement of the prompt's sample, the less they agree the more.

    Known as Mahiro. Agreement is the cosine, over channels and meaned over cells, between what is
    led away from and the middle of both results, each value replaced by its root with its sign.
    """
    guided = combine(estimates)
    enlarged = estimates.cond * estimates.scale
    away = _rooted(estimates.uncond * estimates.scale)
    middle = _rooted((enlarged + guided) / 2)
    agreement = torch.nn.functional.cosine_similarity(away, middle, dim=1).mean()
    return torch.lerp(enlarged, guided, (agreement + 1) / 2)


def operation_applied(
    combine: Combine, estimates: Estimates, *, operation: LatentOperation
) -> Tensor:
    """Change what the prompt adds to the estimate that is led away from, before guidance."""
    if estimates.away == 0:
        return combine(replace(estimates, cond=operated(operation, estimates.cond)))
    added = operated(operation, estimates.cond - estimates.uncond)
    return combine(replace(estimates, cond=estimates.uncond + added))


def projected(values: Tensor, direction: Tensor) -> Tensor:
    """Give the part of `values` along `direction`, each element of the batch by itself."""
    return _share(values, direction) * direction


def _share(values: Tensor, direction: Tensor) -> Tensor:
    """Give the factor (B, 1, 1, 1) that brings `direction` nearest to `values`."""
    one, other = values.flatten(1).float(), direction.flatten(1).float()
    share = (one * other).sum(dim=1) / (other**2).sum(dim=1).clamp(min=1e-24)
    return share.to(values.dtype).reshape(-1, 1, 1, 1)


def _rooted(values: Tensor) -> Tensor:
    return values.sign() * values.abs().sqrt()
