"""The update as one CUDA graph: the GPU runs it without waiting for Python to launch a thousand kernels."""

from __future__ import annotations

from typing import Dict, Optional

import torch
from torch import Tensor

from trainers.ppo.learner import Learner
from trainers.ppo.rollout_buffer import RolloutBuffer

# Adam's moments must exist, and cuBLAS have its workspaces, before the capture.
_EAGER_UPDATES = 2


class CapturedUpdate:
    """`Learner.update` on one rollout buffer, captured on a CUDA device after a few plain updates.

    On the CPU every update is a plain one. What decays over training is kept in tensors that the graph reads.
    """

    def __init__(self, learner: Learner, rollout: RolloutBuffer) -> None:
        self._learner, self._rollout = learner, rollout
        self._on_gpu = rollout.rewards.device.type == "cuda"
        self._updates = 0
        self._permutation = torch.zeros(rollout.num_samples, dtype=torch.int64, device=rollout.rewards.device)
        self._graph: Optional[torch.cuda.CUDAGraph] = None
        self._losses: Dict[str, Tensor] = {}

    def __call__(self, permutation: Tensor) -> Dict[str, Tensor]:
        """See `Learner.update`. The returned tensors are valid until the next call."""
        self._updates += 1
        self._permutation.copy_(permutation)
        if not self._on_gpu:
            return self._learner.update(self._rollout, self._permutation)
        if self._updates <= _EAGER_UPDATES:
            return self._on_side_stream()
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._losses = self._learner.update(self._rollout, self._permutation)
            self._learner.workers.release_with_group(self._graph)
        self._graph.replay()
        return self._losses

    def _on_side_stream(self) -> Dict[str, Tensor]:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            losses = self._learner.update(self._rollout, self._permutation)
        torch.cuda.current_stream().wait_stream(side)
        return losses
