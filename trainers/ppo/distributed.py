"""Workers: processes that train one policy together, each on its share of the environments."""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from dataclasses import dataclass
from datetime import timedelta
from typing import Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import torch
import torch.distributed as dist
from torch import Tensor, nn

from humanoid_envs.cpu_count import available_cores
from humanoid_envs.errors import UnfitMachine, UserError

# The others wait this long, at most, while the first one evaluates or one compiles its kernels.
_TIMEOUT = timedelta(minutes=30)
_SEED_STRIDE = 1_000_003


@dataclass(frozen=True)
class Workers:
    """The workers as one of them sees them. One alone communicates with nobody.

    Every worker must make the same calls in the same order. Those on tensors do not wait for the device
    unless they say so, and may become part of a CUDA graph once they have run outside of one.
    """

    rank: int = 0
    """Number of this worker, from 0."""
    world_size: int = 1
    """How many there are."""
    local_world_size: int = 1
    """How many of them run on this machine."""
    device: Optional[torch.device] = None
    """The GPU that is this worker's own; None where all share the machine's processor, and for one alone."""

    @property
    def is_first(self) -> bool:
        """Whether this is the worker that writes files, logs, prints and calls callbacks."""
        return self.rank == 0

    def seed(self, seed: int) -> int:
        """This worker's own seed, of its environments, actions and minibatches; the first one's is `seed`."""
        return seed + _SEED_STRIDE * self.rank

    def share(self, total: int, name: str) -> int:
        """This worker's part of what is divided evenly. Raises ValueError where that leaves a remainder."""
        if self.world_size == 1:
            return total
        part, remainder = divmod(total, self.world_size)
        if remainder or part == 0:
            raise UserError(
                f"{name}={total} cannot be divided evenly among {self.world_size} workers: "
                f"choose a multiple of {self.world_size}."
            )
        return part

    def num_threads(self) -> int:
        """This worker's share of the machine's cores; 0, which stands for all, for one alone."""
        return max(available_cores() // self.local_world_size, 1) if self.world_size > 1 else 0

    def sum(self, values: Tensor) -> Tensor:
        """Sum of the workers' tensors."""
        if self.world_size == 1:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total

    def mean(self, values: Tensor) -> Tensor:
        """Mean of the workers' tensors."""
        return values if self.world_size == 1 else self.sum(values) / self.world_size

    def moments(self, mean: Tensor, var: Tensor) -> Tuple[Tensor, Tensor]:
        """Mean and (biased) variance over the samples of all workers, from those over each one's, of which
        all have as many."""
        if self.world_size == 1:
            return mean, var
        overall = self.mean(mean)
        return overall, self.mean(var + (mean - overall).square())

    def average_gradients(
        self, parameters: Iterable[nn.Parameter], scalars: Sequence[Tensor]
    ) -> Sequence[Tensor]:
        """Replace the parameters' gradients by their means over the workers. Returns the means of the scalars
        (), which travel in the same message."""
        if self.world_size == 1:
            return scalars
        learned = [parameter for parameter in parameters if parameter.grad is not None]
        tensors = [parameter.grad for parameter in learned if parameter.grad is not None]
        tensors += [scalar.detach() for scalar in scalars]
        means = self.mean(torch.cat([tensor.flatten() for tensor in tensors]))
        parts = means.split([tensor.numel() for tensor in tensors])
        for parameter, part in zip(learned, parts):
            parameter.grad = part.view_as(parameter)
        return [part.view(()) for part in parts[len(learned) :]]

    def union(self, names: Iterable[str]) -> List[str]:
        """All names that a worker has, in an order that all share. Waits for all workers."""
        if self.world_size == 1:
            return list(dict.fromkeys(names))
        everyone: List[List[str]] = [[] for _ in range(self.world_size)]
        dist.all_gather_object(everyone, list(names))
        return list(dict.fromkeys(name for each in everyone for name in each))

    def any(self, flags: Union[Sequence[bool], Tensor]) -> List[bool]:
        """Of each flag, whether a worker has it set. Waits for all workers, and for the flags' device."""
        raised = torch.as_tensor(flags).to(torch.int32)
        if self.world_size > 1:
            dist.all_reduce(raised, dist.ReduceOp.MAX)
        return raised.bool().tolist()

    def wait(self) -> None:
        """Wait until every worker has come here."""
        self.any([False])

    def copy_from_first(self, module: nn.Module) -> None:
        """Give a module the first worker's weights and buffers."""
        if self.world_size == 1:
            return
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, src=0)

    def require_same(self, module: nn.Module) -> None:
        """Raise RuntimeError, in every worker, if their weights and buffers differ, by a sum over the bits.
        Waits for the device and for all workers."""
        if self.world_size == 1:
            return
        weights = torch.cat([tensor.flatten() for tensor in module.state_dict().values()])
        checksum = weights.double().view(torch.int64).sum().cpu()
        extremes = torch.stack([checksum, ~checksum])
        dist.all_reduce(extremes, dist.ReduceOp.MAX)
        largest, smallest = extremes[0], ~extremes[1]
        if largest != smallest:
            raise UnfitMachine(
                "The workers' weights have drifted apart. Something changes them outside of training, or a "
                "machine computes wrongly: resume from the last checkpoint."
            )

    def require_own_device(self, device: torch.device) -> None:
        """Raise ValueError if tensors on this device would be on another worker's GPU."""
        if (
            self.device is not None
            and device.type == "cuda"
            and device.index not in (None, self.device.index)
        ):
            raise UserError(
                f"Worker {self.rank} has {self.device}, not {device}: use device 'auto' with several workers."
            )

    def release_with_group(self, graph: torch.cuda.CUDAGraph) -> None:
        """Have a graph that contains messages between workers freed when they part: NCCL waits for that."""
        if self.world_size > 1:
            _graphs.add(graph)


ALONE = Workers()
"""The one process of a training without torchrun."""

_graphs: weakref.WeakSet[torch.cuda.CUDAGraph] = weakref.WeakSet()


@contextlib.contextmanager
def torchrun_workers() -> Iterator[Workers]:
    """Join the workers that torchrun started, and part from them at the end; `ALONE` without torchrun.

    Enter it before anything uses CUDA: each worker gets a GPU of its own, where there are any. Messages
    between GPUs go through NCCL, others through gloo. When a worker ends with an error, torchrun ends the
    others.

    Raises ValueError if torchrun's variables are incomplete, or a machine has fewer GPUs than workers.
    """
    workers = workers_of(os.environ)
    if workers.world_size == 1:
        yield workers
        return
    if workers.device is not None:
        torch.cuda.set_device(workers.device)
    # Flags and numbers that are on the host stay there: no one waits for a GPU, nor does NCCL's watchdog.
    backend = "gloo" if workers.device is None else "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, rank=workers.rank, world_size=workers.world_size, timeout=_TIMEOUT)
    try:
        yield workers
        workers.wait()
    except BaseException:
        # To part in order would be to wait for workers that may wait for this one. Its end cuts the lines.
        _release_graphs()
        raise
    _release_graphs()
    # Gloo's threads take Python's lock to free the last message. Destroying the group waits for them, in
    # torch 2.4 with that lock held, so for ever: let them come first.
    time.sleep(0.2)
    dist.destroy_process_group()


def workers_of(environ: Mapping[str, str]) -> Workers:
    """The workers as torchrun's variables describe them. Raises as `torchrun_workers` does."""
    if environ.get("WORLD_SIZE", "1") == "1":
        return ALONE
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    missing = [name for name in names if name not in environ]
    if missing:
        raise UserError(
            f"WORLD_SIZE is {environ['WORLD_SIZE']}, but {', '.join(missing)} is not set: start several "
            "workers with torchrun, or unset WORLD_SIZE."
        )
    rank, world_size, local_rank, local_world_size = (int(environ[name]) for name in names[:4])
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if 0 < gpus < local_world_size:
        raise UserError(
            f"There are {local_world_size} workers and {gpus} GPUs: torchrun --nproc-per-node {gpus}, or "
            "CUDA_VISIBLE_DEVICES= to train on the CPU."
        )
    device = torch.device("cuda", local_rank) if gpus else None
    return Workers(rank, world_size, local_world_size, device)


def _release_graphs() -> None:
    for graph in list(_graphs):
        graph.reset()
    _graphs.clear()
