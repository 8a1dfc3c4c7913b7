"""What is wrong with a graph or a run, in the user's words."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nodes.api.markers import did_you_mean

Severity = Literal["error", "warning"]
_ABSOLUTE = re.compile(r"(?:[A-Za-z]:\\|(?<![\w/.:])/)[^\s'\",;:|<>]*[\\/]([^\s'\",;:|<>]*)")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what happened, where, what to do.

    Attributes:
        code: A dotted name for programs.
        message: A sentence for the user.
        hint: What to do about it.
        node: The node it is on, an id of the submitted graph.
        input: The input of the node.
        severity: A warning does not stop a run.
        related: Other nodes that have to do with it, such as those of a cycle.
    """

    code: str
    message: str
    hint: str = ""
    node: str | None = None
    input: str | None = None
    severity: Severity = "error"
    related: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "node": self.node,
            "input": self.input,
            "severity": self.severity,
            "related": list(self.related),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Problem":
        """Read it back."""
        return cls(
            code=data["code"],
            message=data["message"],
            hint=data.get("hint", ""),
            node=data.get("node"),
            input=data.get("input"),
            severity=data.get("severity", "error"),
            related=tuple(data.get("related", ())),
        )


class Invalid(Exception):
    """A graph that cannot be run, with everything that is wrong with it.

    Attributes:
        code: A dotted name for programs.
        subject: What has the problems, in a sentence about all of them.
        hint: Where each problem is told to be.
    """

    code = "workflow.invalid"
    subject = "The workflow"
    hint = "Each problem names its node and input."

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(problem.message for problem in self.problems[:3]))


@dataclass
class Suggestions:
    """Finds what was probably meant, a limited number of times: each costs a look at all names."""

    left: int = 64
    found: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def near(self, word: str, known: Iterable[str]) -> str:
        """Say " Did you mean …?", or nothing."""
        if self.left <= 0:
            return ""
        names = tuple(known)[:2000]
        if (word, names) not in self.found:
            self.left -= 1
            self.found[word, names] = did_you_mean(word[:100], names)
        return self.found[word, names]


def without_paths(text: str) -> str:
    """Leave of every absolute path its last part: the rest is nobody's business."""
    return _ABSOLUTE.sub(r"\1", text)


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Keep those that stop a run."""
    return [problem for problem in problems if problem.severity == "error"]
