"""The trainer's networks as a policy of Stable-Baselines3."""

from __future__ import annotations

import math
from typing import Any, Dict, Optional, Tuple, Union

import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import DiagGaussianDistribution, Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor, nn

from humanoid_envs.errors import UserError, WrongType
from trainers.given_configs import Given, config_of
from trainers.ppo import Policy, PolicyConfig, PPOConfig
from trainers.ppo.actor_critic import ActorCritic
from trainers.sb3.vec_env import HumanoidVecEnv
from trainers.sb3.wrappers import changes

Observations = Union[Tensor, Dict[str, Tensor]]


class AsymmetricPolicy(ActorCriticPolicy):
    """Actor and critic of `trainers.ppo` for algorithms with an `ActorCriticPolicy`: PPO, A2C, TRPO.

    Of a `Dict` observation the actor sees `"policy"` and the critic `"critic"`, of a `Box` both see all.
    Statistics of `PPOConfig.normalize_observations` are used but not updated.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        lr_schedule: Any,
        config: Optional[Given[PPOConfig]] = None,
        symmetry: Optional[Dict[str, Any]] = None,
        use_sde: bool = False,
        **options: Any,
    ) -> None:
        """
        Args:
            config: widths, activation, initial standard deviation and scale of the networks; the rest of it
                plays no part here. Default: the release's.
            symmetry: the environment's mirrors, for networks that are symmetric by construction.
                `policy_kwargs` fills in both.
            options: `optimizer_class`, `optimizer_kwargs`.

        Raises:
            ValueError: spaces that these networks cannot serve, or `use_sde`.
        """
        if use_sde:
            raise UserError("AsymmetricPolicy has a standard deviation of its own: leave out use_sde=True.")
        self.config = config_of(PPOConfig, config)
        self.symmetry = symmetry
        self.log_std: nn.Parameter
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            features_extractor_class=_Everything,
            **options,
        )

    def take_over(self, networks: Policy) -> None:
        """Copy the weights of such networks.

        Raises ValueError if they are not of the same kind.
        """
        if networks.std is None:
            raise UserError(
                "These networks choose among discrete actions; a policy here has continuous ones."
            )
        self.mlp_extractor.policy_net.load_state_dict(networks.actor.state_dict())
        self.mlp_extractor.value_net.load_state_dict(networks.critic.state_dict())
        with torch.no_grad():
            self.log_std.copy_(networks.std.log())

    def weights(self) -> Dict[str, Tensor]:
        """The state dict that `ActorCritic` has for these networks."""
        actor, critic = self.mlp_extractor.policy_net, self.mlp_extractor.value_net
        weights = {f"actor.{name}": value for name, value in actor.state_dict().items()}
        weights.update({f"critic.{name}": value for name, value in critic.state_dict().items()})
        return {"std": self.log_std.detach().exp().clamp(min=self.config.min_std), **weights}

    # What ActorCriticPolicy calls

    def _build(self, lr_schedule: Any) -> None:
        networks = self._networks()
        self.mlp_extractor = _WholeNetworks(networks)  # pyright: ignore[reportAttributeAccessIssue]
        self.action_net, self.value_net = nn.Identity(), nn.Identity()
        self.log_std = nn.Parameter(torch.full(self.action_space.shape or (), math.log(self.config.init_std)))
        self.optimizer = self.optimizer_class(
            self.parameters(),
            lr=lr_schedule(1),  # pyright: ignore[reportCallIssue]
            **self.optimizer_kwargs,
        )

    def _get_action_dist_from_latent(self, latent_pi: Tensor) -> Distribution:
        assert isinstance(self.action_dist, DiagGaussianDistribution)
        std = self.log_std.exp()
        if self.symmetry is not None:  # exploration is to be as symmetric as the actions
            std = 0.5 * (std + std[self.symmetry["action"]["permutation"]])
        return self.action_dist.proba_distribution(latent_pi, std.log())

    def _get_constructor_parameters(self) -> Dict[str, Any]:
        names = ("observation_space", "action_space", "lr_schedule", "optimizer_class", "optimizer_kwargs")
        parameters = super()._get_constructor_parameters()
        return {
            **{name: parameters[name] for name in names},
            "config": self.config,
            "symmetry": self.symmetry,
        }

    def _networks(self) -> ActorCritic:
        actor, critic = _input_sizes(self.observation_space)
        if not isinstance(self.action_space, spaces.Box) or len(self.action_space.shape) != 1:
            raise UserError(f"AsymmetricPolicy needs actions in a Box of one axis, not {self.action_space}.")
        kind = type(self.config.policy)
        if kind is not PolicyConfig:
            raise UserError(
                f"AsymmetricPolicy has no place for the networks of {kind.__name__}: only the trainer's "
                "multilayer perceptrons go to Stable-Baselines3."
            )
        actions = self.action_space.shape[0]
        return ActorCritic(actor, critic, actions, self.config, symmetry=self.symmetry)


def policy_kwargs(env: VecEnv, config: Given[PPOConfig]) -> Dict[str, Any]:
    """The `policy_kwargs` with which `AsymmetricPolicy` has the networks of a config: its widths, and its
    `symmetry` by the environment's own mirrors.

    Raises TypeError if that environment is none of this project's, UserError for symmetry where wrappers
    change the entries that its mirrors are about.
    """
    humanoids, config = humanoid_vec_env(env).humanoids, config_of(PPOConfig, config)
    if not config.symmetry:
        return {"config": config, "symmetry": None}
    normalizer, wrapper = changes(env)
    if normalizer is not None or wrapper is not None:
        raise UserError(
            f"PPOConfig.symmetry mirrors the entries of the environment's own observation, which "
            f"{wrapper or 'VecNormalize'} changes: train without it, or with symmetry=False."
        )
    mirrors = humanoids.signature["symmetry"]
    if not humanoids.dict_obs:  # the critic sees what the actor sees
        mirrors = {**mirrors, "critic": mirrors["policy"]}
    return {"config": config, "symmetry": mirrors}


def humanoid_vec_env(env: Optional[VecEnv]) -> HumanoidVecEnv:
    """The `HumanoidVecEnv` inside wrappers of Stable-Baselines3.

    Raises TypeError if there is none.
    """
    inner = None if env is None else env.unwrapped
    if not isinstance(inner, HumanoidVecEnv):
        raise WrongType(f"This needs a HumanoidVecEnv, or wrappers around one; got {type(env).__name__}.")
    return inner


class _Everything(BaseFeaturesExtractor):
    """Observations as they are: actor and critic take their own parts."""

    def __init__(self, observation_space: spaces.Space) -> None:
        super().__init__(observation_space, features_dim=sum(_input_sizes(observation_space)))

    def forward(self, observations: Observations) -> Observations:
        return observations


class _WholeNetworks(nn.Module):
    """Actor and critic with their last layers, where Stable-Baselines3 has those before the last: a symmetric
    actor mirrors its output."""

    def __init__(self, networks: ActorCritic) -> None:
        super().__init__()
        self.policy_net, self.value_net = networks.actor, networks.critic

    def forward(self, features: Observations) -> Tuple[Tensor, Tensor]:
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Observations) -> Tensor:
        return self.policy_net(features["policy"] if isinstance(features, dict) else features)

    def forward_critic(self, features: Observations) -> Tensor:
        return self.value_net(features["critic"] if isinstance(features, dict) else features)


def _input_sizes(space: spaces.Space) -> Tuple[int, int]:
    """Entries that actor and critic see."""
    parts = [space, space]
    if isinstance(space, spaces.Dict) and {"policy", "critic"} <= set(space.spaces):
        parts = [space["policy"], space["critic"]]
    sizes = [part.shape[0] for part in parts if isinstance(part, spaces.Box) and len(part.shape) == 1]
    if len(sizes) != 2:
        raise UserError(
            "AsymmetricPolicy sees a Box of one axis, or a Dict of 'policy' and 'critic', such as the "
            f"environments' with dict_obs=True; not {space!s:.200}."
        )
    return sizes[0], sizes[1]
