"""Run an exported policy in MuJoCo, from its file alone: the template for a robot.

    python examples/run_policy.py policy.onnx --command 0.4 0 0 --viewer      # or --video walk.mp4

It needs numpy, onnxruntime and mujoco, nothing of this project: all numbers are in the policy's contract
(docs/policies.md). For a robot, replace `Simulation`: sensors in `read`, motor drivers in `move`.
"""

import argparse
import hashlib
import importlib
import json
import time
from functools import partial
from pathlib import Path

import mujoco.viewer
import numpy as np
import onnxruntime

f32 = partial(np.asarray, dtype=np.float32)  # what policies see and say


class Policy:
    """The network, and the contract it carries."""

    def __init__(self, path: str) -> None:
        require(Path(path).is_file(), f"There is no policy {path}.")
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        text = self.session.get_modelmeta().custom_metadata_map.get("contract")
        require(text, f"{path} carries no contract; trainers.export writes files that do.")
        self.contract = c = json.loads(text)
        sha256, content = c.pop("sha256", None), json.dumps(c, sort_keys=True, separators=(",", ":")).encode()
        require(hashlib.sha256(content).hexdigest() == sha256, f"The contract in {path} was changed.")
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        sizes = [inputs[0].shape[-1], outputs[0].shape[-1]]
        expected = [Observer(c).frames.size, len(c["joint_names"])]
        require(sizes == expected, f"{path} has in- and output of {sizes}, its contract says {expected}.")
        self.state = {x.name: f32(np.zeros([1, *x.shape[1:]])) for x in inputs[1:]}  # of a recurrent policy

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        action, *state = self.session.run(None, {"observation": observation[None], **self.state})
        self.state = dict(zip(self.state, state))
        return action[0].clip(-self.contract["action_clip"], self.contract["action_clip"])


class Observer:
    """Builds observations: the latest frames, oldest first; those from before the start are zero."""

    def __init__(self, c: dict) -> None:
        size = sum(term["size"] for term in c["observation_terms"])
        self.contract, self.step, self.frames = c, 0, f32(np.zeros([c["observation_history"], size]))

    def __call__(self, sensors: dict, command: np.ndarray, action: np.ndarray) -> np.ndarray:
        """sensors: see `Simulation.read`; action: the last one, zeros at the start."""
        c = self.contract
        phase = f32(self.step) * f32(c["timestep"] * c["decimation"]) / f32(c["clock_period"])
        angle = float(f32(2.0 * np.pi) * phase)  # sines are taken in float64: the same from any library
        w, x, y, z = sensors["base_quat"].astype(float)
        readings = {
            "clock": [np.sin(angle), np.cos(angle)],
            "command_lin_vel": command[:2],
            "command_yaw_rate": command[2:],
            "joint_pos": sensors["joint_pos"] - f32(c["default_joint_pos"]),
            "joint_vel": sensors["joint_vel"],
            "action": action,
            "base_ang_vel": sensors["base_ang_vel"],
            "euler": [
                np.arctan2(2.0 * (w * x + y * z), w * w - x * x - y * y + z * z),
                np.arcsin(np.clip(2.0 * (w * y - z * x), -1.0, 1.0)),
                np.arctan2(2.0 * (w * z + x * y), w * w + x * x - y * y - z * z),
            ],
        }
        frame = [f32(term["scale"]) * f32(readings[term["name"]]) for term in c["observation_terms"]]
        self.frames = np.vstack([self.frames[1:], np.concatenate(frame)])
        self.step += 1
        return self.frames.ravel().clip(-c["observation_clip"], c["observation_clip"])


class Simulation:
    """The robot: joints found by name, driven by the contract's PD law instead of the MJCF's actuators."""

    def __init__(self, model: mujoco.MjModel, c: dict) -> None:
        names = [model.joint(index).name for index in range(model.njnt)]
        for name in c["joint_names"]:
            require(name in names, f"The MJCF has no joint {name!r}: the policy is for robot {c['robot']!r}.")
        joints = [names.index(name) for name in c["joint_names"]]
        self.q, self.v = model.jnt_qposadr[joints], model.jnt_dofadr[joints]
        self.kp, self.kd, self.limit = (np.array(c[key]) for key in ("stiffness", "damping", "torque_limit"))
        # Motor drivers run the PD law at 1 kHz or more; so it is here if training took long, implicit steps.
        model.opt.timestep = 0.001 if c["implicit_damping"] else c["timestep"]
        self.decimation = round(c["timestep"] * c["decimation"] / model.opt.timestep)
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_ACTUATION
        self.model, self.data = model, mujoco.MjData(model)
        self.data.qpos[self.q] = c["default_joint_pos"]

    def read(self) -> dict:
        """Encoders in the contract's order; orientation (wxyz) and body-frame angular velocity of an IMU."""
        q, v = f32(self.data.qpos), f32(self.data.qvel)  # those of the free base come first
        return {"joint_pos": q[self.q], "joint_vel": v[self.v], "base_quat": q[3:7], "base_ang_vel": v[3:6]}

    def move(self, target: np.ndarray) -> None:
        """Pull the joints to these angles until the next action is due: kp (target − q) − kd q̇, limited."""
        for _ in range(self.decimation):
            torque = self.kp * target - (self.kp * self.data.qpos[self.q] + self.kd * self.data.qvel[self.v])
            self.data.qfrc_applied[self.v] = torque.clip(-self.limit, self.limit)
            mujoco.mj_step(self.model, self.data)


def require(condition: object, otherwise: str) -> None:
    if not condition:
        raise SystemExit(f"Error: {otherwise}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("policy", help="an .onnx file with a contract")
    parser.add_argument("--model", default=str(Path(__file__).parents[1] / "assets/xbot_l/xbot_l.xml"))
    parser.add_argument("--command", nargs=3, type=float, default=[0.4, 0, 0], metavar=("VX", "VY", "YAW"))
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--viewer", action="store_true", help="watch it in real time")
    parser.add_argument("--video", help="write this mp4; needs imageio[ffmpeg]")
    args = parser.parse_args()
    policy = Policy(args.policy)
    c, model = policy.contract, mujoco.MjModel.from_xml_path(args.model)
    robot, observer = Simulation(model, c), Observer(c)
    data, start, standing = robot.data, time.monotonic(), 0.6 * robot.data.qpos[2]
    viewer = mujoco.viewer.launch_passive(model, data) if args.viewer else None
    video = importlib.import_module("imageio.v2").get_writer(args.video, fps=50) if args.video else None
    renderer = mujoco.Renderer(model, 480, 640) if args.video else None
    command, action, velocity, velocities = f32(args.command), f32(0.0 * robot.q), np.zeros(6), []
    while data.time < args.seconds - 1e-6 and data.qpos[2] > standing:
        action = policy(observer(robot.read(), command, action))
        robot.move(f32(c["default_joint_pos"]) + f32(c["action_scale"]) * action)
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, 1, velocity, 1)
        velocities.append(velocity[[3, 4, 2]])
        if viewer:
            viewer.sync()
            time.sleep(max(0.0, start + data.time - time.monotonic()))
        if video and renderer and observer.step % 2 == 0:
            renderer.update_scene(data, 0 if model.ncam else -1)
            video.append_data(renderer.render())
    vx, vy, yaw_rate = np.mean(velocities[len(velocities) // 4 :], axis=0)
    print(f"{'Walked' if data.qpos[2] > standing else 'Fell after'} {data.time:.2f} s.")
    print(f"Mean velocity after the first quarter: {vx:.3f} {vy:.3f} m/s, {yaw_rate:.3f} rad/s.")


if __name__ == "__main__":
    main()
