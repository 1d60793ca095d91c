"""Run an exported policy in MuJoCo, from its file alone: the template for a robot.

    python examples/run_policy.py policy.onnx --command 0.4 0 0 --viewer      # or --video walk.mp4

It needs numpy, onnxruntime and mujoco, nothing of this project: all numbers are in the policy's contract
(docs/policies.md). For a robot, replace `Simulation`: sensors in `read`, motor drivers in `move`.
"""

import argparse
import contextlib
import hashlib
import importlib
import json
import math
import os
import runpy
import signal
import sys
import time
import warnings
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Iterator, Optional

if sys.platform == "linux" and not os.environ.get("DISPLAY"):
    os.environ.setdefault("MUJOCO_GL", "egl")  # for videos; read when mujoco is imported
if __name__ == "__main__":  # Ctrl-C, also while importing; a robot's motors would be switched off here
    signal.signal(signal.SIGINT, lambda *_: (os.write(1, b"Stopped.\n"), os._exit(130)))

import mujoco.viewer
import numpy as np
import onnxruntime

f32 = partial(np.asarray, dtype=np.float32)  # what policies see and say
READINGS = {
    "gravity": 3,
    "clock": 2,
    "command_lin_vel": 2,
    "command_yaw_rate": 1,
    "base_ang_vel": 3,
    "euler": 3,
    "command_posture": 3,
}
WALKING = ["vx", "vy", "yaw_rate"]
JOINT_NUMBERS = ("default_joint_pos", "stiffness", "damping", "torque_limit")
GROUND = (mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_HFIELD)
DISABLED = mujoco.mjtDisableBit.mjDSBL_ACTUATION | mujoco.mjtDisableBit.mjDSBL_AUTORESET


class Policy:
    """The network, and the contract it carries."""

    def __init__(self, path: str, own: Any = None) -> None:
        require(Path(path).is_file(), f"There is no policy {path}.")
        content = Path(path).read_bytes()
        require(content[:2] != b"PK", f"{path} is no ONNX: trainers.export writes one from a checkpoint.")
        with saying(f"{path} cannot be run"):
            self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        metadata = self.session.get_modelmeta().custom_metadata_map
        digest = hashlib.sha256(content[:-64]).hexdigest()  # our exports end in it
        require(metadata.get("sha256", digest) == digest, f"{path} was damaged: its sha256 is another.")
        require("contract" in metadata, f"{path} carries no contract; trainers.export writes files that do.")
        self.contract = c = read_contract(metadata["contract"], f"The contract in {path}", own)
        self.own = own
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        sizes = [inputs[0].shape[-1], outputs[0].shape[-1]]
        expected = [Observer(c).size, len(c["joint_names"])]
        require(sizes == expected, f"{path} has in- and output of {sizes}, its contract says {expected}.")
        self.input = inputs[0].name
        self.memory = {x.name: f32(np.zeros([1, *x.shape[1:]])) for x in inputs[1:]}  # of a recurrent policy
        self.reset()

    def reset(self) -> None:
        """Forget: an episode starts."""
        self.state = dict(self.memory)

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        action, *state = self.session.run(None, {self.input: observation[None], **self.state})
        # A motor does with NaN whatever its driver likes, and clipping may hide infinity.
        finite = all(np.isfinite(value).all() for value in (observation, action, *state))
        require(finite, "The policy saw or said what is not finite: its weights, or a sensor, are broken.")
        self.state = dict(zip(self.state, state))
        return action[0].clip(-self.contract["action_clip"], self.contract["action_clip"])


def read_contract(text: str, source: str, own: Any = None) -> dict:
    """The contract, if it is whole and its numbers make sense."""

    def sane(name: str, makes_sense: object) -> None:
        require(makes_sense, f"{source} makes no sense: its {name} is {c[name]}.")

    with saying(f"{source} is none"):
        c = json.loads(text)
        sha256, content = c.pop("sha256", None), json.dumps(c, sort_keys=True, separators=(",", ":")).encode()
        require(hashlib.sha256(content).hexdigest() == sha256, f"{source} was changed.")
        n = len(c["joint_names"])
        sane("joint_names", n > 0 and len(set(c["joint_names"])) == n)
        for name in ("timestep", "action_clip", "clock_period", "observation_clip"):
            sane(name, 0.0 < c[name] < math.inf)
        if c["version"] < 3:  # one scale for all joints, and inertias of rotors as the model says
            c["action_scale"], c["armature"] = [c["action_scale"]] * n, [None] * n
        if c["version"] < 4:
            c["commands"] = [{"name": name} for name in WALKING]
        c.setdefault("current_terms", [])  # since version 5: what comes once, behind the frames
        c["neutral"] = [command.get("neutral", 0.0) for command in c["commands"]]
        sane(
            "action_scale", len(c["action_scale"]) == n and all(0.0 < x < math.inf for x in c["action_scale"])
        )
        known = [x is None or 0.0 <= x < math.inf for x in c["armature"]]
        sane("armature", len(known) == n and all(known))
        for name in ("decimation", "observation_history"):
            sane(name, type(c[name]) is int and 1 <= c[name] <= 1000)
        for name in JOINT_NUMBERS:
            sane(name, len(c[name]) == n and all(map(math.isfinite, c[name])))
            sane(name, name == "default_joint_pos" or min(c[name]) >= 0.0)
        sizes = {**READINGS, "joint_pos": n, "joint_vel": n, "action": n}
        for t in [*c["observation_terms"], *c["current_terms"]]:
            if hasattr(own, t["name"]):
                sizes[t["name"]] = t["size"]
        for name in ("observation_terms", "current_terms"):
            known = [sizes.get(t["name"]) == t["size"] and math.isfinite(t["scale"]) for t in c[name]]
            sane(name, all(known) and (known or name == "current_terms"))
        sane("observation_order", c["observation_order"] == "oldest_first")
        sane("implicit_damping", c["implicit_damping"] in (True, False))
    return c


class Observer:
    """Builds observations: the latest frames, oldest first; those from before the start are zero. Behind them
    comes what does not stack, as it is now."""

    def __init__(self, c: dict, own: Any = None) -> None:
        size, behind = (sum(t["size"] for t in c[name]) for name in ("observation_terms", "current_terms"))
        self.contract, self.own, self.step = c, own, 0
        self.frames = f32(np.zeros([c["observation_history"], size]))
        self.size = self.frames.size + behind

    def __call__(self, sensors: dict, command: np.ndarray, action: np.ndarray) -> np.ndarray:
        """sensors: see `Simulation.read`; action: the last one, zeros at the start."""
        c = self.contract
        phase = f32(self.step) * f32(c["timestep"] * c["decimation"]) / f32(c["clock_period"])
        angle = float(f32(2.0 * np.pi) * phase)  # sines are taken in float64: the same from any library
        w, x, y, z = sensors["base_quat"].astype(float)
        readings = {
            "clock": [np.sin(angle), np.cos(angle)],
            "command_lin_vel": command[:2],
            "command_yaw_rate": command[2:3],
            "command_posture": command - f32(c["neutral"]),
            "joint_pos": sensors["joint_pos"] - f32(c["default_joint_pos"]),
            "joint_vel": sensors["joint_vel"],
            "action": action,
            "base_ang_vel": sensors["base_ang_vel"],
            "gravity": [2.0 * (w * y - x * z), -2.0 * (w * x + y * z), 2.0 * (x * x + y * y) - 1.0],
            "euler": [
                np.arctan2(2.0 * (w * x + y * z), w * w - x * x - y * y + z * z),
                np.arcsin(np.clip(2.0 * (w * y - z * x), -1.0, 1.0)),
                np.arctan2(2.0 * (w * z + x * y), w * w + x * x - y * y - z * z),
            ],
        }
        for name in [t["name"] for t in c["observation_terms"] + c["current_terms"]]:
            if hasattr(self.own, name):
                readings[name] = getattr(self.own, name)(sensors, command, c, self.step)
        frame, behind = (
            [f32(term["scale"]) * f32(readings[term["name"]]) for term in c[name]]
            for name in ("observation_terms", "current_terms")
        )
        self.frames = np.vstack([self.frames[1:], np.concatenate(frame)])
        self.step += 1
        seen = np.concatenate([self.frames.ravel(), *behind])
        return seen.clip(-c["observation_clip"], c["observation_clip"])


class Simulation:
    """The robot: joints found by name, driven by the contract's PD law instead of the MJCF's actuators."""

    def __init__(self, model: mujoco.MjModel, c: dict, ignore_servos: bool = False) -> None:
        names = [model.joint(index).name for index in range(model.njnt)]
        for name in c["joint_names"]:
            require(name in names, f"The MJCF has no joint {name!r}: the policy is for robot {c['robot']!r}.")
        joints = [names.index(name) for name in c["joint_names"]]
        hinges = model.jnt_type[joints] == int(mujoco.mjtJoint.mjJNT_HINGE)
        require(hinges.all(), "The policy's joints must be hinges in the MJCF.")
        self.q, self.v = model.jnt_qposadr[joints], model.jnt_dofadr[joints]
        self.start, self.kp, self.kd, self.limit = (np.array(c[key]) for key in JOINT_NUMBERS)
        self.base, self.quat, self.gyro = find_base(model)
        if not ignore_servos:
            require_servos(model, c, joints)
        for dof, armature in zip(self.v, c["armature"]):
            model.dof_armature[dof] = model.dof_armature[dof] if armature is None else armature
        # Motor drivers run the PD law at 1 kHz or more; so it is here if training took long, implicit steps.
        model.opt.timestep = 0.001 if c["implicit_damping"] else c["timestep"]
        period = c["timestep"] * c["decimation"]
        self.decimation = round(period / model.opt.timestep)
        whole = abs(self.decimation * model.opt.timestep - period) < 1e-9 and self.decimation > 0
        require(whole, f"An action every {period} s is not a whole number of {model.opt.timestep} s steps.")
        model.opt.disableflags |= DISABLED
        self.model, self.data = model, mujoco.MjData(model)
        self.reset()

    def reset(self) -> None:
        """The model's own pose, with the joints where a zero action wants them."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[self.q] = self.start
        mujoco.mj_kinematics(self.model, self.data)
        self.least = 0.6 * self.data.xpos[self.base, 2]

    @property
    def stands(self) -> bool:
        """Whether the base is above six tenths of its height at the start."""
        return self.data.xpos[self.base, 2] > self.least

    def read(self) -> dict:
        """Encoders in the contract's order; orientation (wxyz) and body-frame angular velocity of an IMU."""
        q, v = f32(self.data.qpos), f32(self.data.qvel)
        base = {"base_quat": q[self.quat : self.quat + 4], "base_ang_vel": v[self.gyro : self.gyro + 3]}
        return {"joint_pos": q[self.q], "joint_vel": v[self.v], **base}

    def move(self, target: np.ndarray) -> None:
        """Pull the joints to these angles until the next action is due: kp (target − q) − kd q̇, limited."""
        for _ in range(self.decimation):
            torque = self.kp * target - (self.kp * self.data.qpos[self.q] + self.kd * self.data.qvel[self.v])
            self.data.qfrc_applied[self.v] = torque.clip(-self.limit, self.limit)
            mujoco.mj_step(self.model, self.data)
        require(np.isfinite([*self.data.qpos, *self.data.qvel]).all(), "The simulation diverged.")


def load_model(path: str) -> mujoco.MjModel:
    """The MJCF, with a ground if it has none."""
    spec = mujoco.MjSpec.from_file(path)
    if not any(geom.type in GROUND for geom in spec.worldbody.geoms):
        spec.worldbody.add_geom(type=GROUND[0], size=[0, 0, 1], rgba=[0.5, 0.5, 0.5, 1])
    return spec.compile()


def find_base(model: mujoco.MjModel) -> tuple:
    """The body that floats, by a free joint or by three slides and a ball; where qpos has its orientation
    (wxyz), and qvel its angular velocity in its own frame."""
    for kind, body, q, v in zip(model.jnt_type, model.jnt_bodyid, model.jnt_qposadr, model.jnt_dofadr):
        if kind == int(mujoco.mjtJoint.mjJNT_FREE):
            return body, q + 3, v + 3
        if kind == int(mujoco.mjtJoint.mjJNT_BALL) and (model.jnt_bodyid == body).sum() == 4:
            return body, q, v
    raise SystemExit(
        "Error: this model's robot does not float. It takes a free joint, or three slides and a ball, on its "
        "base, and a floor below; a URDF has neither: take the robot's MJCF."
    )


def require_servos(model: mujoco.MjModel, c: dict, joints: list) -> None:
    """Where the model states gains and limit of a joint, as a position servo, they must be the contract's."""
    for servo in np.flatnonzero(model.actuator_biastype == int(mujoco.mjtBias.mjBIAS_AFFINE)):
        if (joint := model.actuator_trnid[servo, 0]) in joints:
            _, kp, kd = -model.actuator_biasprm[servo, :3]
            stated = dict(zip(JOINT_NUMBERS[1:], (kp, kd, model.actuator_forcerange[servo, 1])))
            for name, value in stated.items():
                own = c[name][joints.index(joint)]
                same = math.isclose(value, own, rel_tol=1e-6) or (name == "torque_limit" and value == 0.0)
                what = f"{name} of {model.joint(joint).name} is {own}, the model's {value:g}."
                remedy = "With --ignore-servos the policy's gains count, as for a model as its maker has it."
                require(same, f"The policy does not fit the model: its {what} {remedy}")


def require(condition: object, otherwise: str) -> None:
    if not condition:
        raise SystemExit(f"Error: {otherwise}")


@contextlib.contextmanager
def saying(what: str) -> Iterator[None]:
    """Errors of any library become one line."""
    try:
        yield
    except Exception as error:
        text = " ".join(str(error).split())
        raise SystemExit(f"Error: {what}: {type(error).__name__}: {text}") from None


def open_viewer(robot: Simulation) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glfw's, that there is no display
        shown = sys.platform == "darwin" or mujoco.viewer.glfw.init()
    require(shown, "--viewer needs a display, and this machine has none: take --video walk.mp4.")
    with saying("The window cannot be opened"):  # macOS wants mjpython
        return mujoco.viewer.launch_passive(robot.model, robot.data)


def walk(policy: Policy, robot: Simulation, command: list, seconds: float) -> Iterator[Optional[np.ndarray]]:
    """Walk until the robot falls or its time is over. Yields the base's vx, vy (m/s) and yaw rate (rad/s)
    after each action; None where somebody reset the simulation meanwhile, and all starts anew."""
    c, data, velocity = policy.contract, robot.data, np.zeros(6)
    observer = Observer(c, policy.own)
    action = f32(0.0 * robot.q)
    while data.time < seconds - 1e-6 and robot.stands:
        action = policy(observer(robot.read(), f32(command), action))
        robot.move(f32(c["default_joint_pos"]) + f32(c["action_scale"]) * action)
        mujoco.mj_objectVelocity(robot.model, data, mujoco.mjtObj.mjOBJ_XBODY, robot.base, velocity, 1)
        now = data.time
        yield velocity[[3, 4, 2]]
        if data.time < now:
            robot.reset()
            policy.reset()
            observer, action = Observer(c, policy.own), f32(0.0 * robot.q)
            yield None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("policy", help="an .onnx file with a contract")
    parser.add_argument("--model", default=str(Path(__file__).parents[1] / "assets/xbot_l/xbot_l.xml"))
    parser.add_argument("--ignore-servos", action="store_true", help="whatever gains the model's motors have")
    parser.add_argument("--command", nargs="+", type=float, metavar="X", help="as the contract's commands")
    parser.add_argument("--readings", help="a .py file: f(sensors, command, contract, step) by terms' names")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--viewer", action="store_true", help="watch it in real time; Backspace starts anew")
    parser.add_argument("--video", help="write this mp4; needs imageio[ffmpeg]")
    args = parser.parse_args()
    require(0.0 < args.seconds < math.inf, f"--seconds must be positive, not {args.seconds}.")
    own = None
    if args.readings:
        with saying(f"{args.readings} gives no readings"):
            own = SimpleNamespace(**runpy.run_path(args.readings))
    policy = Policy(args.policy, own)
    told = [command["name"] for command in policy.contract["commands"]]
    command = args.command or ([0.4, 0.0, 0.0] if told == WALKING else [])
    require(all(map(math.isfinite, command)), f"--command must be finite, not {command}.")
    require(len(command) == len(told), f"--command takes {len(told)}: {' '.join(told)}; not {len(command)}.")
    require(Path(args.model).is_file(), f"There is no model {args.model}.")
    with saying(f"{args.model} is no model for MuJoCo"):
        model = load_model(args.model)
    robot = Simulation(model, policy.contract, args.ignore_servos)
    viewer = open_viewer(robot) if args.viewer else None
    with saying("No video can be made (imageio[ffmpeg], OpenGL)"):
        video = importlib.import_module("imageio.v2").get_writer(args.video, fps=50) if args.video else None
        renderer = mujoco.Renderer(model, 480, 640) if args.video else None
    data, start, velocities = robot.data, time.monotonic(), []
    for velocity in walk(policy, robot, command, args.seconds):
        if velocity is None:
            print("Reset: the robot starts anew.")
            start, velocities = time.monotonic(), []
            continue
        velocities.append(velocity)
        if viewer:
            viewer.sync()
            time.sleep(max(0.0, start + data.time - time.monotonic()))
            if not viewer.is_running():
                break
        if video and renderer and len(velocities) % 2 == 0:
            renderer.update_scene(data, 0 if model.ncam else -1)
            video.append_data(renderer.render())
    if video:
        video.close()
    require(velocities, "The robot was on the ground at the start.")
    vx, vy, yaw_rate = np.mean(velocities[len(velocities) // 4 :], axis=0)
    print(f"{'Walked' if robot.stands else 'Fell after'} {data.time:.2f} s.")
    print(f"Mean velocity after the first quarter: {vx:.3f} {vy:.3f} m/s, {yaw_rate:.3f} rad/s.")


if __name__ == "__main__":
    main()
