"""Why a job is not taken."""

from __future__ import annotations

from nodes.errors import NodeError


class QueueFull(NodeError):
    """As many jobs wait as may."""

    def __init__(self, limit: int) -> None:
        """Name the bound."""
        super().__init__(
            f"{limit} jobs are waiting already, and no more are taken.",
            hint="Try again when some have run, or clear the queue.",
            code="queue.full",
        )


class KeyConflict(NodeError):
    """An idempotency key, or a job id, was used for something else before."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(
            "Another job was submitted under this key or id.",
            hint="Use a new one for each different job.",
            code="job.conflict",
        )


class Draining(NodeError):
    """The server is stopping."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(
            "The server is about to stop and takes no more jobs.",
            hint="Try again in half a minute.",
            code="server.stopping",
        )
