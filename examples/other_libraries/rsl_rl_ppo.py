"""rsl_rl's OnPolicyRunner, on a GPU environment where there is one: `pip install rsl-rl-lib`.

python examples/other_libraries/rsl_rl_ppo.py                       # runs/rsl_rl
python examples/other_libraries/rsl_rl_ppo.py --num-envs 128 --iterations 200
"""

from __future__ import annotations

import argparse
from typing import Any, Dict, List, Tuple

import humanoid_envs  # noqa: F401  before torch; registers the ids
from humanoid_envs.configs import to_plain
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.command_line import concise_errors

import gymnasium
import torch
from rsl_rl.env import VecEnv
from rsl_rl.runners import OnPolicyRunner
from tensordict import TensorDict
from torch import Tensor


class RslRlEnv(VecEnv):
    """A humanoid environment with `dict_obs=True` on torch tensors, as rsl_rl wants it: with observation
    groups "policy" and "critic". Its `stagger_episodes` lets first episodes time out at random steps, as does
    the runner's `init_at_random_ep_len`."""

    def __init__(self, env: HumanoidVectorEnv, seed: int = 0) -> None:
        self.env: Any = env
        self.num_envs, self.num_actions = env.num_envs, env.task.num_joints
        self.max_episode_length = env.config.steps(env.config.terminations.episode_length)
        self.device = env.device
        self.cfg = to_plain(env.config)
        self._observation = self._grouped(env.reset(seed=seed)[0])

    @property
    def episode_length_buf(self) -> Tensor:
        """(N,) int64: the steps by which an episode's time is up; to be set."""
        return self.env.state_dict()["memory"]["episode_step"]

    @episode_length_buf.setter
    def episode_length_buf(self, steps: Tensor) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        state = self.env.state_dict()
        memory = state["memory"]
        memory["first_step"] += steps - memory["episode_step"]  # so many steps were played as before
        memory["episode_step"] = steps
        self.env.load_state_dict(state)

    def get_observations(self) -> TensorDict:
        return self._observation

    def step(self, actions: Tensor) -> Tuple[TensorDict, Tensor, Tensor, Dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(actions)
        done = terminated | truncated
        self._observation = self._grouped(observation)
        extras: Dict[str, Any] = {"time_outs": truncated & ~terminated, "log": {}}
        if bool(done.any()):
            final = info["final_info"]
            extras["log"] = {
                **{f"/reward/{name}": value[done].mean() for name, value in final["reward_terms"].items()},
                **{
                    f"/episode/{name}": value[done].mean() for name, value in final["episode_metrics"].items()
                },
            }
        return self._observation, reward, done, extras

    def _grouped(self, observation: Dict[str, Tensor]) -> TensorDict:
        return TensorDict(observation, batch_size=[self.num_envs], device=self.device)


def config(steps: int, hidden: List[int]) -> Dict[str, Any]:
    """The runner's, with the values of `trainers.training`'s preset fast."""
    gaussian = {"class_name": "GaussianDistribution", "init_std": 0.6}
    return {
        "num_steps_per_env": steps,
        "save_interval": 100,
        "obs_groups": {"actor": ["policy"], "critic": ["critic"]},
        "actor": {
            "class_name": "MLPModel",
            "hidden_dims": hidden,
            "activation": "elu",
            "distribution_cfg": gaussian,
        },
        "critic": {"class_name": "MLPModel", "hidden_dims": hidden, "activation": "elu"},
        "algorithm": {
            "class_name": "PPO",
            "num_learning_epochs": 5,
            "num_mini_batches": 2,
            "gamma": 0.99,
            "lam": 0.95,
            "entropy_coef": 0.005,
            "learning_rate": 1e-3,
            "schedule": "adaptive",
            "desired_kl": 0.01,
        },
    }


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    gpu = torch.cuda.is_available()
    parser.add_argument("--num-envs", type=int, default=4096 if gpu else 128)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=12 if gpu else 32, help="of each robot in an iteration")
    parser.add_argument("--log-dir", default="runs/rsl_rl")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()

    torch.manual_seed(chosen.seed)
    env = gymnasium.make_vec(
        f"HumanoidXBotL-{'MuJoCoWarp' if gpu else 'MuJoCo'}-v0",
        num_envs=chosen.num_envs,
        config="fast",
        dict_obs=True,
        array="torch",
        stagger_episodes=True,
    )
    wrapped = RslRlEnv(env, chosen.seed)  # pyright: ignore[reportArgumentType]
    settings = config(chosen.steps, [512, 256, 128] if gpu else [128, 64])
    runner = OnPolicyRunner(wrapped, settings, log_dir=chosen.log_dir, device=str(wrapped.device))
    runner.learn(chosen.iterations)
    env.close()


if __name__ == "__main__":
    main()
