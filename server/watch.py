"""Numbers about the running server, for `/metrics` and `/readyz`."""

from __future__ import annotations

import asyncio
import threading
import time
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import Any

from server.queue.rows import Job

_WAITS = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0)
"""Upper bounds of the histogram of waits, in seconds."""
_LAG_EVERY = 0.25
_LAGS = 1_200
"""Five minutes of measurements of the event loop's lag."""

Labels = tuple[tuple[str, str], ...]


class Watch:
    """Counters; may be used from any thread."""

    def __init__(self) -> None:
        """Start at zero."""
        self.born = time.time()
        self._lock = threading.Lock()
        self._counts: defaultdict[tuple[str, Labels], float] = defaultdict(float)
        self._waits = [0] * (len(_WAITS) + 1)
        self._wait_sum = 0.0
        self._lags: deque[float] = deque(maxlen=_LAGS)

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter, such as `rejections` with `reason="queue.full"`."""
        with self._lock:
            self._counts[name, tuple(sorted(labels.items()))] += by

    def started(self, job: Job) -> None:
        """Note how long a job had waited."""
        waited = max(0.0, (job.started or time.time()) - job.created)
        with self._lock:
            self._waits[bisect_left(_WAITS, waited)] += 1
            self._wait_sum += waited

    def ended(self, job: Job, outcome: str) -> None:
        """Note how an attempt ended."""
        self.count("attempts", outcome=outcome)
        self.count("run_seconds", time.time() - (job.started or time.time()))

    def node(self, kind: str, data: Mapping[str, Any]) -> None:
        """Note that a node ran or was taken from what is kept."""
        cached = kind == "node.cached"
        self.count("nodes", result="cached" if cached else "run")
        if not cached:
            self.count("node_seconds", float(data.get("seconds", 0)))

    def restarted(self, cause: str) -> None:
        """Note that a worker was replaced."""
        self.count("worker_restarts", cause=cause)

    async def measure_lag(self) -> None:
        """Measure without end how late the event loop is."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LAG_EVERY
            await asyncio.sleep(_LAG_EVERY)
            self._lags.append(max(0.0, loop.time() - due))

    def lag(self) -> tuple[float, float]:
        """Return the median and the 99th percentile of the event loop's lag, in seconds."""
        lags = sorted(self._lags)
        if not lags:
            return 0.0, 0.0
        return lags[len(lags) // 2], lags[min(len(lags) - 1, len(lags) * 99 // 100)]

    def lines(self) -> Iterator[str]:
        """Yield the counters in Prometheus' text format."""
        with self._lock:
            counts = sorted(self._counts.items())
            waits, wait_sum = list(self._waits), self._wait_sum
        last = ""
        for (name, labels), value in counts:
            full = f"weft_{name}_total"
            if full != last:
                yield f"# TYPE {full} counter"
                last = full
            yield sample(full, value, **dict(labels))
        yield "# TYPE weft_wait_seconds histogram"
        total = 0
        for bound, number in zip((*map(str, _WAITS), "+Inf"), waits, strict=True):
            total += number
            yield sample("weft_wait_seconds_bucket", total, le=bound)
        yield sample("weft_wait_seconds_sum", wait_sum)
        yield sample("weft_wait_seconds_count", total)
        median, late = self.lag()
        yield "# TYPE weft_loop_lag_seconds summary"
        yield sample("weft_loop_lag_seconds", median, quantile="0.5")
        yield sample("weft_loop_lag_seconds", late, quantile="0.99")
        yield "# TYPE weft_start_time_seconds gauge"
        yield sample("weft_start_time_seconds", self.born)


def sample(name: str, value: float, **labels: str) -> str:
    """Write one line of Prometheus' text format."""
    told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{told}}} {value:.15g}" if told else f"{name} {value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
