"""A simulation of the stand-in, and what it has been told since its last step."""

from __future__ import annotations

from typing import Dict, List, Optional, Set, Tuple

import numpy as np

from ._records import CameraProperties, ContractError, PlaneParams, SimParams, Tensor
from ._world import World


class Env:
    def __init__(self, index: int) -> None:
        self.index = index
        self.world: Optional[World] = None


class Setting:
    """What a setter was told: a tensor, which PhysX reads in the next simulate, and of which actors."""

    def __init__(self, name: str, tensor: Tensor, indices: Optional[Tensor]) -> None:
        self.name, self._references = name, [tensor.reference]
        self._references += [] if indices is None else [indices.reference]
        self.promised = self.values()

    def values(self) -> List[np.ndarray]:
        tensors = [reference() for reference in self._references]
        if any(tensor is None for tensor in tensors):
            raise ContractError(f"{self.name}: a tensor was freed before simulate; keep a reference to it")
        return [tensor.detach().cpu().numpy().copy() for tensor in tensors]

    def checked_values(self) -> List[np.ndarray]:
        values = self.values()
        if not all(np.array_equal(*pair, equal_nan=True) for pair in zip(values, self.promised)):
            raise ContractError(f"{self.name}: the tensor was changed between the setter and simulate")
        return values


class Sim:
    def __init__(self, params: SimParams, compute_device: int, graphics_device: int) -> None:
        self.params, self.graphics_device = params, graphics_device
        self.gpu = compute_device if params.use_gpu_pipeline else None
        self.ground: Optional[PlaneParams] = None
        self.envs: List[Env] = []
        self.prepared = self.destroyed = False
        self.settings: Dict[str, Setting] = {}
        self.properties_set: Set[Tuple[str, int]] = set()
        self.tensors: Dict[str, Tensor] = {}
        self.unfetched = self.graphics_current = self.cameras_current = False
        self.cameras: List[CameraProperties] = []

    @property
    def results_awaited(self) -> bool:
        return self.gpu is None and self.unfetched

    def worlds(self) -> List[World]:
        return [env.world for env in self.envs if env.world is not None]
