"""Solvers by name: from noise levels and a denoiser to a sample, step by step."""

from collections.abc import Mapping
from types import MappingProxyType

from nodes.diffusion.solvers.ancestral import (
    dpm_2_ancestral,
    dpmpp_2s_ancestral,
    euler_ancestral,
    lcm,
    res_multistep_ancestral,
)
from nodes.diffusion.solvers.deis import deis
from nodes.diffusion.solvers.dpm import dpm_adaptive, dpm_fast
from nodes.diffusion.solvers.er_sde import er_sde
from nodes.diffusion.solvers.exponential import dpmpp_2m, res_multistep
from nodes.diffusion.solvers.guided import (
    Estimate,
    dpmpp_2m_cfg_pp,
    dpmpp_2s_ancestral_cfg_pp,
    euler_ancestral_cfg_pp,
    gradient_estimation_cfg_pp,
    res_multistep_ancestral_cfg_pp,
)
from nodes.diffusion.solvers.multistep import gradient_estimation, ipndm, ipndm_v, lms
from nodes.diffusion.solvers.runge_kutta import dpm_2, euler, heun, heunpp2
from nodes.diffusion.solvers.sa import sa_solver
from nodes.diffusion.solvers.seeds import seeds_2, seeds_3
from nodes.diffusion.solvers.step import Denoise, Levels, Path, Solver, Step, Steps
from nodes.diffusion.solvers.stochastic import dpmpp_2m_sde, dpmpp_3m_sde, dpmpp_sde
from nodes.diffusion.solvers.unipc import uni_pc

_DPMPP_SDE = Solver(dpmpp_sde, "brownian")
_DPMPP_2M_SDE = Solver(dpmpp_2m_sde, "brownian")
_DPMPP_2M_SDE_HEUN = Solver(dpmpp_2m_sde, "brownian", {"solver_type": "heun"})
_DPMPP_3M_SDE = Solver(dpmpp_3m_sde, "brownian")
_EXPONENTIAL_HEUN: Mapping[str, float | str] = {"solver_type": "phi_2", "r": 1.0}
# The paper's choice of where noise helps.
_SA_NOISE = (0.2, 0.8)

# The field's names, in its usual order. DDPM and DDIM are the same steps with and without noise.
# Names in _gpu say elsewhere where noise is drawn; here it is the same on every device.
SOLVERS: Mapping[str, Solver] = MappingProxyType(
    {
        "euler": Solver(euler),
        "euler_cfg_pp": Solver(euler_ancestral_cfg_pp, "steps", {"eta": 0.0}, guided=True),
        "euler_ancestral": Solver(euler_ancestral, "steps"),
        "euler_ancestral_cfg_pp": Solver(euler_ancestral_cfg_pp, "steps", guided=True),
        "heun": Solver(heun),
        "heunpp2": Solver(heunpp2),
        "exp_heun_2_x0": Solver(seeds_2, "steps", {"eta": 0.0, **_EXPONENTIAL_HEUN}),
        "exp_heun_2_x0_sde": Solver(seeds_2, "steps", _EXPONENTIAL_HEUN),
        "dpm_2": Solver(dpm_2),
        "dpm_2_ancestral": Solver(dpm_2_ancestral, "steps"),
        "lms": Solver(lms),
        "dpm_fast": Solver(dpm_fast, counted=False),
        "dpm_adaptive": Solver(dpm_adaptive, "steps", counted=False),
        "dpmpp_2s_ancestral": Solver(dpmpp_2s_ancestral, "steps"),
        "dpmpp_2s_ancestral_cfg_pp": Solver(dpmpp_2s_ancestral_cfg_pp, "steps", guided=True),
        "dpmpp_sde": _DPMPP_SDE,
        "dpmpp_sde_gpu": _DPMPP_SDE,
        "dpmpp_2m": Solver(dpmpp_2m),
        "dpmpp_2m_cfg_pp": Solver(dpmpp_2m_cfg_pp, guided=True),
        "dpmpp_2m_sde": _DPMPP_2M_SDE,
        "dpmpp_2m_sde_gpu": _DPMPP_2M_SDE,
        "dpmpp_2m_sde_heun": _DPMPP_2M_SDE_HEUN,
        "dpmpp_2m_sde_heun_gpu": _DPMPP_2M_SDE_HEUN,
        "dpmpp_3m_sde": _DPMPP_3M_SDE,
        "dpmpp_3m_sde_gpu": _DPMPP_3M_SDE,
        "ddpm": Solver(euler_ancestral, "steps"),
        "lcm": Solver(lcm, "steps"),
        "ipndm": Solver(ipndm),
        "ipndm_v": Solver(ipndm_v),
        "deis": Solver(deis),
        "res_multistep": Solver(res_multistep),
        "res_multistep_cfg_pp": Solver(
            res_multistep_ancestral_cfg_pp, "steps", {"eta": 0.0}, guided=True
        ),
        "res_multistep_ancestral": Solver(res_multistep_ancestral, "steps"),
        "res_multistep_ancestral_cfg_pp": Solver(
            res_multistep_ancestral_cfg_pp, "steps", guided=True
        ),
        "gradient_estimation": Solver(gradient_estimation),
        "gradient_estimation_cfg_pp": Solver(gradient_estimation_cfg_pp, guided=True),
        "er_sde": Solver(er_sde, "steps"),
        "seeds_2": Solver(seeds_2, "steps"),
        "seeds_3": Solver(seeds_3, "steps"),
        "sa_solver": Solver(sa_solver, "steps", noisy=_SA_NOISE),
        "sa_solver_pece": Solver(sa_solver, "steps", {"evaluate_again": True}, noisy=_SA_NOISE),
        "ddim": Solver(euler_ancestral, "steps", {"eta": 0.0}),
        "uni_pc": Solver(uni_pc),
        "uni_pc_bh2": Solver(uni_pc, options={"variant": "bh2"}),
    }
)

__all__ = ["SOLVERS", "Denoise", "Estimate", "Levels", "Path", "Solver", "Step", "Steps"]
