"""What training computes in: bfloat16 where the hardware multiplies it, float32 elsewhere."""

import torch


def mixed(device: str) -> torch.autocast:
    """Return a context of mixed precision.

    A CPU without AVX-512 emulates bfloat16, which takes ten times as long as float32.

    Args:
        device: torch device type.
    """
    fast = device != "cpu" or torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return torch.autocast(device, torch.bfloat16, enabled=fast)
