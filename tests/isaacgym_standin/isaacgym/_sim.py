"""A simulation of the stand-in: what it has been told since its last step, and when it may be told what."""

from __future__ import annotations

from typing import Dict, List, Optional, Set, Tuple

import numpy as np

from ._ground import Ground
from ._records import CameraProperties, ContractError, SimParams, Tensor
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
        self.ground: Optional[Ground] = None
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

    @property
    def num_dofs(self) -> int:
        return sum(len(world.asset.joints) for world in self.worlds())

    # What may be called when

    def require_setup(self) -> None:
        if self.prepared:
            raise ContractError("ground, assets, envs and actors come before prepare_sim")

    def require_prepared(self) -> None:
        if not self.prepared or self.destroyed:
            raise ContractError("call prepare_sim first, and nothing after destroy_sim")

    def require_graphics(self) -> None:
        if self.graphics_device < 0:
            raise ContractError("viewer and cameras need a graphics device")

    def note_properties(self, what: str, env: Env) -> None:
        """A second call before the next simulate may be lost."""
        if (what, env.index) in self.properties_set:
            raise ContractError(f"{what} of an actor may be set once between two simulates")
        self.properties_set.add((what, env.index))

    # Tensors

    def acquire(self, name: str, values: np.ndarray) -> Tensor:
        self.require_prepared()
        tensor = Tensor(array=values.astype(np.float32))
        tensor.gpu = self.gpu
        self.tensors[name] = tensor
        return tensor

    def refresh(self, name: str, values: List[np.ndarray]) -> bool:
        self.require_prepared()
        if name not in self.tensors:
            raise ContractError("refresh: the tensor was not acquired")
        if self.results_awaited:
            raise ContractError("on the CPU fetch_results must come before a refresh")
        if set(self.settings) - {"actuation"}:
            raise ContractError("a refresh between a setter and simulate gives the old state")
        tensor = self.tensors[name]
        assert tensor.array is not None
        tensor.array[:] = np.concatenate([value.reshape(-1) for value in values]).reshape(tensor.array.shape)
        if tensor.torch is not None and tensor.gpu is not None:
            tensor.torch.copy_(tensor.torch.new_tensor(tensor.array))
        return True

    def set(self, kind: str, buffer: Tensor, shape: tuple, indices: Optional[Tensor], count: int) -> bool:
        self.require_prepared()
        if self.results_awaited:
            raise ContractError("on the CPU fetch_results must come before a setter")
        if kind in self.settings:
            raise ContractError(f"the {kind} setter may be called once between two simulates")
        setting = Setting(f"{kind} setter", buffer, indices)
        values, *rows = setting.promised
        if values.dtype != np.float32 or values.size != int(np.prod(shape)):
            raise ContractError(f"the {kind} setter takes the full buffer of all actors, {shape}, float32")
        for actors in rows:
            if actors.dtype != np.int32:
                raise ContractError(f"actor indices are int32, not {actors.dtype}")
            if actors.shape != (count,) or count == 0 or len(set(actors.tolist())) != count:
                raise ContractError(f"{count} different actor indices were announced, {actors.tolist()} came")
        self.settings[kind] = setting
        return True
