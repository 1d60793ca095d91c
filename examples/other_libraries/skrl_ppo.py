"""skrl's PPO, on a GPU environment where there is one: `pip install skrl`.

    python examples/other_libraries/skrl_ppo.py                       # runs/skrl
    python examples/other_libraries/skrl_ppo.py --num-envs 128 --updates 200

No adapter: with `dict_obs=True` and torch tensors these environments look to skrl as Isaac Lab's do, and say
besides in which state an episode ended, from which `TimeOutPPO` values its time-outs.
"""

from __future__ import annotations

import argparse
from typing import Any, Dict, Tuple

import humanoid_envs  # noqa: F401  before torch; registers the ids
from trainers.command_line import concise_errors

import gymnasium
import torch
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.envs.wrappers.torch import Wrapper, wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
from skrl.resources.schedulers.torch import KLAdaptiveLR
from skrl.trainers.torch import SequentialTrainer
from skrl.utils import set_seed
from torch import Tensor, nn


class Actor(GaussianMixin, Model):
    """Sees the observation."""

    def __init__(self, env: Wrapper, hidden: Tuple[int, ...]) -> None:
        Model.__init__(self, **spaces(env))
        GaussianMixin.__init__(self)
        self.net = mlp(self.num_observations, hidden, self.num_actions)
        self.log_std = nn.Parameter(torch.zeros(self.num_actions))
        with torch.no_grad():
            list(self.net.parameters())[-2].mul_(0.1)  # starts near the default pose

    def compute(self, inputs: Dict[str, Any], role: str = "") -> Tuple[Tensor, Dict[str, Any]]:
        return self.net(inputs["observations"]), {"log_std": self.log_std}


class TimeOutPPO(PPO):
    """skrl's PPO, which values a time-out by the state in which it came, not by the next episode's first."""

    def record_transition(self, **step: Any) -> None:
        terminated, truncated, infos = step["terminated"], step["truncated"], step["infos"]
        if "final_obs" in infos:  # what is done has been reset: this is how it ended
            done, final = terminated | truncated, infos["final_obs"]
            step["next_observations"] = torch.where(done, final["policy"], step["next_observations"])
            step["next_states"] = torch.where(done, final["critic"], step["next_states"])
        # After a fall nothing more is gained, also where time ran out in the same step.
        super().record_transition(**{**step, "truncated": truncated & ~terminated})


class Critic(DeterministicMixin, Model):
    """Sees the privileged observation, which skrl calls the state."""

    def __init__(self, env: Wrapper, hidden: Tuple[int, ...]) -> None:
        Model.__init__(self, **spaces(env))
        DeterministicMixin.__init__(self)
        self.net = mlp(self.num_states, hidden, 1)

    def compute(self, inputs: Dict[str, Any], role: str = "") -> Tuple[Tensor, Dict[str, Any]]:
        return self.net(inputs["states"]), {}


def spaces(env: Wrapper) -> Dict[str, Any]:
    return {
        "observation_space": env.observation_space,
        "state_space": env.state_space,
        "action_space": env.action_space,
        "device": env.device,
    }


def mlp(inputs: int, hidden: Tuple[int, ...], outputs: int) -> nn.Sequential:
    layers = []
    for width_in, width_out in zip((inputs, *hidden), hidden):
        layers += [nn.Linear(width_in, width_out), nn.ELU()]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], outputs))


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    gpu = torch.cuda.is_available()
    parser.add_argument("--num-envs", type=int, default=4096 if gpu else 128)
    parser.add_argument("--updates", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=12 if gpu else 32, help="of each robot in an update")
    parser.add_argument("--log-dir", default="runs")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()

    set_seed(chosen.seed)
    env = wrap_env(
        gymnasium.make_vec(
            f"HumanoidXBotL-{'MuJoCoWarp' if gpu else 'MuJoCo'}-v0",
            num_envs=chosen.num_envs,
            config="fast",
            dict_obs=True,
            array="torch",
            stagger_episodes=True,
        ),
        wrapper="isaaclab-single-agent",
    )
    settings = PPO_CFG(
        rollouts=chosen.steps,
        learning_epochs=5,
        mini_batches=2,
        discount_factor=0.99,
        gae_lambda=0.95,
        learning_rate=1e-3,
        learning_rate_scheduler=KLAdaptiveLR,
        learning_rate_scheduler_kwargs={"kl_threshold": 0.01},
        grad_norm_clip=1.0,
        entropy_loss_scale=0.005,
        value_loss_scale=1.0,
        time_limit_bootstrap=True,
    )
    settings.experiment.directory, settings.experiment.experiment_name = chosen.log_dir, "skrl"
    hidden = (512, 256, 128) if gpu else (128, 64)
    agent = TimeOutPPO(
        models={"policy": Actor(env, hidden), "value": Critic(env, hidden)},
        memory=RandomMemory(memory_size=chosen.steps, num_envs=env.num_envs, device=env.device),
        cfg=settings,
        **spaces(env),
    )
    length = {"timesteps": chosen.steps * chosen.updates}
    options = {"headless": True, "close_environment_at_exit": False}
    SequentialTrainer(env=env, agents=agent, cfg={**length, **options}).train()
    agent.writer.close()
    env.close()


if __name__ == "__main__":
    main()
