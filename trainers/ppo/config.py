"""The hyper-parameters of PPO."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Tuple

import annotated_types as limits
from typing_extensions import Annotated, Literal

from humanoid_envs.configs import Config, Count, Index, NonNegative, Positive, Share
from trainers.ppo.actor_critic import PolicyConfig
from trainers.ppo.losses import Losses

Width = Annotated[int, limits.Interval(ge=1, le=100_000)]
Seed = Annotated[int, limits.Interval(ge=0, le=2**53)]
"""To which the numbers of updates and workers are added."""


@dataclass(frozen=True)
class PPOConfig(Config):
    """Hyper-parameters of PPO (Schulman et al., arXiv 1707.06347). The defaults are the recipe of the
    Humanoid-Gym release (arXiv 2404.05695) for 4096 environments; `dataclasses.replace` makes others."""

    num_steps: Count = 60
    """Steps of every environment in one rollout."""
    num_epochs: Count = 2
    """Passes over a rollout in one update."""
    num_minibatches: Count = 4
    """Minibatches of one pass. Samples that do not fill the last one are left out of that update."""
    gamma: Share = 0.994
    """Discount per step."""
    gae_lambda: Share = 0.9
    """λ of generalized advantage estimation (GAE, arXiv 1506.02438)."""
    normalize_advantages: bool = True
    """Give the advantages of a rollout mean 0 and standard deviation 1."""
    clip_range: Positive = 0.2
    """Bound on the probability ratio, and on the value change if `clip_value_loss`."""
    value_coef: NonNegative = 1.0
    """Weight of the value loss."""
    clip_value_loss: bool = True
    """Clip the value change within an update, as the policy's is."""
    entropy_coef: NonNegative = 0.001
    """Weight of the entropy bonus."""
    learning_rate: Positive = 1e-5
    """Learning rate of Adam at the start."""
    desired_kl: Optional[Positive] = 0.01
    """KL divergence from the rollout's policy that the learning rate is steered to; None keeps it fixed."""
    learning_rate_factor: Annotated[float, limits.Interval(gt=1, le=100)] = 1.5
    """The learning rate is divided by this where the KL is above twice the desired one, and multiplied by it
    where it is below half."""
    min_learning_rate: Positive = 1e-5
    """Lower bound of the learning rate."""
    max_learning_rate: Positive = 1e-2
    """Upper bound of the learning rate."""
    decay_updates: Optional[Tuple[Index, Index]] = None
    """First and last update of a decay to the values below, linear of `entropy_coef` and geometric of the
    bounds; None keeps them constant. Counted from the start of training, also after a resume."""
    final_entropy_coef: NonNegative = 0.0
    """Entropy weight after the decay."""
    final_max_learning_rate: Positive = 1e-5
    """Upper bound of the learning rate after the decay."""
    final_max_std: Optional[Positive] = None
    """Upper bound of the standard deviations after the decay, geometric from `init_std`; None sets no bound.
    What a policy learns while it explores is right for exploring: without the noise it moves differently."""
    max_grad_norm: Positive = 1.0
    """The gradient of all parameters together is scaled down to this norm."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """Which networks, made to the measures below."""
    losses: Losses = field(default_factory=Losses)
    """What they learn besides acting and valuing."""
    actor_hidden: Tuple[Width, ...] = (512, 256, 128)
    """Widths of the actor's hidden layers."""
    critic_hidden: Tuple[Width, ...] = (768, 256, 128)
    """Widths of the critic's hidden layers."""
    activation: Literal["elu", "relu", "tanh"] = "elu"
    """Activation of the hidden layers: elu, relu or tanh."""
    actor_output_scale: Positive = 1.0
    """Factor on the initial weights of the actor's last layer; small values start near the zero action."""
    symmetry: bool = False
    """Make actor and critic left-right symmetric by construction, for environments that tell their mirrors in
    `env.unwrapped.signature["symmetry"]`: every situation is learned once for both sides."""
    normalize_observations: bool = False
    """Give every entry of what actor and critic see mean 0 and variance 1, see `RunningNormalizer`. The
    statistics are brought up to date after each update, so that a rollout and its update share them."""
    init_std: Positive = 1.0
    """Initial standard deviation of every action."""
    min_std: Positive = 0.01
    """Lower bound of the standard deviation, enforced after every gradient step."""
    seed: Seed = 0
    """Seed of the initial weights, the sampled actions, the minibatches and the environment's first reset."""
    device: str = "auto"
    """Where networks and rollout live: a torch device, or auto for CUDA where there is one."""
    bfloat16: bool = False
    """On CUDA, compute hidden layers in bfloat16 and keep a rollout's observations so: the update takes about
    half the time."""
    tf32: bool = True
    """On CUDA, let matrix products use TF32 (10-bit mantissas). Set for the whole process."""

    def __post_init__(self) -> None:
        super().__post_init__()
        least = self.min_learning_rate
        rates = ["learning_rate", "max_learning_rate"]
        rates += ["final_max_learning_rate"] if self.decay_updates is not None else []
        for name in rates:
            self.require(getattr(self, name) >= least, name, f"at least min_learning_rate {least}")
        most = self.max_learning_rate
        self.require(self.learning_rate <= most, "learning_rate", f"at most max_learning_rate {most}")
        self.require(self.min_std <= self.init_std, "min_std", f"at most init_std {self.init_std}")
        self.require(
            self.final_max_std is None or self.min_std <= self.final_max_std <= self.init_std,
            "final_max_std",
            f"None or between min_std {self.min_std} and init_std {self.init_std}",
        )
        first, last = (0, 1) if self.decay_updates is None else self.decay_updates
        self.require(first < last, "decay_updates", "two increasing numbers")
