"""Nested values, as environments return them: numpy copies, comparison, and whether a space contains them."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Tuple

import numpy as np
import torch
from gymnasium import Space, spaces

SPACE_REMEDIES = {
    "structure": "return the keys and items that the space has",
    "type": "return an array where the space is a Box",
    "shape": "make the array and the space agree",
    "dtype": "make the array and the space agree",
    "finite": "find the NaN or infinity at its source",
    "bounds": "clip the values, or widen the space",
}
"""What to do about each kind of problem that `space_problems` names."""


def map_leaves(value: Any, function: Callable[[Any], Any]) -> Any:
    """The same nest of dicts, tuples, lists and object arrays, with the function applied to all else."""
    if isinstance(value, Mapping):
        return {key: map_leaves(item, function) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        mapped = [map_leaves(item, function) for item in value]
        return mapped if isinstance(value, list) else tuple(mapped)
    if isinstance(value, np.ndarray) and value.dtype == object:
        mapped = np.empty_like(value)
        for index in np.ndindex(value.shape):
            mapped[index] = map_leaves(value[index], function)
        return mapped
    return function(value)


def leaves(value: Any, path: str = "") -> Iterator[Tuple[str, Any]]:
    """Path and value of everything in the nest that is no container."""
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.dtype == object):
        items = enumerate(value.flat if isinstance(value, np.ndarray) else value)
    else:
        yield path, value
        return
    for key, item in items:
        yield from leaves(item, f"{path}[{key!r}]" if path else str(key))


def to_numpy(value: Any) -> Any:
    """A copy with every tensor or array as a numpy array."""

    def copy(leaf: Any) -> Any:
        if torch.is_tensor(leaf):
            return leaf.detach().cpu().numpy().copy()
        return np.array(leaf) if hasattr(leaf, "__array__") else leaf

    return map_leaves(value, copy)


def array_kind(leaf: Any) -> str:
    """Library and device of an array, or the type of anything else."""
    if torch.is_tensor(leaf):
        return f"torch tensor on {leaf.device}"
    return "numpy array" if isinstance(leaf, np.ndarray) else type(leaf).__name__


def equal(first: Any, second: Any, atol: float = 0.0) -> bool:
    """Whether two nests of numpy arrays have the same structure and values, NaN equal to NaN."""

    def equal_leaf(one: Any, other: Any) -> bool:
        if not isinstance(one, np.ndarray) or one.dtype.kind not in "fciub":
            return bool(np.all(one == other))
        return np.shape(other) == one.shape and np.allclose(one, other, rtol=0.0, atol=atol, equal_nan=True)

    ones, others = dict(leaves(first)), dict(leaves(second))
    return ones.keys() == others.keys() and all(equal_leaf(ones[path], others[path]) for path in ones)


def flat(value: Any) -> np.ndarray:
    """All numbers of an observation in one vector."""
    parts = [np.ravel(leaf).astype(np.float64) for _, leaf in leaves(value)]
    return np.concatenate(parts) if parts else np.zeros(0)


def space_problems(space: Space, value: Any, name: str) -> Iterator[Tuple[str, str]]:
    """What keeps `value` (as numpy) out of `space`: kind of problem, one of SPACE_REMEDIES, and words."""
    if isinstance(space, spaces.Dict):
        if not isinstance(value, Mapping) or set(value) != set(space.spaces):
            has = f"keys {sorted(map(str, value))}" if isinstance(value, Mapping) else type(value).__name__
            yield "structure", f"{name} is or has {has}, the space has keys {sorted(map(str, space.spaces))}"
            return
        for key, part in space.spaces.items():
            yield from space_problems(part, value[key], f"{name}[{key!r}]")
    elif isinstance(space, spaces.Tuple):
        if not isinstance(value, (tuple, list)) or len(value) != len(space.spaces):
            yield "structure", f"{name} is {type(value).__name__}, the space a tuple of {len(space.spaces)}"
            return
        for index, part in enumerate(space.spaces):
            yield from space_problems(part, value[index], f"{name}[{index}]")
    elif isinstance(space, spaces.Box):
        yield from _box_problems(space, value, name)
    elif value not in space:
        yield "bounds", f"{name} is {value!r}, which {space} does not contain"


def _box_problems(space: spaces.Box, value: Any, name: str) -> Iterator[Tuple[str, str]]:
    if not isinstance(value, (np.ndarray, np.generic)):
        yield "type", f"{name} is a {type(value).__name__}"
        return
    value = np.asarray(value)
    if value.dtype != space.dtype:
        yield "dtype", f"{name} has dtype {value.dtype}, the space {space.dtype}"
    if value.shape != space.shape:
        yield "shape", f"{name} has shape {value.shape}, the space {space.shape}"
        return
    for kind, wrong in (
        ("finite", ~np.isfinite(value)),
        ("bounds", (value < space.low) | (value > space.high)),
    ):
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            limits = f"the space has [{space.low[index]}, {space.high[index]}] there"
            yield kind, f"{name}{list(index)} is {value[index]} ({int(wrong.sum())} such values); {limits}"
