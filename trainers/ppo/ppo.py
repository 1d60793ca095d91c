"""PPO on a Gymnasium vector environment, in the shape of Stable-Baselines3."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any, Dict, Iterable, Optional, Tuple, Union

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor
from tqdm import tqdm

from humanoid_envs.compilation import can_compile
from trainers.ppo.actor_critic import ActorCritic
from trainers.ppo.callbacks import Callback
from trainers.ppo.captured_update import CapturedUpdate
from trainers.ppo.checkpoint import dataclass_from_dict, read_checkpoint, write_checkpoint
from trainers.ppo.collector import Collector
from trainers.ppo.config import PPOConfig
from trainers.ppo.episode_statistics import EpisodeStatistics
from trainers.ppo.guard import check_losses, check_rollout
from trainers.ppo.learner import Learner
from trainers.ppo.logger import Logger
from trainers.ppo.rollout_buffer import RolloutBuffer
from trainers.ppo.signature import ActionMap, EnvSignature
from trainers.ppo.tensor_env import TensorEnv

Array = Union[np.ndarray, Tensor]


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
        config: Optional[PPOConfig] = None,
        log_dir: Optional[Union[str, Path]] = None,
    ) -> None:
        """log_dir: folder of the TensorBoard events; None writes none."""
        config = PPOConfig() if config is None else config
        device = _resolve_device(config.device)
        tensor_env = TensorEnv(env, device)
        self._build(tensor_env.signature, config, device, log_dir)
        self._attach(tensor_env)

    def learn(
        self,
        total_timesteps: int,
        callback: Union[Callback, Iterable[Callback], None] = None,
        progress_bar: bool = True,
    ) -> PPO:
        """Train for `total_timesteps` more environment steps, rounded up to whole updates.

        callback: called with this object after every update, after `metrics` is up to date; training stops
        when one returns False. progress_bar: shown where standard error is a terminal.
        Raises NonFiniteError (a RuntimeError) when a NaN or infinity appears.
        """
        if self._env is None:
            raise ValueError("This PPO was loaded without an environment: PPO.load(path, env) can learn.")
        if total_timesteps < 1:
            raise ValueError(f"total_timesteps must be at least 1; got {total_timesteps}.")
        callbacks = [callback] if callable(callback) else list(callback or ())
        if not self._started:
            self._env.reset(seed=self.config.seed + self.num_updates)
            self._started = True
        target = self.num_timesteps + total_timesteps
        disable = None if progress_bar else True
        with tqdm(total=total_timesteps, unit="step", unit_scale=True, disable=disable) as bar:
            while self.num_timesteps < target:
                self._iterate()
                bar.update(self._rollout.num_samples)
                if "episode/return" in self.metrics:
                    bar.set_postfix_str(f"return {self.metrics['episode/return']:.3g}", refresh=False)
                # Every callback runs, also when an earlier one has said stop.
                if False in [each(self) for each in callbacks]:
                    break
        self._logger.flush()
        return self

    @torch.no_grad()
    def predict(
        self,
        obs: Array,
        deterministic: bool = True,
        *,
        state: None = None,
        episode_start: Any = None,
    ) -> Tuple[Any, None]:
        """Actions for one observation or a batch of them, and None (no recurrent state).

        obs: (*obs_shape) or (N, *obs_shape), numpy or torch; the actions come back in the same kind, on the
        same device, clipped to the bounds of the action space. `state` and `episode_start` are ignored: they
        let Stable-Baselines3's evaluate_policy call this.
        """
        signature = self.signature
        batch = torch.as_tensor(obs, dtype=torch.float32, device=self.device)
        single = tuple(batch.shape) == signature.obs_shape
        if not single and tuple(batch.shape[1:]) != signature.obs_shape:
            raise ValueError(
                f"predict takes one observation {signature.obs_shape} or a batch (N, …) of them; "
                f"got {tuple(batch.shape)}."
            )
        distribution = self.policy.distribution(self.policy.actor(batch.reshape(-1, signature.obs_dim)))
        actions = distribution.mode() if deterministic else distribution.sample(self._predict_generator)
        actions = self._to_env_actions(actions)
        if single:
            actions = actions[0]
        return (actions.to(obs.device) if isinstance(obs, Tensor) else actions.cpu().numpy()), None

    def save(self, path: Union[str, Path], environment: bool = True) -> None:
        """Write a checkpoint from which `load` continues exactly: weights, optimizer, counters, random number
        generators, config, `metadata`, and the environment's state if it offers `state_dict()`.

        environment: False leaves the environment's state out, which is most of the file where thousands of
        robots train; a run that goes on from it starts new episodes.

        Raises ValueError, and leaves a file of that name as it is, if the weights are not finite.
        """
        weights = self.policy.state_dict()
        broken = [name for name, weight in weights.items() if not bool(weight.isfinite().all())]
        if broken:
            raise ValueError(f"Not saved to {path}: the weights {', '.join(broken)} are not finite.")
        write_checkpoint(
            path,
            {
                "config": dataclasses.asdict(self.config),
                "signature": dataclasses.asdict(self.signature),
                "policy": dict(weights),
                "learner": self.learner.state_dict(),
                "num_timesteps": self.num_timesteps,
                "num_updates": self.num_updates,
                "metadata": self.metadata,
                "random": self._random_state(),
                "environment": self._environment_state() if environment else None,
            },
        )

    @classmethod
    def load(
        cls,
        path: Union[str, Path],
        env: Optional[VectorEnv] = None,
        device: Optional[str] = None,
        *,
        config: Optional[PPOConfig] = None,
        log_dir: Optional[Union[str, Path]] = None,
        restore_env: bool = True,
    ) -> PPO:
        """The PPO that `save` wrote.

        env: the environment to go on training in; None can only predict. device: None takes the
        checkpoint's. config: other hyper-parameters than the checkpoint's, for the same networks;
        the adapted learning rate goes on unless `learning_rate` differs.
        restore_env: continue the interrupted episodes bit for bit, where the environment offers its state;
        False starts new ones, e.g. with another number of environments or on another simulator.
        Raises FileNotFoundError, or ValueError for a damaged file and for a checkpoint of other networks,
        other spaces or another robot.
        """
        content = read_checkpoint(path)
        saved_config = dataclass_from_dict(PPOConfig, content["config"], str(path))
        signature = dataclass_from_dict(EnvSignature, content["signature"], str(path))
        config = saved_config if config is None else config
        _require_same_networks(config, saved_config, str(path))
        if device is not None:
            config = dataclasses.replace(config, device=device)

        ppo = cls.__new__(cls)
        ppo._build(signature, config, _resolve_device(config.device), log_dir)
        ppo.policy.load_state_dict(content["policy"])
        ppo.learner.load_state_dict(content["learner"])
        if config.learning_rate != saved_config.learning_rate:
            ppo.learner.learning_rate.fill_(config.learning_rate)
        ppo.num_timesteps = content["num_timesteps"]
        ppo.num_updates = content["num_updates"]
        ppo.metadata = content["metadata"]
        if env is not None:
            tensor_env = TensorEnv(env, ppo.device)
            signature.require_match(tensor_env.signature, str(path))
            ppo._attach(tensor_env)
            if restore_env and content["environment"] is not None:
                ppo._restore_environment(content["environment"])
            ppo._restore_random(content["random"])
        return ppo

    def _build(
        self,
        signature: EnvSignature,
        config: PPOConfig,
        device: torch.device,
        log_dir: Optional[Union[str, Path]],
    ) -> None:
        """Everything that does not need an environment."""
        if device.type == "cuda":
            torch.set_float32_matmul_precision("high" if config.tf32 else "highest")
        self.config = config
        self.signature = signature
        self.device = device
        self.num_timesteps = 0
        """Environment steps so far, over all environments."""
        self.num_updates = 0
        self.metadata: Dict[str, Any] = {}
        """Plain values that travel in checkpoints, for whoever trains: e.g. the config of the task."""
        self.metrics: Dict[str, float] = {}
        """Scalars of the last update, by the name of their TensorBoard curve."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(config.seed)
            self.policy = ActorCritic(
                signature.obs_dim,
                signature.critic_dim,
                signature.action_dim,
                config,
                signature.discrete,
                signature.symmetry() if config.symmetry else None,
            ).to(device)
        fused = device.type == "cuda" and can_compile()
        self.learner = Learner(self.policy, config, device, fused)
        self._generator = torch.Generator(device).manual_seed(config.seed)
        self._collector = Collector(self.policy, config, self._generator, fused)
        # Predictions in between leave training as it is.
        self._predict_generator = torch.Generator(device).manual_seed(config.seed)
        self._to_env_actions = ActionMap(signature, device)
        self._logger = Logger(log_dir)
        self._env: Optional[TensorEnv] = None
        self._started = False

    def _attach(self, env: TensorEnv) -> None:
        """What training in an environment needs."""
        num_samples = self.config.num_steps * env.num_envs
        if num_samples < self.config.num_minibatches:
            raise ValueError(
                f"A rollout of {env.num_envs} environments × {self.config.num_steps} steps cannot fill "
                f"num_minibatches={self.config.num_minibatches}."
            )
        self._env = env
        self._statistics = EpisodeStatistics(env.num_envs, self.device)
        self._rollout = RolloutBuffer(
            self.config.num_steps, env.num_envs, self.signature, self.device, masked=env.has_reset_steps
        )
        self._update = CapturedUpdate(self.learner, self._rollout)

    def _iterate(self) -> None:
        """One rollout and one update."""
        assert self._env is not None
        start = time.perf_counter()
        try:
            self._collector.collect(self._env, self._rollout, self._statistics)
        finally:
            # Also when the environment raised: that it got NaN actions is explained by where they came from.
            check_rollout(self._rollout, self._env)
        collected = time.perf_counter()

        self.learner.schedule(self.num_updates)
        permutation = torch.randperm(self._rollout.num_samples, generator=self._generator, device=self.device)
        losses = check_losses(self._update(permutation))
        self.num_updates += 1
        self.num_timesteps += self._rollout.num_samples
        self._report(losses, collect_s=collected - start, learn_s=time.perf_counter() - collected)

    def _report(self, losses: Dict[str, float], collect_s: float, learn_s: float) -> None:
        samples = self._rollout.num_samples
        std = self.policy.std
        self.metrics = {
            **self._statistics.take(),
            **{f"train/{name}": value for name, value in losses.items()},
            "train/learning_rate": self.learner.learning_rate.item(),  # the last one, not the mean
            "train/updates": self.num_updates,
            "speed/collect_steps_per_s": samples / collect_s,
            "speed/steps_per_s": samples / (collect_s + learn_s),
            "speed/collect_s": collect_s,
            "speed/learn_s": learn_s,
        }
        if std is not None:
            self.metrics["train/std"] = std.mean().item()
        self._logger.write(self.metrics, self.num_timesteps)

    def _random_state(self) -> Dict[str, Any]:
        cuda = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        return {
            "device": self.device.type,
            "generator": self._generator.get_state(),
            "cpu": torch.get_rng_state(),
            "cuda": cuda,
        }

    def _restore_random(self, state: Dict[str, Any]) -> None:
        """Also torch's global generators, which the environment may use."""
        torch.set_rng_state(state["cpu"])
        if state["device"] != self.device.type:
            return  # generators of different devices have nothing in common
        self._generator.set_state(state["generator"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"], self.device)

    def _environment_state(self) -> Optional[Dict[str, Any]]:
        state = self._env.state_dict() if self._env is not None and self._started else None
        return None if state is None else {**state, "episodes": self._statistics.state_dict()}

    def _restore_environment(self, state: Dict[str, Any]) -> None:
        assert self._env is not None
        self._env.reset(seed=self.config.seed)
        self._env.load_state_dict(state)
        self._statistics.load_state_dict(state["episodes"])
        self._started = True


def _resolve_device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device {name!r} is no torch device: use auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {name!r} needs CUDA, which torch does not see here: use auto or cpu.")
    return device


def _require_same_networks(config: PPOConfig, saved: PPOConfig, source: str) -> None:
    for name in ("actor_hidden", "critic_hidden", "activation", "symmetry"):
        if getattr(config, name) != getattr(saved, name):
            raise ValueError(
                f"{source} holds other networks: its {name} is {getattr(saved, name)}, the given config's is "
                f"{getattr(config, name)}."
            )
