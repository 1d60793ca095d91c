"""What both MuJoCo engines promise on terrain: all that they promise on flat ground, and that it is there."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable

import numpy as np
import pytest
import torch

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.mujoco import MuJoCoSimulator
from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator
from humanoid_envs.simulators.simulator import PhysicsConfig, RobotState, Simulator
from humanoid_envs.terrain.terrain import Terrain
from tests.simulators.conftest import NEEDS_CUDA, Make
from tests.simulators.grounds import KINDS, all_kinds, height_at, level, tile_centers
from tests.simulators.states import NUM_STATES
from tests.simulators.test_protocol import (  # noqa: F401  run here with the fixture below
    test_divergence_is_marked_and_stays_in_its_env,
    test_mass_and_gains_act,
    test_reset_forgets_the_past,
    test_reset_gives_the_state_at_rest,
    test_reset_touches_the_masked_rows_only,
    test_sliding_friction_is_the_mean_of_ground_and_foot,
    test_state_dict_continues,
    test_torque_is_the_pd_law,
)

FAST = PhysicsConfig(timestep=0.005, decimation=2, implicit_damping=True)

MakeOn = Callable[..., Simulator]


@pytest.fixture(params=["mujoco", "warp-cpu", pytest.param("warp-cuda:0", marks=NEEDS_CUDA)])
def make_on(request: pytest.FixtureRequest) -> MakeOn:
    def make(terrain: Terrain, physics: PhysicsConfig | None = None, num_envs: int = NUM_STATES) -> Any:
        if request.param == "mujoco":
            return MuJoCoSimulator(XBOT_L, physics, num_envs, terrain=terrain)
        device = request.param.split("-")[1]
        return MuJoCoWarpSimulator(XBOT_L, physics, num_envs, device, terrain=terrain)

    return make


@pytest.fixture
def make(make_on: MakeOn) -> Make:
    """On ground like the plane's."""
    return lambda physics=None: make_on(level(), physics)


def dropped(simulator: Simulator, places: np.ndarray) -> None:
    """Stand robots upright with soles 2 cm above (N, 3) points of the ground; let go for half a second."""
    n, device = simulator.num_envs, simulator.device
    above = torch.tensor([0.0, 0.0, XBOT_L.standing_height + 0.02])
    pos = (torch.tensor(places).float() + above).to(device)
    quat = torch.tensor([[1.0, 0.0, 0.0, 0.0]], device=device).repeat(n, 1)
    still, joints = torch.zeros_like(pos), torch.zeros(n, XBOT_L.num_joints, device=device)
    everyone = torch.ones(n, dtype=torch.bool, device=device)
    simulator.reset(everyone, RobotState(pos, quat, still, still, joints, joints))
    for _ in range(round(0.5 / simulator.physics.policy_period)):
        simulator.step(joints)


def test_robots_rest_on_every_kind_of_ground(make_on: MakeOn) -> None:
    """Not in it, and not on the flat ground a metre below."""
    terrain = all_kinds()
    simulator = make_on(terrain, FAST, len(KINDS))
    assert simulator.terrain is terrain
    centers = tile_centers(terrain)
    # On uneven ground the highest point under the feet counts.
    around = [(dx, dy) for dx in np.linspace(-0.2, 0.2, 9) for dy in np.linspace(-0.2, 0.2, 9)]
    ground = np.array([height_at(terrain, *(centers + offset).T) for offset in around])
    dropped(simulator, np.column_stack([centers, ground.max(0)]))
    soles = simulator.state.feet_pos[..., 2].cpu().numpy() - XBOT_L.sole_height
    for kind, lower, upper, highest, lowest in zip(
        KINDS, soles.min(1), soles.max(1), ground.max(0), ground.min(0), strict=True
    ):
        assert lower > lowest - 0.04, kind
        assert upper < highest + 0.06, kind
    weight = 9.81 * XBOT_L.total_mass
    level_ground = [list(KINDS).index(kind) for kind in ("stairs_up", "stairs_down", "slope", "gap", "flat")]
    carried = simulator.state.feet_contact_force[level_ground, :, 2].sum(1).cpu()
    assert (carried > 0.7 * weight).all()
    assert not simulator.contacts_dropped.any()
    assert not simulator.constraints_dropped.any()


def test_the_ground_is_where_the_terrain_is(make_on: MakeOn) -> None:
    """A platform to stand on, the ground around it, and none beyond the field."""
    heights = np.zeros((161, 161))
    heights[100:140, 60:100] = 0.4  # x from 1.0 to 2.95
    simulator = make_on(Terrain(heights, 0.05, (-4.0, -4.0)), FAST, 3)
    dropped(simulator, np.array([[2.0, 0.0, 0.4], [-2.0, 0.0, 0.0], [5.0, 0.0, 0.0]]))
    soles = simulator.state.feet_pos[..., 2].mean(1).cpu() - XBOT_L.sole_height
    torch.testing.assert_close(soles[:2], torch.tensor([0.4, 0.0]), atol=0.005, rtol=0.0)
    assert soles[2] < -1.0


def test_friction_of_each_env_holds_on_a_slope(make_on: MakeOn) -> None:
    """0.45 uphill lies between 0.3 and 0.8, the means of ground and soles."""
    x = 0.05 * np.arange(161)
    simulator = make_on(Terrain(np.repeat(0.45 * x[:, None], 161, axis=1), 0.05, (-4.0, -4.0)), FAST, 2)
    parameters = dataclasses.replace(
        simulator.parameters, foot_friction=torch.tensor([0.0, 1.0], device=simulator.device)
    )
    simulator.set_parameters(torch.ones(2, dtype=torch.bool, device=simulator.device), parameters)
    dropped(simulator, np.array([[0.0, 0.0, 0.45 * 4.1]] * 2))
    moved = simulator.state.feet_pos[:, :, 0].mean(1).cpu()
    assert moved[0] < moved[1] - 0.05


def test_engines_agree_on_terrain(make_on: MakeOn) -> None:
    terrain, ends = all_kinds(), []
    for simulator in (make_on(terrain, FAST, 9), MuJoCoSimulator(XBOT_L, FAST, 9, terrain=terrain)):
        centers = tile_centers(terrain) + 0.3
        ground = height_at(terrain, *centers.T)
        dropped(simulator, np.column_stack([centers, ground + 0.2]))
        ends.append(simulator.state.base_pos.cpu())
    error = (ends[0] - ends[1]).norm(dim=1)
    assert error.median() < 0.01, error
