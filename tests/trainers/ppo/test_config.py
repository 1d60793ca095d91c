from __future__ import annotations

import pytest

from trainers.ppo import PPOConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_steps", 0),
        ("gamma", 1.5),
        ("clip_range", 0.0),
        ("learning_rate", 0.1),
        ("learning_rate_factor", 1.0),
        ("desired_kl", -0.01),
        ("activation", "swish"),
        ("init_std", 0.0),
        ("decay_updates", (5, 5)),
        ("final_max_std", 2.0),
    ],
)
def test_config_names_the_bad_field(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"PPOConfig.{name} must be"):
        PPOConfig(**{name: value})  # pyright: ignore[reportArgumentType]
