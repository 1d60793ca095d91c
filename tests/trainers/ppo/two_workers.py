"""Functions that run in two workers, in processes of their own."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import torch

from trainers.ppo import PPOConfig
from trainers.ppo.distributed import Workers, torchrun_workers

CPU = torch.device("cpu")
CONFIG = PPOConfig(
    num_steps=10, num_minibatches=2, learning_rate=1e-3, actor_hidden=(8,), critic_hidden=(8,), device="cpu"
)
TOGETHER = dataclasses.replace(CONFIG, device="auto")
UPDATE = 2 * 10 * 2
"""Environment steps of one update: two workers, ten steps, two environments."""

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")

Job = Callable[[Workers, Path], Dict[str, Any]]
ROOT = Path(__file__).parents[3]


# Running a function in two workers


def run_on_two(job: Job, folder: Path) -> List[Dict[str, Any]]:
    """What the job returns in each worker; {"error": …} where it raised. On the CPU, and without torchrun: a
    server that has imported torch once starts all processes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([job.__module__])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        context.Process(target=_work, args=(job, rank, port, folder), daemon=True) for rank in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120.0)
        assert process.exitcode == 0, "a worker hangs or died"
    return [torch.load(folder / f"result_{rank}.pt", weights_only=True) for rank in range(2)]


def _work(job: Job, rank: int, port: int, folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ.update(torchrun_environment(rank, 2), MASTER_PORT=str(port), CUDA_VISIBLE_DEVICES="")
    try:
        with torchrun_workers() as workers:
            result = job(workers, folder)
    except (RuntimeError, ValueError) as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    torch.save(result, folder / f"result_{rank}.pt")


def torchrun_environment(rank: int, world_size: int) -> Dict[str, str]:
    size = str(world_size)
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": size,
        "LOCAL_WORLD_SIZE": size,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "29500",
    }


def torchrun(*arguments: str, folder: Path) -> subprocess.CompletedProcess:
    """Run a script, or with -m a module, in two workers in a folder."""
    command = [*TORCHRUN, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120.0, check=False
    )


def run_job(job: Job) -> None:
    """In a worker that torchrun started: leave what the job returns in the folder."""
    with torchrun_workers() as members:
        torch.save(job(members, Path()), f"result_{members.rank}.pt")
