"""Samplers with their options: solvers to be used with SamplerCustom."""

from typing import Annotated

from nodes.api import Choice, Range, node
from nodes.diffusion.model_sampling import sigma_at
from nodes.diffusion.solvers.er_sde import SCALERS
from nodes.types import Model, Sampler

GROUP = "sampling"

Amount = Annotated[float, Range(0, 100, step=0.01)]
Moment = Annotated[float, Range(0, 1, step=0.001)]
# Noise is drawn on the CPU on every device; the choice is kept for workflows that name it.
NoiseDevice = Annotated[str, Choice(("gpu", "cpu"))]


@node("SamplerEulerAncestral", title="Euler ancestral")
def sampler_euler_ancestral(eta: Amount = 1.0, s_noise: Amount = 1.0) -> Sampler:
    """Sample each step from the posterior.

    Args:
        eta: How much noise is added: none at 0, DDPM's at 1.
        s_noise: Factor on the noise.
    """
    return Sampler("euler_ancestral", {"eta": eta, "s_noise": s_noise})


@node("SamplerEulerAncestralCFGPP", title="Euler ancestral CFG++")
def sampler_euler_ancestral_cfg_pp(
    eta: Annotated[float, Range(0, 1, step=0.01)] = 1.0,
    s_noise: Annotated[float, Range(0, 10, step=0.01)] = 1.0,
) -> Sampler:
    """Sample with CFG++, which suits guidance scales from 1 to 2.

    Args:
        eta: How much noise is added: none at 0.
        s_noise: Factor on the noise.
    """
    return Sampler("euler_ancestral_cfg_pp", {"eta": eta, "s_noise": s_noise})


@node("SamplerEulerCFGpp", title="Euler CFG++")
def sampler_euler_cfg_pp(
    version: Annotated[str, Choice(("regular", "alternative"))] = "regular",
) -> Sampler:
    """Sample with CFG++, which suits guidance scales from 1 to 2, without noise.

    Args:
        version: Go to the guided estimate and put the other one's noise back, or make an Euler step
            with twice the guidance.

    References:
        Chung et al. 2024, CFG++: Manifold-constrained Classifier Free Guidance for Diffusion
        Models, arXiv:2406.08070.
    """
    return Sampler("euler_cfg_pp", {"alternative": version == "alternative"})


@node("SamplerDPMPP_2S_Ancestral", title="DPM++ 2S ancestral")
def sampler_dpmpp_2s_ancestral(eta: Amount = 1.0, s_noise: Amount = 1.0) -> Sampler:
    """Sample with a second estimate in each step, and noise.

    Args:
        eta: How much noise is added: none at 0.
        s_noise: Factor on the noise.
    """
    return Sampler("dpmpp_2s_ancestral", {"eta": eta, "s_noise": s_noise})


@node("SamplerDPMPP_SDE", title="DPM++ SDE")
def sampler_dpmpp_sde(
    eta: Amount = 1.0,
    s_noise: Amount = 1.0,
    r: Annotated[float, Range(0.01, 100, step=0.01)] = 0.5,
    noise_device: NoiseDevice = "gpu",
) -> Sampler:
    """Sample the reverse-time equation, with a second estimate in each step.

    Args:
        eta: How much noise is added: none at 0.
        s_noise: Factor on the noise.
        r: Where in the step the second estimate is made.
        noise_device: Kept for shared workflows: noise is the same on every device.
    """
    return Sampler("dpmpp_sde", {"eta": eta, "s_noise": s_noise, "r": r})


@node("SamplerDPMPP_2M_SDE", title="DPM++ 2M SDE")
def sampler_dpmpp_2m_sde(
    solver_type: Annotated[str, Choice(("midpoint", "heun"))] = "midpoint",
    eta: Amount = 1.0,
    s_noise: Amount = 1.0,
    noise_device: NoiseDevice = "gpu",
) -> Sampler:
    """Sample the reverse-time equation, leaning forward by the last change of the estimate.

    Args:
        solver_type: Whether the estimate is taken at the middle of a step, or along it.
        eta: How much noise is added: none at 0.
        s_noise: Factor on the noise.
        noise_device: Kept for shared workflows: noise is the same on every device.
    """
    return Sampler("dpmpp_2m_sde", {"solver_type": solver_type, "eta": eta, "s_noise": s_noise})


@node("SamplerDPMPP_3M_SDE", title="DPM++ 3M SDE")
def sampler_dpmpp_3m_sde(
    eta: Amount = 1.0, s_noise: Amount = 1.0, noise_device: NoiseDevice = "gpu"
) -> Sampler:
    """Sample the reverse-time equation along the parabola through the last three estimates.

    Args:
        eta: How much noise is added: none at 0.
        s_noise: Factor on the noise.
        noise_device: Kept for shared workflows: noise is the same on every device.
    """
    return Sampler("dpmpp_3m_sde", {"eta": eta, "s_noise": s_noise})


@node("SamplerLMS", title="LMS")
def sampler_lms(order: Annotated[int, Range(1, 100)] = 4) -> Sampler:
    """Sample with the polynomial through the last slopes.

    Args:
        order: Through how many.
    """
    return Sampler("lms", {"order": order})


@node("SamplerDPMAdaptative", title="DPM adaptive")
def sampler_dpm_adaptive(
    order: Annotated[int, Range(2, 3)] = 3,
    rtol: Amount = 0.05,
    atol: Amount = 0.0078,
    h_init: Annotated[float, Range(0.001, 100, step=0.01)] = 0.05,
    pcoeff: Amount = 0.0,
    icoeff: Amount = 1.0,
    dcoeff: Amount = 0.0,
    accept_safety: Amount = 0.81,
    eta: Amount = 0.0,
    s_noise: Amount = 1.0,
) -> Sampler:
    """Sample with steps as long as the wanted precision allows.

    Args:
        order: Of the finer of the two solutions that are compared.
        rtol: How far they may be apart, relative to the sample.
        atol: How far they may be apart in any case.
        h_init: Length of the first step in the logarithm of the noise level.
        pcoeff: How much the next step's length follows the error.
        icoeff: How much it follows what the errors come to.
        dcoeff: How much it follows the errors' change.
        accept_safety: The least factor on the length with which a step is kept.
        eta: How much noise is added: none at 0.
        s_noise: Factor on the noise.
    """
    options = {
        "order": order,
        "rtol": rtol,
        "atol": atol,
        "h_init": h_init,
        "pcoeff": pcoeff,
        "icoeff": icoeff,
        "dcoeff": dcoeff,
        "accept_safety": accept_safety,
        "eta": eta,
        "s_noise": s_noise,
    }
    return Sampler("dpm_adaptive", options)


@node("SamplerSEEDS2", title="SEEDS-2", aliases=("exp_heun_2_x0",))
def sampler_seeds_2(
    solver_type: Annotated[str, Choice(("phi_1", "phi_2"))] = "phi_1",
    eta: Amount = 1.0,
    s_noise: Amount = 1.0,
    r: Annotated[float, Range(0.01, 1, step=0.01)] = 0.5,
) -> Sampler:
    """Sample with a second estimate in each step, and noise that is exact for the linear part.

    With phi_2 and r at 1 it is exp_heun_2_x0_sde, and exp_heun_2_x0 with eta at 0 besides.

    Args:
        solver_type: Take the estimate at the middle of a step for the whole of it, or follow the
            line through both estimates.
        eta: How much noise is added: none at 0.
        s_noise: Factor on the noise.
        r: Where in the step the second estimate is made.

    References:
        Gonzalez et al. 2023, SEEDS: Exponential SDE Solvers for Fast High-Quality Sampling from
        Diffusion Models, arXiv:2305.14267.
    """
    options: dict[str, float | int | str | bool] = {
        "solver_type": solver_type,
        "eta": eta,
        "s_noise": s_noise,
        "r": r,
    }
    return Sampler("seeds_2", options)


@node("SamplerER_SDE", title="ER SDE")
def sampler_er_sde(
    solver_type: Annotated[str, Choice(tuple(SCALERS))] = "ER-SDE",
    max_stage: Annotated[int, Range(1, 3)] = 3,
    eta: Amount = 1.0,
    s_noise: Amount = 1.0,
) -> Sampler:
    """Sample an extended reverse-time equation.

    Args:
        solver_type: How noise follows the noise level; the ODE has none.
        max_stage: How many of the last estimates are followed.
        eta: Factor on the noise of the reverse-time SDE's kind; the ODE at 0.
        s_noise: Factor on the noise.
    """
    ode = solver_type == "ODE" or (solver_type == "Reverse-time SDE" and eta == 0)
    kind = "ODE" if ode else solver_type
    return Sampler(
        "er_sde",
        {
            "solver_type": kind,
            "max_stage": max_stage,
            "eta": eta,
            "s_noise": 0 if ode else s_noise,
        },
    )


@node("SamplerSASolver", title="SA-Solver")
def sampler_sa_solver(
    model: Model,
    eta: Annotated[float, Range(0, 10, step=0.01)] = 1.0,
    sde_start_percent: Moment = 0.2,
    sde_end_percent: Moment = 0.8,
    s_noise: Amount = 1.0,
    predictor_order: Annotated[int, Range(1, 6)] = 3,
    corrector_order: Annotated[int, Range(0, 6)] = 4,
    use_pece: bool = False,
    simple_order_2: bool = False,
) -> Sampler:
    """Sample with the polynomial through the last estimates, corrected by the newest, and noise.

    Args:
        model: The model whose noise levels are used.
        eta: How much noise is added: none at 0.
        sde_start_percent: When noise begins to be added, 0 being pure noise.
        sde_end_percent: When it ceases to be added, 1 being the finished picture.
        s_noise: Factor on the noise.
        predictor_order: Through how many estimates a step is predicted.
        corrector_order: Through how many it is corrected; 0 for no correction.
        use_pece: Whether the corrected sample is estimated again: twice the evaluations.
        simple_order_2: Weigh two estimates more simply, which suits few steps.

    References:
        Xue et al. 2023, SA-Solver: Stochastic Adams Solver for Fast Sampling of Diffusion Models,
        arXiv:2309.05019.
    """
    options: dict[str, float | int | str | bool] = {
        "eta": eta,
        "s_noise": s_noise,
        "noisy_from": sigma_at(model.sampling, sde_start_percent),
        "noisy_to": sigma_at(model.sampling, sde_end_percent),
        "predictor": predictor_order,
        "corrector": corrector_order,
        "evaluate_again": use_pece,
        "simple": simple_order_2,
    }
    return Sampler("sa_solver", options)


@node("SamplerLCM", title="LCM")
def sampler_lcm(
    s_noise: Annotated[float, Range(0, 64, step=0.01)] = 1.0,
    s_noise_end: Annotated[float, Range(0, 64, step=0.01)] = 1.0,
    noise_clip_std: Annotated[float, Range(0, 10, step=0.01)] = 0.0,
) -> Sampler:
    """Sample a consistency model, with noise that may change from step to step.

    Args:
        s_noise: Factor on the noise of the first step.
        s_noise_end: Factor on that of the last step.
        noise_clip_std: How many standard deviations noise may be away from 0; 0 for any.

    References:
        Luo et al. 2023, Latent Consistency Models, arXiv:2310.04378.
    """
    options = {"s_noise": s_noise, "s_noise_end": s_noise_end, "clip": noise_clip_std}
    return Sampler("lcm", options)
