"""The task against the release's own numbers: every recorded quantity of every golden file.

Four corrections are deliberate, each asserted here or in the trainer's tests: the resampling interval, the
observation after a reset, the bootstrap of truncations, and the swing height at a reset.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Dict, List

import pytest
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs.simulators.pd_controller import pd_torque
from humanoid_envs.tasks import Task
from humanoid_envs.tasks.memory import TaskMemory
from humanoid_envs.tasks.velocity import v0
from tests.golden_data import Golden, PlaybackSimulator, task_files

FILES = task_files()
pytestmark = pytest.mark.skipif(not FILES, reason="no golden files in $GOLDEN_DIR")

# Columns of the frames that the release left stale in the observation after a reset (correction 2): the yaw
# rate command; in the actor's frame the angular velocity, in the critic's all base velocities and contacts.
STALE_ACTOR = [4, 41, 42, 43]
STALE_PRIVILEGED = [4, 53, 54, 55, 56, 57, 58, 71, 72]


class Replay:
    """The task driven through a recording: our values by the recording's names, (rows, envs, …)."""

    def __init__(self, path: Path) -> None:
        self.golden = Golden(path)
        self.simulator = PlaybackSimulator(self.golden)
        self.task = Task(self.simulator, self.golden.config())
        self.rows: List[Dict[str, Tensor]] = []
        memory = self.task.initial_memory()
        # The release's start: the commands of its first reset, a first foot height of 0.05.
        memory.command.copy_(self.golden["commands_pre"][0])
        memory.foot_height.fill_(0.05)
        for row in range(self.golden.num_rows):
            if row == 1:  # what the release's runner does before its first rollout
                memory.episode_step.copy_(self.golden["ep_len_after_row0"])
                memory.clock.copy_(self.golden["common_step_counter"][1] - 1)
            action, draws = self.golden["action_raw"][row], self.golden.draws(row)
            executed, _ = self.task.process_action(memory, action, draws)
            before = TaskMemory(**{name: value.clone() for name, value in vars(memory).items()})
            computed = self.task.compute_reward(
                before, self.golden.state(row), self.simulator.parameters, executed, draws
            )
            result = self.task.step(memory, action, draws, AutoresetMode.SAME_STEP)
            self.rows.append(self._record(row, before, computed, result, memory))
        self.ours = {name: torch.stack([row[name] for row in self.rows]) for name in self.rows[0]}
        self.restarted = self._since_reset()

    def _record(self, row, before, computed, result, after) -> Dict[str, Tensor]:
        _, raw_terms, x = computed
        last, period = result.last, self.task.config.policy_period
        scaled = raw_terms * self.task._term_scales(before.live)
        frames = self.task.frames(after)
        torque = pd_torque(
            self.simulator.joint_targets,
            self.golden["tau_dof_pos"][row],
            self.golden["tau_dof_vel"][row],
            self.simulator.parameters.stiffness,
            self.simulator.parameters.damping,
            self.simulator.parameters.torque_limit,
        )
        phase_rew = self.task.config.gait.cycles(last.episode_step, period)
        phase_obs = self.task.config.gait.cycles(after.episode_step, period)
        done = last.done[:, None]
        values = {
            "common_step_counter": last.clock,
            "pushed": self.simulator.pushes[-1][0],
            "push_lin": last.pushes[:, :2],
            "push_ang": last.pushes[:, 2:],
            "commands_pre": before.command,
            "commands_rew": x.commands["velocity"],
            "commands_obs": after.command,
            "action": last.action,
            "torques": torque,
            "rew_raw": raw_terms,
            "rew_scaled": scaled,
            "rew_total": result.reward,
            "obs_frame": frames["policy"][:, -1],
            "priv_frame": frames["critic"][:, -1],
            "obs_stack": frames["policy"].flatten(1).clamp(-18, 18),
            "priv_stack": frames["critic"].flatten(1).clamp(-18, 18),
            "reset": last.done,
            "timeout": result.truncated,
            "ep_len_rew": last.episode_step,
            "ep_len_obs": after.episode_step,
            "phase_rew": phase_rew,
            "phase_obs": phase_obs,
            "stance_rew": x.gait.stance,
            "stance_obs": self.task.config.gait.read(phase_obs, self.simulator.robot).stance,
            "ref_dof_pos_rew": x.shown_reference_joint_pos,
            "ref_dof_pos_obs": after.reference_joint_pos,
            "base_lin_vel": x.base_lin_vel,
            "base_ang_vel": x.base_ang_vel,
            "proj_gravity": x.gravity,
            "euler_rew": x.euler,
            "euler_obs": torch.where(done, torch.zeros_like(x.euler), x.euler),
            "feet_air_time_rew": last.air_time,
            "feet_air_time_obs": after.air_time,
            "last_contacts": last.contact,
            "feet_height": last.lift,
            "last_feet_z": last.foot_height,
            "term_returns": last.term_returns,
        }
        return {name: value.clone() for name, value in values.items()}

    def _since_reset(self) -> Tensor:
        """(rows, envs, 2) bool: feet that have not touched the ground since a reset, of which the release
        remembers a height from before it (correction 4)."""
        contact = self.golden["contact"][:, :, 1:, 2] > 5.0
        carried = torch.zeros_like(contact)
        since = torch.zeros_like(contact[0])
        for row in range(self.golden.num_rows):
            carried[row] = since
            since = (since & ~contact[row]) | self.golden["reset"][row][:, None]
        return carried


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def replay(request: pytest.FixtureRequest) -> Replay:
    return Replay(request.param)


def assert_close(ours: Tensor, theirs: Tensor, tolerance: float, keep: Tensor, what: str) -> None:
    """|ours − theirs| ≤ tolerance · (1 + |theirs|) where `keep`; exactly equal where tolerance is 0."""
    ours, theirs = ours.double(), theirs.double()
    excess = (ours - theirs).abs() - tolerance * (1.0 + theirs.abs())
    bad = ((excess > 0) | ours.isnan()) & keep.expand_as(ours)
    where = bad.nonzero()
    assert not len(where), (
        f"{what}: {len(where)} values differ, first at {where[0].tolist()}: "
        f"{ours[tuple(where[0])]:.9g} instead of {theirs[tuple(where[0])]:.9g}"
    )


EXACT = (
    "common_step_counter", "push_lin", "push_ang", "reset", "timeout", "ep_len_rew", "ep_len_obs",
    "stance_rew", "stance_obs", "last_contacts",
)  # fmt: skip
CLOSE = {
    "action": 1e-6, "torques": 1e-5, "phase_rew": 1e-6, "phase_obs": 1e-6, "ref_dof_pos_rew": 1e-5,
    "ref_dof_pos_obs": 1e-5, "base_lin_vel": 1e-5, "base_ang_vel": 1e-5, "proj_gravity": 1e-5,
    "feet_air_time_rew": 1e-5, "feet_air_time_obs": 1e-5,
}  # fmt: skip
EVERYWHERE = torch.tensor(True)


@pytest.mark.parametrize("name", EXACT)
def test_exact(replay: Replay, name: str) -> None:
    if name in replay.golden:
        assert_close(replay.ours[name], replay.golden[name], 0.0, EVERYWHERE, name)


@pytest.mark.parametrize("name", CLOSE)
def test_close(replay: Replay, name: str) -> None:
    if name in replay.golden:
        assert_close(replay.ours[name], replay.golden[name], CLOSE[name], EVERYWHERE, name)


def test_pushes_hit_all_envs_and_reach_the_simulator(replay: Replay) -> None:
    golden, pushed = replay.golden, replay.golden["pushed"]
    assert torch.equal(replay.ours["pushed"], pushed[:, None].expand(-1, golden.num_envs))
    for row, (mask, lin_vel, ang_vel) in enumerate(replay.simulator.pushes):
        assert torch.equal(mask, pushed[row].expand(golden.num_envs))
        if pushed[row]:
            assert torch.equal(lin_vel[:, :2], golden["push_lin"][row])
            assert torch.equal(lin_vel[:, 2], golden["root_sim"][row, :, 9])
            assert torch.equal(ang_vel, golden["push_ang"][row])


def off_branch_cut(angle: Tensor) -> Tensor:
    return (angle.abs() - math.pi).abs() > 1e-4


@pytest.mark.parametrize("name", ["euler_rew", "euler_obs"])
def test_euler_angles(replay: Replay, name: str) -> None:
    if name in replay.golden:
        theirs = replay.golden[name]
        assert_close(replay.ours[name], theirs, 3.3e-5, off_branch_cut(theirs), name)


def test_commands(replay: Replay) -> None:
    """All but the yaw rate after a reset: stale in the release, ours follows the new heading."""
    golden, ours = replay.golden, replay.ours
    reset = golden["reset"]
    error = golden["commands_rew"][..., 3] - replay.ours["euler_rew"][..., 2]
    wrapped = torch.remainder(error + math.pi, 2 * math.pi)
    safe = ((wrapped > 1e-3) & (wrapped < 2 * math.pi - 1e-3))[..., None]
    assert_close(ours["commands_rew"], golden["commands_rew"], 3.3e-5, safe, "commands_rew")
    keep_yaw = torch.ones(4, dtype=torch.bool)
    keep_yaw[2] = False
    keep = (~reset[..., None] | keep_yaw) & safe
    assert_close(ours["commands_obs"], golden["commands_obs"], 3.3e-5, keep, "commands_obs")
    before = torch.cat([torch.zeros_like(reset[:1]), reset[:-1]])[..., None]
    safe_before = torch.cat([safe[:1], safe[:-1]])
    keep = (~before | keep_yaw) & safe_before
    assert_close(ours["commands_pre"], golden["commands_pre"], 3.3e-5, keep, "commands_pre")
    if bool(golden.arrays["heading_command"]):
        expected = (0.5 * golden["commands_obs"][..., 3]).clamp(-1.0, 1.0)  # a new episode's heading is 0
        yaw_rate = ours["commands_obs"][..., 2]
        assert_close(yaw_rate, expected, 1e-6, reset & (expected.abs() < 0.5 * 3.1), "yaw rate after reset")


def test_resampling_interval(replay: Replay) -> None:
    """Correction 1: the period is exactly 0.01 s, so v0 redraws commands every 800 steps; the release redrew
    every 799 wherever its period had passed through a C float."""
    task = v0()
    assert task.policy_period == 0.01
    assert task.steps(task.commands.resample_period) == 800
    as_float32 = replay.golden.scalar("dt") != 0.01
    assert replay.golden.scalar("resample_interval") == (799 if as_float32 else 800)
    due = replay.golden["ep_len_rew"] % replay.task._resample_steps == 0
    assert torch.equal(due, replay.golden["resample_cb"])
    assert task.steps(task.terminations.episode_length) == replay.golden.scalar("max_episode_length")
    assert task.steps(task.randomization.push.period) == replay.golden.scalar("push_interval")


def test_truncation_is_never_stale(replay: Replay) -> None:
    """Correction 3: the release's runner saw an old time-out flag again in steps without a reset."""
    golden = replay.golden
    fresh = golden["reset"].any(dim=1)
    assert torch.equal(replay.ours["timeout"], golden["timeout"])
    assert torch.equal(golden["time_outs_info"][fresh], replay.ours["timeout"][fresh])


def test_swing_height_starts_afresh(replay: Replay) -> None:
    """Equal to the release's until a reset; after it, integrated from the new episode's first foot height
    until the foot touches the ground (correction 4)."""
    golden, ours = replay.golden, replay.ours
    if "feet_height" not in golden:
        return
    assert_close(ours["last_feet_z"], golden["last_feet_z"], 1e-6, EVERYWHERE, "last_feet_z")
    keep = ~replay.restarted
    assert_close(ours["feet_height"], golden["feet_height"], 1e-5, keep, "feet_height")
    foot, start = (
        golden["feet_pos"][..., 2] - 0.05,
        -0.05,
    )  # the recording has no feet at a reset: they read 0
    contact = golden["contact"][:, :, 1:, 2] > 5.0
    expected = torch.where(contact, torch.zeros_like(foot), foot - start)
    assert_close(ours["feet_height"], expected, 1e-5, replay.restarted, "feet_height after reset")


def _tolerance(term: str) -> float:
    # joint_pos follows the clock, whose sine the recording's C-float period shifts late in an episode.
    return {"joint_pos": 3.3e-5, "feet_contact_forces": 2e-5}.get(term, 1e-5)


def test_reward_terms(replay: Replay) -> None:
    golden, ours, names = replay.golden, replay.ours, list(replay.task.term_names)
    if "rew_raw" not in golden:
        recorded = [str(name) for name in golden.arrays["rew_sel_names"]]
        raw, keep = golden["rew_raw_sel"], EVERYWHERE
        for index, name in enumerate(recorded):
            assert_close(
                ours["rew_raw"][..., names.index(name)], raw[..., index], _tolerance(name), keep, name
            )
        return
    assert sorted(names) == golden.reward_names
    scales = golden["rew_scale_dt"]
    term_scales = replay.task._term_scales(replay.task.initial_memory().live)
    carried = replay.restarted.any(dim=-1)
    edge = (((ours["feet_height"] - 0.06).abs() - 0.01).abs() < 1e-6).any(dim=-1)
    for index, name in enumerate(golden.reward_names):
        keep = ~(carried | edge) if name == "feet_clearance" else EVERYWHERE
        tolerance = _tolerance(name)
        raw, scaled = (ours[key][..., names.index(name)] for key in ("rew_raw", "rew_scaled"))
        assert_close(raw, golden["rew_raw"][..., index], tolerance, keep, name)
        assert_close(scaled, golden["rew_scaled"][..., index], tolerance, keep, f"scaled {name}")
        assert term_scales[names.index(name)].item() == pytest.approx(scales[index].item())
    assert_close(ours["rew_total"], golden["rew_total"], 2e-5, ~(carried | edge), "rew_total")


def test_clearance_after_reset(replay: Replay) -> None:
    """The clearance term of feet that have not landed since a reset, from the corrected swing height."""
    golden, ours = replay.golden, replay.ours
    if "rew_raw" not in golden:
        return
    index = replay.task.term_names.index("feet_clearance")
    height = torch.cat([torch.zeros_like(ours["feet_height"][:1]), ours["feet_height"][:-1]])
    foot = ours["last_feet_z"]
    height = height + foot - torch.cat([torch.full_like(foot[:1], 0.05), foot[:-1]])
    before_reset = torch.cat([torch.zeros_like(golden["reset"][:1]), golden["reset"][:-1]])[..., None]
    height = torch.where(before_reset, foot + 0.05, height)
    near = ((height - 0.06).abs() < 0.01) & ~golden["stance_rew"]
    safe = (((height - 0.06).abs() - 0.01).abs() > 1e-5).all(dim=-1)
    assert_close(ours["rew_raw"][..., index], near.sum(dim=-1), 0.0, safe, "feet_clearance")


def test_episode_returns(replay: Replay) -> None:
    """The release logs each term's mean over the episodes that end, per second of the full episode length."""
    golden, ours, names = replay.golden, replay.ours, list(replay.task.term_names)
    if "episode_mean" not in golden:
        return
    length = replay.task.config.terminations.episode_length
    affected = torch.zeros(golden.num_envs, dtype=torch.bool)
    for row in range(golden.num_rows):
        reset = golden["reset"][row]
        affected |= replay.restarted[row].any(dim=-1)
        if reset.any():
            mean = ours["term_returns"][row][reset].mean(dim=0) / length
            mean = mean[[names.index(name) for name in golden.reward_names]]
            keep = torch.ones(len(names), dtype=torch.bool)
            keep[golden.reward_names.index("feet_clearance")] = not bool((affected & reset).any())
            assert_close(mean, golden["episode_mean"][row], 1e-5, keep, f"episode_mean, row {row}")
        affected &= ~reset


@pytest.mark.parametrize(("name", "stale"), [("obs_frame", STALE_ACTOR), ("priv_frame", STALE_PRIVILEGED)])
def test_frames(replay: Replay, name: str, stale: List[int]) -> None:
    golden, ours = replay.golden, replay.ours[name]
    if name not in golden:
        return
    reset = golden["reset"]
    width = ours.shape[-1]
    keep = torch.ones(*ours.shape, dtype=torch.bool)
    keep[..., stale] &= ~reset[..., None]
    euler = [44, 45, 46] if width == 47 else [59, 60, 61]
    keep[..., euler] &= off_branch_cut(golden[name][..., euler])
    keep[..., 4] &= off_branch_cut(replay.ours["euler_rew"][..., 2])
    assert_close(ours, golden[name], 3.3e-5, keep, name)


def test_first_observation_comes_from_the_reset_state(replay: Replay) -> None:
    """Correction 2: at rest, in the air, and turning to the new heading."""
    reset = replay.golden["reset"]
    actor, privileged = replay.ours["obs_frame"][reset], replay.ours["priv_frame"][reset]
    noise = torch.stack([replay.golden.draws(row).observation_noise for row in range(replay.golden.num_rows)])
    assert torch.equal(actor[:, 41:44], noise[reset][:, 41:44])
    assert torch.equal(privileged[:, 53:59], torch.zeros_like(privileged[:, 53:59]))
    assert torch.equal(privileged[:, 71:73], torch.zeros_like(privileged[:, 71:73]))
    assert torch.equal(actor[:, 4], replay.ours["commands_obs"][reset][:, 2])


@pytest.mark.parametrize(
    ("name", "frames", "stale"), [("obs_stack", 15, STALE_ACTOR), ("priv_stack", 3, STALE_PRIVILEGED)]
)
def test_stacks(replay: Replay, name: str, frames: int, stale: List[int]) -> None:
    golden = replay.golden
    for index, row in enumerate(golden["stack_rows"].tolist()):
        theirs = golden[name][index].unflatten(1, (frames, -1))
        ours = replay.ours[name][row].unflatten(1, (frames, -1))
        keep = torch.ones_like(theirs, dtype=torch.bool)
        for age in range(min(frames, row + 1)):
            position, then = frames - 1 - age, row - age
            keep[:, position, stale] &= ~golden["reset"][then][:, None]
            keep[:, position, 4] &= off_branch_cut(replay.ours["euler_rew"][then, :, 2])
        euler = [44, 45, 46] if frames == 15 else [59, 60, 61]
        keep[..., euler] &= off_branch_cut(theirs[..., euler])
        assert_close(ours, theirs, 3.3e-5, keep, f"{name}, row {row}")


def test_recorded_configuration_is_the_robots(replay: Replay) -> None:
    golden, robot = replay.golden, replay.task.simulator.robot
    assert tuple(str(name) for name in golden.arrays["dof_names"]) == robot.joint_names
    for name, field in (("p_gains", "stiffness"), ("d_gains", "damping"), ("torque_limits", "torque_limit")):
        assert golden[name].tolist() == pytest.approx([getattr(joint, field) for joint in robot.joints])
    scale = torch.tensor(v0().observations.policy.noise(robot))
    assert_close(scale, golden["noise_scale_vec"], 1e-7, EVERYWHERE, "noise_scale_vec")
