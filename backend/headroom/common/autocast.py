"""Arithmetic in bfloat16, where a device computes it faster than float32."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """Return a context of bfloat16 arithmetic where that is faster."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16(device))


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether a device computes bfloat16 fast: GPUs, and some CPUs (a refined frame in 0.038, not 0.068 s)."""
    return device.type == "cuda" or (device.type == "cpu" and torch.cpu._is_avx512_bf16_supported())
