"""PPO on a Gymnasium vector environment, in the shape of Stable-Baselines3."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
import time
from pathlib import Path
from typing import Any, Dict, Iterable, Optional, Sequence, Tuple, Union

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from humanoid_envs import plugins
from humanoid_envs.compilation import can_compile
from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.errors import UserError
from trainers.given_configs import Given, config_of
from trainers.ppo.actor_critic import PolicyConfig
from trainers.ppo.callbacks import Callback, TimeLimit
from trainers.ppo.captured_update import CapturedUpdate
from trainers.ppo.checkpoint import read_checkpoint, write_checkpoint
from trainers.ppo.collector import Collector
from trainers.ppo.config import PPOConfig
from trainers.ppo.devices import memory_in_use, resolve_device
from trainers.ppo.distributed import ALONE, Workers
from trainers.ppo.episode_statistics import EpisodeStatistics
from trainers.ppo.interrupted import continue_episodes, save_episodes
from trainers.ppo.learner import Learner
from trainers.ppo.loggers import Log, Logger, folder_loggers
from trainers.ppo.nan_guard import check_losses, check_rollout, dumped, explained
from trainers.ppo.networks import build_networks, rollout_for
from trainers.ppo.prediction import Array, predicted
from trainers.ppo.progress import Progress
from trainers.ppo.random_state import random_state, restore_random_state
from trainers.ppo.signature import ActionMap, EnvSignature
from trainers.ppo.stopwatch import speeds
from trainers.ppo.tensor_env import TensorEnv
from trainers.ppo.train_metrics import train_metrics
from trainers.ppo.weights import load_parameters, require_finite, require_same_networks

# Updates between comparisons of the workers' weights, which all wait for.
_COMPARE_EVERY = 20


class PPO:
    """Proximal policy optimization with an asymmetric actor-critic (see `PPOConfig` for sources).

    Trains any `gymnasium.vector.VectorEnv` with Box observations and Box or Discrete actions, on numpy or
    torch (see `TensorEnv` for the optional privileged observation). The same seed gives the same weights on
    the CPU.

    >>> ppo = PPO(gymnasium.make_vec("CartPole-v1", num_envs=64), PPOConfig(learning_rate=1e-3))
    >>> ppo.learn(200_000)
    >>> actions, _ = ppo.predict(obs)
    """

    def __init__(
        self,
        env: VectorEnv,
        config: Optional[Given[PPOConfig]] = None,
        log_dir: Optional[Union[str, Path]] = None,
        loggers: Sequence[Logger] = (),
        workers: Workers = ALONE,
        *,
        policy: Optional[PolicyConfig] = None,
    ) -> None:
        """log_dir: folder of TensorBoard events, `progress.csv`, and `nan_dump.pt` if a NaN stops training;
        None writes none. loggers: more places that `metrics` go to after every update; whoever made them
        closes them. workers: several processes train together, see `torchrun_workers`; each brings its share
        of the environments. policy: short for the config's."""
        config = config_of(PPOConfig, config)
        config = config if policy is None else dataclasses.replace(config, policy=policy)
        device = resolve_device(config.device)
        tensor_env = TensorEnv(env, device)
        self._build(tensor_env.signature, config, device, log_dir, loggers, workers)
        self._attach(tensor_env)

    def learn(
        self,
        total_timesteps: int,
        callback: Union[Callback, Iterable[Callback], None] = None,
        progress_bar: bool = True,
        reset_num_timesteps: bool = True,
    ) -> PPO:
        """Train for `total_timesteps` environment steps, rounded up to whole updates.

        callback: called with this object after every update, when `metrics` is up to date; training stops
        when one returns False. Of several workers only the first calls it, unless it has a true
        `on_all_workers`. progress_bar: shown where standard error is a terminal.
        reset_num_timesteps: count steps and updates, which decays follow, from 0, in new episodes; False goes
        on where the last training stopped. Weights, optimizer and learning rate go on in any case.
        Raises NonFiniteError (a RuntimeError) when a NaN or infinity appears.
        """
        if self._env is None:
            raise UserError("This PPO is without an environment to learn in: set_env(env) gives it one.")
        if total_timesteps < 1:
            raise UserError(f"total_timesteps must be at least 1; got {total_timesteps}.")
        callbacks = [callback] if callable(callback) else list(callback or ())
        if not self.workers.is_first:
            callbacks = [each for each in callbacks if getattr(each, "on_all_workers", False)]
        self.workers.copy_from_first(self.policy)
        if reset_num_timesteps or not self._started:
            self._start_episodes()
        if reset_num_timesteps:
            self.num_timesteps = self.num_updates = 0
        self._update.prepare()
        target = self.num_timesteps + total_timesteps
        hidden = None if progress_bar and self.workers.is_first else True
        limit = min([each.seconds for each in callbacks if isinstance(each, TimeLimit)], default=math.inf)
        bar = Progress(total_timesteps, limit, hidden)
        with self._log, contextlib.closing(bar):
            while self.num_timesteps < target:
                start = time.perf_counter()
                with dumped(self._env, self._log_dir, self.workers):
                    self._iterate()
                self.training_seconds += time.perf_counter() - start
                bar.update(self, self._timesteps_per_update)
                # Every callback runs, also when an earlier one has said stop.
                stop = False in [each(self) for each in callbacks]
                self._log.add(self.metrics, self.num_timesteps)
                if self.workers.any([stop])[0]:
                    break
        return self

    def get_env(self) -> Optional[VectorEnv]:
        """The environment that `learn` trains in, None if there is none."""
        return None if self._env is None else self._env.env

    def set_env(self, env: VectorEnv) -> None:
        """Train in another environment from now on, in new episodes; the number of environments may differ.

        Raises ValueError if its observations, actions or robot are not those of the policy.
        """
        self._connect(env, "This policy")

    def get_parameters(self) -> Dict[str, Dict[str, Any]]:
        """Copies of the state dicts of "policy" (weights) and "learner" (Adam's moments, learning rate)."""
        return copy.deepcopy({"policy": self.policy.state_dict(), "learner": self.learner.state_dict()})

    def set_parameters(
        self, parameters: Union[str, Path, Dict[str, Dict[str, Any]]], exact_match: bool = True
    ) -> None:
        """Take over what `get_parameters` returned, or the same from a checkpoint, and nothing else.

        exact_match: all of it must be there; False leaves what is missing as it is.
        Raises ValueError, before anything changes, for other names or shapes.
        """
        source = "These parameters" if isinstance(parameters, dict) else str(parameters)
        if not isinstance(parameters, dict):
            content = read_checkpoint(parameters)
            parameters = {name: content[name] for name in ("policy", "learner")}
        load_parameters(self.policy, self.learner, parameters, source, exact_match)
        if self._env is not None:
            self._update = CapturedUpdate(self.learner, self._rollout)  # another would use the old moments

    @torch.no_grad()
    def predict(
        self,
        obs: Array,
        state: Optional[Array] = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> Tuple[Any, Optional[Any]]:
        """Actions for one observation or a batch of them, and the state to give back with the next ones, as
        Stable-Baselines3's `predict`; None where the policy remembers nothing.

        obs: (*obs_shape) or (N, *obs_shape), numpy or torch; actions and state come back in the same kind,
        on the same device, actions clipped to the bounds of the action space. state: (M,) or (N, M) as it
        was returned, None at the start. episode_start: bool or (N,), which episodes begin with these
        observations and start from zeros.
        """

        def act(batch: Tensor, memory: Optional[Tensor]) -> Tuple[Tensor, Optional[Tensor]]:
            outputs, memory = self.policy.act(batch, memory)
            distribution = self.policy.distribution(outputs)
            actions = distribution.mode() if deterministic else distribution.sample(self._predict_generator)
            return self._to_env_actions(actions), memory

        size, shape = self.policy.actor_state_size, self.signature.obs_shape
        return predicted(act, obs, shape, self.device, state, episode_start, size)

    def save(self, path: Union[str, Path], environment: bool = True) -> None:
        """Write a checkpoint from which `load` continues exactly: weights, optimizer, counters, random number
        generators, config, `metadata`, and the environment's state if it offers `state_dict()`.

        environment: False leaves the environment's state out, which is most of the file where thousands of
        robots train; a run that goes on from it starts new episodes. Of several workers the first writes, and
        there are no states of environments and random numbers.

        Raises ValueError, and leaves a file of that name as it is, if the weights are not finite.
        """
        if not self.workers.is_first:
            return
        self._log.complete(self.metrics, self.num_timesteps)  # no checkpoint is ahead of the logs
        weights, alone = self.policy.state_dict(), self.workers.world_size == 1
        require_finite(weights, f"Not saved to {path}")
        env = self._env if environment and alone and self._started else None
        write_checkpoint(
            path,
            {
                "config": to_plain(self.config, PPOConfig),
                "signature": to_plain(self.signature),
                "policy": dict(weights),
                "learner": self.learner.state_dict(),
                "num_timesteps": self.num_timesteps,
                "num_updates": self.num_updates,
                "metadata": {**self.metadata, **plugins.record()},
                "random": random_state(self._generator) if alone else None,
                "environment": None
                if env is None
                else save_episodes(env, self._statistics, self._collector.state),
            },
        )

    @classmethod
    def load(
        cls,
        path: Union[str, Path],
        env: Optional[VectorEnv] = None,
        device: Optional[str] = None,
        *,
        config: Optional[Given[PPOConfig]] = None,
        log_dir: Optional[Union[str, Path]] = None,
        loggers: Sequence[Logger] = (),
        restore_env: bool = True,
        workers: Workers = ALONE,
    ) -> PPO:
        """The PPO that `save` wrote.

        env: the environment to go on training in; None can only predict. device: None takes the
        checkpoint's. config: other hyper-parameters than the checkpoint's, for the same networks;
        the adapted learning rate goes on unless `learning_rate` differs. log_dir, loggers, workers: see
        `PPO`; there may be more or fewer workers than before.
        restore_env: let `learn(…, reset_num_timesteps=False)` continue the interrupted episodes bit for bit,
        where the environment offers its state and is made as the one before was: the same task, robot,
        simulator, number of environments and fixed commands. In any other, which a warning says, and with
        False it starts new ones.
        Raises FileNotFoundError, or ValueError for a damaged file and for a checkpoint of other networks,
        other spaces or another robot.
        """
        options = {"config": config, "log_dir": log_dir, "loggers": loggers, "workers": workers}
        content = read_checkpoint(path)
        return cls.from_content(content, str(path), env, device, restore_env=restore_env, **options)

    @classmethod
    def from_content(
        cls,
        content: Dict[str, Any],
        source: str,
        env: Optional[VectorEnv] = None,
        device: Optional[str] = None,
        *,
        config: Optional[Given[PPOConfig]] = None,
        restore_env: bool = True,
        workers: Workers = ALONE,
        **outputs: Any,
    ) -> PPO:
        """The PPO of a checkpoint's content, see `load`. source: where that is from, for messages. outputs:
        `log_dir` and `loggers`."""
        with plugins.naming_missing(content["metadata"].get("plugins")):
            saved_config = from_plain(PPOConfig, content["config"], source)
        signature = from_plain(EnvSignature, content["signature"], source)
        config = config_of(PPOConfig, config, saved_config)
        require_same_networks(config, saved_config, source)
        if device is not None:
            config = dataclasses.replace(config, device=device)

        ppo = cls.__new__(cls)
        ppo._build(signature, config, resolve_device(config.device), workers=workers, **outputs)
        load_parameters(ppo.policy, ppo.learner, content, source)
        if config.learning_rate != saved_config.learning_rate:
            ppo.learner.learning_rate.fill_(config.learning_rate)
        ppo.num_timesteps = content["num_timesteps"]
        ppo.num_updates = content["num_updates"]
        ppo.metadata = content["metadata"]
        if env is not None:
            ppo._connect(env, source)
            alone = workers.world_size == 1
            assert ppo._env is not None
            if alone and restore_env and content["environment"] is not None:
                ppo._started = continue_episodes(
                    content["environment"],
                    ppo._env,
                    ppo._statistics,
                    ppo._collector.state,
                    config.seed,
                    source,
                )
            if alone and content["random"] is not None:
                restore_random_state(ppo._generator, content["random"])
            else:
                ppo._generator.manual_seed(workers.seed(config.seed + ppo.num_updates))
        return ppo

    def _build(
        self,
        signature: EnvSignature,
        config: PPOConfig,
        device: torch.device,
        log_dir: Optional[Union[str, Path]] = None,
        loggers: Sequence[Logger] = (),
        workers: Workers = ALONE,
    ) -> None:
        """Everything that does not need an environment."""
        workers.require_own_device(device)
        if device.type == "cuda":
            torch.set_float32_matmul_precision("high" if config.tf32 else "highest")
        self.config = config
        self.signature = signature
        self.device = device
        self.workers = workers
        self.num_timesteps = 0
        """Environment steps so far, over all environments of all workers."""
        self.num_updates = 0
        self.training_seconds = 0.0
        """Time that rollouts and updates of this object have taken, without callbacks."""
        self.metadata: Dict[str, Any] = {}
        """Plain values that travel in checkpoints, for whoever trains: e.g. the config of the task."""
        self.metrics: Dict[str, float] = {}
        """Scalars of the last update, by the name of their TensorBoard curve; callbacks may add some."""
        self.policy, auxiliary = build_networks(config, signature)
        self.policy.to(device)
        self._fused = device.type == "cuda" and can_compile()
        fused = self._fused and self.policy.fusible
        self.learner = Learner(self.policy, config, device, fused, workers, auxiliary)
        self._generator = torch.Generator(device).manual_seed(workers.seed(config.seed))
        # Predictions in between leave training as it is.
        self._predict_generator = torch.Generator(device).manual_seed(config.seed)
        self._to_env_actions = ActionMap(signature, device)
        self._log_dir = None if log_dir is None else Path(log_dir)
        self._log = Log([*folder_loggers(log_dir), *loggers] if workers.is_first else [])
        self._env: Optional[TensorEnv] = None
        self._started = False

    def _connect(self, env: VectorEnv, source: str) -> None:
        tensor_env = TensorEnv(env, self.device)
        self.signature.require_match(tensor_env.signature, source)
        self._attach(tensor_env)

    def _attach(self, env: TensorEnv) -> None:
        """What training in an environment needs."""
        if self.config.symmetry:
            env.signature.symmetry()  # which a wrapper may forbid
        rollout = rollout_for(env, self.policy, self.config, self._fused, self.workers)
        self._env, self._rollout = env, rollout
        self._started = False
        self._timesteps_per_update = rollout.num_samples * self.workers.world_size
        self._statistics = EpisodeStatistics(env.num_envs, self.device, self.workers)
        fused = self._fused and self.policy.fusible
        self._collector = Collector(
            self.policy, self.config, env, self._rollout, self._statistics, self._generator, fused
        )
        self._update = CapturedUpdate(self.learner, self._rollout)

    def _start_episodes(self) -> None:
        assert self._env is not None
        # Seeded once: a second training is to see other random numbers than the first.
        seed = self.workers.seed(self.config.seed + self.num_updates)
        self._env.reset(seed=None if self._started else seed)
        self._statistics.restart()
        self._collector.forget()
        self._started = True

    def _iterate(self) -> None:
        """One rollout and one update."""
        assert self._env is not None
        start = time.perf_counter()
        with explained(self._rollout, self._env, self.policy.state_dict()):
            split = self._collector.collect()
        self._log.write()  # while the device is busy with the rollout
        check_rollout(self._rollout, self._env, self.workers)
        collected = time.perf_counter()

        self.learner.schedule(self.num_updates)
        permutation = torch.randperm(self._rollout.num_items, generator=self._generator, device=self.device)
        losses = check_losses(self._update(permutation))
        if self.policy.gathers_statistics:
            seen = (self._rollout.obs.all(), self._rollout.critic_obs.all())
            self.policy.update_normalization(*seen, self.workers)
        self.num_updates += 1
        if self.num_updates % _COMPARE_EVERY == 0:
            self.workers.require_same(self.policy)
        self.num_timesteps += self._timesteps_per_update
        times = collected - start, time.perf_counter() - collected
        self.metrics = {
            **self._statistics.take(),
            **train_metrics(losses, self.learner.learning_rate, self.num_updates, self.policy.std),
            **speeds(self._timesteps_per_update, *times, split),
            **memory_in_use(self.device),
        }
