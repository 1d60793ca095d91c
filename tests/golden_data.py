"""Recorded numbers of the release's own code, and a simulator that plays back its injected states.

The files lie in `$GOLDEN_DIR` (default `tests/golden`). They were recorded by running the Humanoid-Gym
release's environment on injected physical states; quaternions in them are xyzw.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List

import numpy as np
import torch
from torch import Tensor

from humanoid_envs.simulators.simulator import PhysicsParameters, SimState
from humanoid_envs.tasks.draws import Draws
from humanoid_envs.tasks.velocity import VelocityConfig, v0
from tests.scripted_simulator import ScriptedSimulator, starts

DIRECTORY = Path(os.environ.get("GOLDEN_DIR", Path(__file__).parent / "golden"))


def task_files() -> List[Path]:
    return sorted(DIRECTORY.glob("task_*.npz"))


class Golden:
    """One task file: arrays as float32 torch tensors by name, with the draws and states of each row."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as data:
            self.arrays: Dict[str, np.ndarray] = {name: data[name] for name in data.files}
        self.num_rows, self.num_envs = self.arrays["ep_len_rew"].shape
        self.reward_names = [str(name) for name in self.arrays["rew_names"]]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def __getitem__(self, name: str) -> Tensor:
        return torch.from_numpy(np.asarray(self.arrays[name]))

    def scalar(self, name: str) -> float:
        return float(self.arrays[name])

    def row(self, name: str, row: int) -> Tensor:
        """A row of a recorded array; zeros where a compact file leaves the array out."""
        shapes = {"feet_pos": (2, 3), "feet_vel": (2, 3), "knee_pos": (2, 3)}
        if name not in self.arrays:
            return torch.zeros(self.num_envs, *shapes[name])
        return self[name][row]

    def config(self) -> VelocityConfig:
        """Preset v0 with the switches of the recording."""
        task = v0()
        changes = {
            "commands.velocity.heading_mode": bool(self.arrays["heading_command"]),
            # Where the recording's period was a C float the release redrew a step early.
            "commands.resample_period": int(self.arrays["resample_interval"]) * task.policy_period,
            "actions.delay": self.scalar("action_delay"),
            "actions.noise": self.scalar("action_noise"),
        }
        if not bool(self.arrays["add_noise"]):
            terms = task.observations.policy.terms
            changes.update({f"observations.policy.{name}.noise": 0.0 for name in terms})
        return task.replace(changes)

    def state(self, row: int) -> SimState:
        """The state injected at the end of a row's physics."""
        root = self["root_sim"][row]
        contact = self["contact"][row]
        return SimState(
            base_pos=root[:, :3],
            base_quat=root[:, [6, 3, 4, 5]],
            base_lin_vel=root[:, 7:10],
            base_ang_vel=root[:, 10:],
            joint_pos=self["dof_pos"][row],
            joint_vel=self["dof_vel"][row],
            joint_torque=self["torques"][row],
            feet_pos=self.row("feet_pos", row),
            feet_vel=self.row("feet_vel", row),
            knees_pos=self.row("knee_pos", row),
            knees_vel=torch.zeros(self.num_envs, 2, 3),
            base_contact_force=contact[:, 0],
            feet_contact_force=contact[:, 1:],
        )

    def draws(self, row: int) -> Draws:
        """The random numbers the release drew in a row."""
        n = self.num_envs
        delay, action_noise = torch.zeros(n, 1), torch.zeros(n, 12)
        observation_noise = torch.zeros(n, 47)
        if "delay_u" in self:
            delay = self["delay_u"][row] * self.scalar("action_delay")
            action_noise = self["act_randn"][row] * self.scalar("action_noise")
        if "obs_randn" in self:
            columns = self["obs_randn_cols"].long() if "obs_randn_cols" in self else torch.arange(47)
            scale = self["noise_scale_vec"].float()[columns]
            observation_noise[:, columns] = self["obs_randn"][row] * scale
        joints = torch.zeros(n, 12)
        for index in np.flatnonzero(self.arrays["reset_row"] == row):
            joints[self.arrays["reset_env"][index]] = self["reset_dof_pos"][index]

        def where_drawn(drawn: str, value: Tensor) -> Tensor:
            # Where the release drew nothing the task must not look: absurd values would show.
            return torch.where(self[drawn][row].expand(n)[:, None], value, torch.full_like(value, 99.0))

        push = torch.cat([self["push_lin"][row], self["push_ang"][row]], dim=1)
        return Draws(
            action_delay=delay,
            action_noise=action_noise,
            command=where_drawn("resample_cb", self["commands_rew"][row]),
            reset_command=where_drawn("resample_reset", self["commands_obs"][row]),
            pushes=where_drawn("pushed", push),
            starts=starts(n, joints=joints),
            parameters=torch.zeros(n, 0),
            observation_noise=observation_noise,
            term_uniform=torch.zeros(n, 0),
            term_normal=torch.zeros(n, 0),
        )


class PlaybackSimulator(ScriptedSimulator):
    """Its physics is a recording: each step shows the next row's injected state."""

    def __init__(self, golden: Golden) -> None:
        ones = torch.ones(golden.num_envs, 12)
        parameters = PhysicsParameters(
            foot_friction=golden["env_friction"][:, 0],
            base_mass=golden["body_mass"][:, 0],
            base_com=torch.zeros(golden.num_envs, 3),
            stiffness=golden["p_gains"] * ones,
            damping=golden["d_gains"] * ones,
            torque_limit=golden["torque_limits"] * ones,
        )
        super().__init__(golden.state(0), parameters)
        self.row = -1
        self._golden = golden

    def step(self, joint_targets: Tensor) -> None:
        super().step(joint_targets)
        self.row += 1
        self.state = self._golden.state(self.row)
