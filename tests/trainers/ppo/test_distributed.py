"""Two workers on the CPU, in processes of their own, against one alone."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
import torch
from torch import Tensor

from tests.trainers.ppo.counting_env import CountingEnv
from tests.trainers.ppo.two_workers import (
    CONFIG,
    CPU,
    ROOT,
    TOGETHER,
    TORCHRUN,
    UPDATE,
    run_job,
    run_on_two,
    torchrun,
    torchrun_environment,
)
from trainers.ppo import PPO, GRUPolicy, Policy
from trainers.ppo.actor_critic import ActorCritic
from trainers.ppo.distributed import ALONE, Workers, workers_of
from trainers.ppo.learner import Learner
from trainers.ppo.loggers import CSVLogger
from trainers.ppo.rollout_buffer import RolloutBuffer
from trainers.ppo.signature import EnvSignature

# An update


def part_of_update(workers: Workers, folder: Path) -> Dict[str, Any]:
    """One update on this worker's half of 8 environments; alone on all of them, the minibatches being the
    unions of the halves'."""
    config = dataclasses.replace(CONFIG, num_epochs=2, desired_kl=0.02, normalize_observations=True)
    torch.manual_seed(0)
    policy = ActorCritic(2, 1, 3, config)
    envs = torch.arange(8).chunk(workers.world_size)[workers.rank]
    rollout = make_rollout(policy, envs, workers)
    learner = Learner(policy, config, CPU, workers=workers)
    halves = [torch.randperm(6 * 4, generator=torch.Generator().manual_seed(rank)) for rank in range(2)]
    if workers.world_size == 2:
        permutation = halves[workers.rank]
    else:
        whole = [indices // 4 * 8 + indices % 4 + 4 * rank for rank, indices in enumerate(halves)]
        permutation = torch.cat([torch.cat(both) for both in zip(*(each.chunk(2) for each in whole))])
    record = learner.update(rollout, permutation)
    policy.update_normalization(rollout.obs.all(), rollout.critic_obs.all(), workers)
    workers.require_same(policy)
    masked = make_rollout(policy, envs, workers, masked=True)
    assert masked.valid is not None
    torch.manual_seed(0)
    remembering = GRUPolicy(hidden=4).build(EnvSignature.of(CountingEnv()), config)
    halves = [torch.tensor([2, 0, 3, 1]), torch.tensor([1, 3, 2, 0])]  # of environments
    whole = torch.cat([torch.cat(both) for both in zip(halves[0].chunk(2), (halves[1] + 4).chunk(2))])
    permutation = halves[workers.rank] if workers.world_size == 2 else whole
    learner = Learner(remembering, config, CPU, workers=workers)
    learner.update(make_rollout(remembering, envs, workers), permutation)
    return {
        "remembering": dict(remembering.state_dict()),
        "advantages": rollout.advantages,
        "masked_advantages": masked.advantages * masked.valid,
        "policy": dict(policy.state_dict()),
        "record": record,
    }


def make_rollout(policy: Policy, envs: Tensor, workers: Workers, masked: bool = False) -> RolloutBuffer:
    """Some of the 8 environments of a random rollout, in which they earn and see different amounts."""
    size = policy.state_size
    memory = {"sequences": size > 0, "state_size": size}
    signature = EnvSignature.of(CountingEnv())
    rollout = RolloutBuffer(6, len(envs), signature, CPU, masked, workers=workers, **memory)
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> Tensor:
        return (torch.randn(6, 8, *shape, generator=generator) + torch.arange(8).view(8, *[1] * len(shape)))[
            :, envs
        ]

    rollout.obs.frames.copy_(draw(2))
    rollout.critic_obs.frames.copy_(draw(1))
    rollout.rewards.copy_(draw())
    rollout.actor_outputs.copy_(0.1 * draw(3))
    rollout.actions.copy_(rollout.actor_outputs + 0.3 * draw(3))
    rollout.log_probs.copy_(policy.distribution(rollout.actor_outputs).log_prob(rollout.actions).detach())
    if rollout.state is not None:
        rollout.state.copy_(draw(size)[0])
        rollout.dones.copy_(draw() > 4.0)
    if rollout.valid is not None:
        rollout.valid.copy_(draw() > 2.0)  # more of them in the second half
    rollout.finish(torch.zeros(len(envs)), 0.9, 0.9, normalize=True)
    return rollout


def test_two_workers_learn_like_one(tmp_path: Path) -> None:
    one, two = part_of_update(ALONE, tmp_path), run_on_two(part_of_update, tmp_path)
    for name in ("advantages", "masked_advantages"):
        both = torch.cat([half[name] for half in two], dim=1)
        torch.testing.assert_close(both, one[name], rtol=1e-5, atol=1e-6)
    assert one["record"]["learning_rate"].unique().numel() > 1  # the KL divergence had its say
    for half in two:
        for kind, tolerance in (("record", 2e-5), ("policy", 1e-6), ("remembering", 1e-6)):
            for name, values in one[kind].items():
                torch.testing.assert_close(half[kind][name], values, rtol=tolerance, atol=1e-6, msg=name)


# A training


def train_together(workers: Workers, folder: Path) -> Dict[str, Any]:
    """Six updates, of which a callback stops the last two; then a checkpoint, and one update from another."""
    env = CountingEnv(lengths=((3, 4), (5, 10))[workers.rank], noise=1.0)
    history: List[Dict[str, float]] = []

    def callback(ppo: PPO) -> bool:
        history.append({name: x for name, x in ppo.metrics.items() if not name.startswith("speed/")})
        return ppo.num_updates < 4

    ppo = PPO(env, TOGETHER, folder / "run", workers=workers).learn(6 * UPDATE, callback)
    ppo.save(folder / "run" / "two.pt")
    workers.wait()
    resumed_env = CountingEnv(noise=1.0)
    resumed = PPO.load(folder / "one.pt", resumed_env, workers=workers)
    start = dict(resumed.policy.state_dict())
    start = {name: weight.clone() for name, weight in start.items()}
    resumed.learn(UPDATE, reset_num_timesteps=False)
    return {
        "timesteps": ppo.num_timesteps,
        "captured": ppo._update._graph is not None,
        "history": history,
        "last": {name: x for name, x in ppo.metrics.items() if not name.startswith("speed/")},
        "policy": dict(ppo.policy.state_dict()),
        "seed": env._generator.initial_seed(),
        "actions": env.actions,
        "start": start,
        "resumed_timesteps": resumed.num_timesteps,
        "resumed_policy": dict(resumed.policy.state_dict()),
        "resumed_seed": resumed_env._generator.initial_seed(),
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Tuple[Path, List[Dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("together")
    PPO(CountingEnv(noise=1.0), CONFIG).learn(2 * 20).save(folder / "one.pt")
    results = run_on_two(train_together, folder)
    assert [result.get("error") for result in results] == [None, None]
    return folder, results


def assert_same_weights(one: Dict[str, Tensor], other: Dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, weight in one.items():
        assert torch.equal(weight, other[name]), name


def test_workers_keep_the_same_weights_in_different_worlds(trained: Any) -> None:
    first, second = trained[1]
    assert_same_weights(first["policy"], second["policy"])
    assert first["seed"] == CONFIG.seed  # as alone
    assert second["seed"] != first["seed"]
    assert not torch.equal(first["actions"], second["actions"])


def test_the_first_workers_callback_stops_all(trained: Any) -> None:
    first, second = trained[1]
    assert (len(first["history"]), len(second["history"])) == (4, 0)
    assert first["timesteps"] == second["timesteps"] == 4 * UPDATE


def test_statistics_are_those_of_all_episodes(trained: Any) -> None:
    first, second = trained[1]
    metrics = first["history"][0]
    assert metrics["episode/count"] == 10 // 3 + 10 // 4 + 10 // 5 + 10 // 10
    assert metrics["episode/length"] == pytest.approx((3 * 3 + 2 * 4 + 2 * 5 + 1 * 10) / 8)
    assert first["last"] == second["last"] == first["history"][-1]


def test_there_is_one_log_and_one_checkpoint(trained: Any) -> None:
    folder = trained[0] / "run"
    names = sorted(path.name.partition(".tfevents")[0] for path in folder.iterdir())
    assert names == ["events.out", "progress.csv", "two.pt"]
    rows = CSVLogger(folder / "progress.csv")._read()
    assert [int(row["timesteps"]) for row in rows] == [UPDATE, 2 * UPDATE, 3 * UPDATE, 4 * UPDATE]


def test_one_goes_on_from_two(trained: Any) -> None:
    folder, (first, _) = trained
    env = CountingEnv(noise=1.0)
    ppo = PPO.load(folder / "run" / "two.pt", env, device="cpu")
    assert_same_weights(dict(ppo.policy.state_dict()), first["policy"])
    ppo.learn(20, reset_num_timesteps=False)
    assert (ppo.num_updates, ppo.num_timesteps) == (5, 4 * UPDATE + 20)
    assert env._generator.initial_seed() == CONFIG.seed + 4  # new episodes, with new numbers


def test_two_go_on_from_one(trained: Any) -> None:
    folder, (first, second) = trained
    saved = torch.load(folder / "one.pt", weights_only=True)
    for result in (first, second):
        assert_same_weights(result["start"], saved["policy"])
        assert result["resumed_timesteps"] == 2 * 20 + UPDATE
    assert_same_weights(first["resumed_policy"], second["resumed_policy"])
    assert first["resumed_seed"] == CONFIG.seed + 2
    assert second["resumed_seed"] != first["resumed_seed"]


def test_the_main_job_on_two_workers(tmp_path: Path) -> None:
    pytest.importorskip("mujoco.batch")
    options = "--preset cpu --engine mujoco --device cpu --num-envs 4 --ppo.num-steps 8 --total-timesteps 64"
    script = str(ROOT / "examples/train_ppo.py")
    flags = ["--no-evaluate", "--no-compiled", "--run-name", "two"]
    result = torchrun(script, *options.split(), *flags, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("4 robots on 2 workers") == 1
    assert result.stdout.count("64 steps in all") == 1
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["two"]
    ppo = PPO.load(tmp_path / "runs/two/checkpoints/last.pt")
    assert (ppo.num_updates, ppo.metadata["num_envs"]) == (2, 4)


def test_ctrl_c_to_torchrun_saves_once(tmp_path: Path) -> None:
    pytest.importorskip("mujoco.batch")
    options = "--preset cpu --engine mujoco --device cpu --num-envs 4 --ppo.num-steps 8 --run-name two"
    flags = ["--no-evaluate", "--no-compiled", "--total-timesteps", str(10**9)]
    process = subprocess.Popen(
        [*TORCHRUN, str(ROOT / "examples/train_ppo.py"), *options.split(), *flags],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    table = tmp_path / "runs/two/progress.csv"
    for _ in range(6000):
        if process.poll() is not None or (table.exists() and len(table.read_text().splitlines()) > 5):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60.0)
    assert output.count("Stopped. Go on with: ") == 1, errors
    assert output.splitlines()[-1].endswith("train_ppo.py --resume two")
    assert errors.count("Traceback") == 1  # torchrun's own, of its SignalException
    ppo = PPO.load(tmp_path / "runs/two/checkpoints/last.pt")
    steps = [int(row["timesteps"]) for row in CSVLogger(table)._read()]
    assert steps == list(range(32, ppo.num_timesteps + 1, 32))
    assert (tmp_path / "runs/two/checkpoints/policy.onnx").is_file()


# On GPUs


@pytest.mark.gpu
@pytest.mark.usefixtures("two_gpus")
def test_two_gpus_keep_the_same_weights_in_captured_updates(tmp_path: Path) -> None:
    PPO(CountingEnv(noise=1.0), CONFIG).learn(2 * 20).save(tmp_path / "one.pt")
    result = torchrun("-m", __name__, "train_together", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    first, second = (torch.load(tmp_path / f"result_{rank}.pt", map_location="cpu") for rank in range(2))
    assert first["captured"]
    assert second["captured"]
    assert_same_weights(first["policy"], second["policy"])
    assert first["timesteps"] == 4 * UPDATE


# Who they are


def test_robots_are_divided_evenly() -> None:
    workers = Workers(rank=1, world_size=4)
    assert workers.share(12, "num_envs") == 3
    for total in (10, 2):
        with pytest.raises(ValueError, match=f"num_envs={total} .* 4 workers: choose a multiple of 4"):
            workers.share(total, "num_envs")


def test_joining_needs_all_of_torchruns_variables() -> None:
    environment = torchrun_environment(1, 2)
    if not torch.cuda.is_available():
        assert workers_of(environment) == Workers(rank=1, world_size=2, local_world_size=2)
    assert workers_of({}) is workers_of(torchrun_environment(0, 1)) is ALONE
    del environment["LOCAL_RANK"]
    with pytest.raises(ValueError, match="LOCAL_RANK is not set: start several workers with torchrun"):
        workers_of(environment)


def test_anothers_gpu_is_refused() -> None:
    workers = Workers(rank=1, world_size=2, device=torch.device("cuda", 1))
    for name in ("cpu", "cuda", "cuda:1"):
        workers.require_own_device(torch.device(name))
    with pytest.raises(ValueError, match="Worker 1 has cuda:1, not cuda:0: use device 'auto'"):
        workers.require_own_device(torch.device("cuda:0"))


if __name__ == "__main__":
    run_job(globals()[sys.argv[1]])
