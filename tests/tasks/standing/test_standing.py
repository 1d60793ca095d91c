"""The standing task: its terms in closed form, and that nothing but its own folder knows it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks import preset
from humanoid_envs.tasks.standing import terms
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.mdp.steps import step
from tests.scripted_simulator import ScriptedSimulator, standing

ROOT = Path(__file__).parents[3]


def told(height: float, pitch: float, lift: float) -> Tensor:
    return torch.tensor([[height, pitch, lift]])


def test_posture_is_drawn_in_its_ranges() -> None:
    command = terms.PostureCommand(height=(0.7, 0.9), pitch=(-0.1, 0.3), one_foot_share=0.4)
    drawn = command.sample(torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0)))
    height, pitch, lift = drawn.unbind(1)
    for values, (low, high) in ((height, (0.7, 0.9)), (pitch, (-0.1, 0.3))):
        assert low <= values.min() < low + 0.001
        assert high - 0.001 < values.max() <= high
    for foot, share in ((1.0, 0.2), (0.0, 0.6), (-1.0, 0.2)):
        assert (lift == foot).float().mean().item() == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize("lift", [-1.0, 0.0, 1.0])
def test_what_is_rewarded_is_what_is_told(lift: float) -> None:
    feet_up = torch.tensor([[lift > 0, lift < 0]])
    foot_height = feet_up.float() * 0.12
    as_told = step(
        commands={"posture": told(0.85, 0.1, lift)},
        contact=~feet_up,
        foot_height=foot_height,
        euler=torch.tensor([[0.0, 0.1, 0.7]]),
        state=dataclasses.replace(standing(1), base_pos=torch.tensor([[0.0, 0.0, 0.85]])),
    )
    for term in (terms.TrackHeight(), terms.TrackPitch(), terms.Support(), terms.LiftHeight()):
        torch.testing.assert_close(term(as_told), torch.ones(1), msg=type(term).__name__)
    command = terms.PostureCommand()
    torch.testing.assert_close(command.actual(as_told), told(0.85, 0.1, lift))
    otherwise = dataclasses.replace(as_told, commands={"posture": told(0.82, 0.2, lift)})
    assert terms.TrackHeight()(otherwise).item() == pytest.approx(math.exp(-0.03 / 0.03), rel=1e-4)
    assert terms.TrackPitch()(otherwise).item() == pytest.approx(math.exp(-0.1 / 0.1), rel=1e-4)


def test_feet_that_land_are_counted() -> None:
    landed = step(contact=torch.tensor([[True, True]]), air_time=torch.tensor([[0.01, 0.3]]))
    assert terms.Steps()(landed).item() == 1.0


def test_the_environment_is_told_height_pitch_and_foot() -> None:
    env = HumanoidVectorEnv(ScriptedSimulator(standing(2)), "stand", command=(0.8, 0.1, 1.0))
    _, info = env.reset(seed=0)
    assert info["command"].tolist() == torch.tensor([[0.8, 0.1, 1.0]] * 2).tolist()
    newest = env.task.frames(env._memory)["policy"][:, -1, :3]
    torch.testing.assert_close(newest, torch.tensor([[0.8 - XBOT_L.standing_height, 0.1, 1.0]] * 2))
    with pytest.raises(ValueError, match=r"finite \(height, pitch, lift\), within \(0 to 3 m, -1 to 1 rad"):
        env.set_command((0.8, 0.1, 2.0))
    *_, info = env.step(torch.zeros(2, 12))
    names = info.get("final_info", {}).get("episode_metrics", {})
    assert set(names) <= {f"tracking_error_{name}" for name in ("height", "pitch", "lift")} | {"fall_rate"}


def test_mirrored_observations_lift_the_other_foot() -> None:
    frame = preset("stand").observations.policy
    mirror = frame.mirror(XBOT_L)
    index = mirror["index"]
    assert isinstance(index, int)
    assert index == (frame.history - 1) * frame.frame_size(XBOT_L) + 2
    assert mirror["sign"][index] == -1.0  # pyright: ignore[reportIndexIssue]


def test_no_line_of_environments_and_trainers_knows_it() -> None:
    files = [*ROOT.glob("humanoid_envs/*.py"), *ROOT.glob("humanoid_envs/mdp/*.py")]
    files += ROOT.glob("trainers/**/*.py")
    assert not [path for path in files if "tasks.standing" in path.read_text()]
