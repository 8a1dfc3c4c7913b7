"""One resumable training run: a cosine rate, checkpoints written whole, a log line now and then."""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

SEED = 20
CHECKPOINT_SECONDS = 60.0
LOG_SECONDS = 20.0
LARGEST_GRADIENT = 1.0
# Weight of the newest loss in the logged one.
SMOOTHING = 0.02


@dataclass(frozen=True)
class Plan:
    """How long one part trains, and at what rate.

    Attributes:
        images: pictures until the rate has fallen to nothing; the part is then done.
        batch: pictures a step.
        rate: peak learning rate.
        warm_up: steps until the peak.
        cooldown: the share of the steps, at the end, over which the rate falls; 1 for all of them.
        minutes: stop (resumable) after this much wall time, whatever was reached; None for never.
    """

    images: int
    batch: int
    rate: float
    warm_up: int = 200
    cooldown: float = 1.0
    minutes: float | None = None

    @property
    def steps(self) -> int:
        """Steps of the whole part."""
        return math.ceil(self.images / self.batch)

    def rate_factor(self, step: int) -> float:
        """Share of the peak rate at a step: linear warm-up, plateau, then half a cosine to zero."""
        warm = min(1.0, (step + 1) / self.warm_up)
        cooled = max(0.0, 1 - (1 - step / self.steps) / self.cooldown)
        return warm * 0.5 * (1 + math.cos(math.pi * min(1.0, cooled)))


def _nothing() -> None:
    pass


def _no_remark() -> str:
    return ""


@dataclass
class Run:
    """The training of some weights by one optimizer, whose state a checkpoint holds.

    Attributes:
        path: the checkpoint.
        optimizer: its groups may hold a `share` of the plan's rate.
        parts: what else has a state to keep, by name.
        step: the next step.
    """

    path: Path
    optimizer: torch.optim.Optimizer
    parts: Mapping[str, torch.nn.Module]
    step: int = 0

    def load(self) -> None:
        """Continue from the checkpoint, where there is one."""
        if not self.path.exists():
            return
        saved = torch.load(self.path, map_location="cpu", weights_only=True)
        self.optimizer.load_state_dict(saved["optimizer"])
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        self.step = saved["step"]

    def save(self) -> None:
        """Write the checkpoint; a reader sees the old one or the new one, never half of one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".part")
        states = {name: part.state_dict() for name, part in self.parts.items()}
        torch.save(
            {"step": self.step, "optimizer": self.optimizer.state_dict()} | states, unfinished
        )
        os.replace(unfinished, self.path)

    def train(
        self,
        plan: Plan,
        loss_of: Callable[[int], torch.Tensor],
        after_step: Callable[[], None] = _nothing,
        remark: Callable[[], str] = _no_remark,
    ) -> None:
        """Lower a loss until the plan is done or its minutes are over.

        Args:
            plan: how long, and at what rate.
            loss_of: the loss at a step. It may depend on nothing but the step and the weights
                (torch's generator is seeded before), so that a run in pieces is the same run.
            after_step: called when the weights have changed.
            remark: something costlier to say in a log line.
        """
        self.load()
        started = saved = logged = time.monotonic()
        first, recent, stop = self.step, None, False
        while self.step < plan.steps and not stop:
            torch.manual_seed(SEED + self.step)
            loss = self._descend(plan, loss_of)
            recent = loss if recent is None else recent + SMOOTHING * (loss - recent)
            after_step()
            self.step += 1
            now = time.monotonic()
            stop = plan.minutes is not None and now - started > 60 * plan.minutes
            if now - logged > LOG_SECONDS or stop or self.step == plan.steps:
                logged = now
                speed = (self.step - first) * plan.batch / (now - started)
                print(
                    f"{self.path.stem} {self.step * plan.batch:,}/{plan.images:,} pictures, "
                    f"{speed:.0f}/s, loss {recent:.4f} {remark()}",
                    flush=True,
                )
            if now - saved > CHECKPOINT_SECONDS:
                saved = now
                self.save()
        self.save()

    def _descend(self, plan: Plan, loss_of: Callable[[int], torch.Tensor]) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = plan.rate * plan.rate_factor(self.step) * group.get("share", 1.0)
        loss = loss_of(self.step)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        torch.nn.utils.clip_grad_norm_(weights, LARGEST_GRADIENT)
        self.optimizer.step()
        return float(loss.detach())
