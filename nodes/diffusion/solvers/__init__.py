"""Solvers by name: from noise levels and a denoiser to a sample, step by step."""

from collections.abc import Mapping
from types import MappingProxyType

from nodes.diffusion.solvers.ancestral import (
    dpm_2_ancestral,
    dpmpp_2s_ancestral,
    euler_ancestral,
    lcm,
)
from nodes.diffusion.solvers.deis import deis
from nodes.diffusion.solvers.exponential import dpmpp_2m, res_multistep
from nodes.diffusion.solvers.multistep import gradient_estimation, ipndm, ipndm_v, lms
from nodes.diffusion.solvers.runge_kutta import dpm_2, euler, heun, heunpp2
from nodes.diffusion.solvers.step import Denoise, Levels, Path, Solver, Step, Steps
from nodes.diffusion.solvers.stochastic import dpmpp_2m_sde, dpmpp_3m_sde, dpmpp_sde
from nodes.diffusion.solvers.unipc import uni_pc

# DDPM and DDIM are the same steps with and without noise; `ddim` takes other amounts as `eta`.
SOLVERS: Mapping[str, Solver] = MappingProxyType(
    {
        "euler": Solver(euler),
        "euler_ancestral": Solver(euler_ancestral, "steps"),
        "heun": Solver(heun),
        "heunpp2": Solver(heunpp2),
        "dpm_2": Solver(dpm_2),
        "dpm_2_ancestral": Solver(dpm_2_ancestral, "steps"),
        "lms": Solver(lms),
        "dpmpp_2s_ancestral": Solver(dpmpp_2s_ancestral, "steps"),
        "dpmpp_sde": Solver(dpmpp_sde, "brownian"),
        "dpmpp_2m": Solver(dpmpp_2m),
        "dpmpp_2m_sde": Solver(dpmpp_2m_sde, "brownian"),
        "dpmpp_2m_sde_heun": Solver(dpmpp_2m_sde, "brownian", {"solver_type": "heun"}),
        "dpmpp_3m_sde": Solver(dpmpp_3m_sde, "brownian"),
        "ddpm": Solver(euler_ancestral, "steps"),
        "lcm": Solver(lcm, "steps"),
        "ipndm": Solver(ipndm),
        "ipndm_v": Solver(ipndm_v),
        "deis": Solver(deis),
        "res_multistep": Solver(res_multistep),
        "gradient_estimation": Solver(gradient_estimation),
        "ddim": Solver(euler_ancestral, "steps", {"eta": 0.0}),
        "uni_pc": Solver(uni_pc),
        "uni_pc_bh2": Solver(uni_pc, options={"variant": "bh2"}),
    }
)

__all__ = ["SOLVERS", "Denoise", "Levels", "Path", "Solver", "Step", "Steps"]
