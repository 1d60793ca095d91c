"""The adapter over the stand-in: what it tells Isaac Gym and when. Its physics: tests/simulators."""

# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportAttributeAccessIssue=false
from __future__ import annotations

import dataclasses
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
import torch

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.pd_controller import pd_torque
from humanoid_envs.simulators.simulator import PhysicsConfig, RobotState, default_parameters
from tests.isaacgym.simulators import (
    EVERYONE,
    FEET_TOUCHING,
    FLYING,
    LYING,
    NUM_ENVS,
    STANDING,
    copied,
    count_calls,
    make,
    mask_of,
    states,
    targets,
    worlds,
)


def test_setup_is_that_of_the_release() -> None:
    simulator = make()
    params = simulator._scene.sim.params
    physx = {name: getattr(params.physx, name) for name in vars(type(params.physx)) if name[0] != "_"}
    expected = {
        "solver_type": 1,
        "num_position_iterations": 4,
        "num_velocity_iterations": 1,
        "contact_offset": 0.01,
        "rest_offset": 0.0,
        "bounce_threshold_velocity": 0.1,
        "max_depenetration_velocity": 1.0,
        "max_gpu_contact_pairs": 2**23,
        "default_buffer_size_multiplier": 5.0,
        "contact_collection": 2,
        "use_gpu": False,
    }
    assert physx == pytest.approx(expected)
    assert (params.substeps, params.up_axis) == (1, 1)
    assert params.dt != simulator.physics.timestep  # a C float: nothing may be counted by it
    ground = simulator._scene.sim.ground
    assert (ground.static_friction, ground.dynamic_friction) == pytest.approx((0.6, 0.6))


def test_joint_properties_are_set_by_name() -> None:
    from humanoid_envs.simulators.isaacgym import IsaacGymSimulator

    armature = {name: 0.01 * index for index, name in enumerate(XBOT_L.joint_names)}
    joints = tuple(dataclasses.replace(joint, armature=armature[joint.name]) for joint in XBOT_L.joints)
    simulator = IsaacGymSimulator(dataclasses.replace(XBOT_L, joints=joints[::-1]), device="cpu")
    world, mjcf = worlds(simulator)[0], ElementTree.parse(XBOT_L.mjcf).getroot()
    limits = {joint.get("name"): joint.get("range", "").split() for joint in mjcf.iter("joint")}
    for name, properties in zip(world.asset.dof_names, world.dof_properties):
        assert properties["driveMode"] == 3
        assert properties["armature"] == pytest.approx(armature[name])
        assert (properties["damping"], properties["friction"], properties["stiffness"]) == (0.0, 0.0, 0.0)
        assert [properties["lower"], properties["upper"]] == pytest.approx([float(v) for v in limits[name]])
        # The PD law's own limits must be the only ones.
        assert properties["effort"] > max(joint.torque_limit for joint in XBOT_L.joints)


def test_friction_and_mass_per_env() -> None:
    simulator = make()
    nominal = default_parameters(XBOT_L, NUM_ENVS, "cpu")
    drawn = dataclasses.replace(
        nominal,
        foot_friction=torch.tensor([0.1, 0.7, 1.3, 2.0]),
        base_mass=nominal.base_mass + torch.tensor([-5.0, -1.0, 2.0, 5.0]),
        base_com=0.01 * torch.arange(12.0).view(4, 3),
    )
    before = worlds(simulator)[0].body_properties()
    simulator.set_parameters(mask_of(1, 2), drawn)
    simulator.set_parameters(mask_of(2, 3), drawn)  # again before the step, which then tells PhysX once
    simulator.step(targets())
    for env, world in enumerate(worlds(simulator)):
        changed = env > 0
        friction = float(drawn.foot_friction[env]) if changed else 1.0
        for name, shapes in zip(world.asset.body_names, world.asset.shapes_of_body):
            expected = 0.5 * (0.6 + (friction if name in XBOT_L.foot_bodies else 1.0))
            assert world.model.geom_friction[shapes, 0] == pytest.approx([expected] * len(shapes))
        mass = float(drawn.base_mass[env]) if changed else XBOT_L.base_mass
        for name, now, was in zip(world.asset.body_names, world.body_properties(), before):
            scale = mass / XBOT_L.base_mass if name == XBOT_L.base_body else 1.0
            assert now.mass == pytest.approx(was.mass * scale)
            np.testing.assert_allclose(now.inertia.array(), was.inertia.array() * scale, rtol=1e-5, atol=1e-9)
            moved = drawn.base_com[env].numpy() if changed and name == XBOT_L.base_body else np.zeros(3)
            assert now.com.array() == pytest.approx(was.com.array() + moved)


def test_state_after_reset_is_what_was_written() -> None:
    simulator, new = make(), states()
    simulator.reset(EVERYONE, new)
    for name, value in vars(new).items():
        assert torch.equal(getattr(simulator.state, name), value), name
    for name in ("joint_torque", "base_contact_force", "feet_contact_force"):
        assert not getattr(simulator.state, name).any()
    simulator.step(targets())
    before = copied(simulator.state)
    simulator.reset(mask_of(FLYING), new)
    for name, value in vars(simulator.state).items():
        assert torch.equal(value[~mask_of(FLYING)], before[name][~mask_of(FLYING)]), name
    assert torch.equal(simulator.state.joint_vel[FLYING], new.joint_vel[FLYING])


def test_physics_starts_from_the_reset_state() -> None:
    """Quaternion, frames and joint order arrive as they were meant."""
    simulator, new = make(PhysicsConfig(decimation=1)), states()
    simulator.reset(EVERYONE, new)
    shown = copied(simulator.state)
    simulator.step(targets())
    for env, world in enumerate(worlds(simulator)):
        origin = simulator._origins[env].numpy()
        model, data = world.model, mujoco.MjData(world.model)
        data.qpos[:3] = new.base_pos[env].numpy() + origin
        data.qpos[3:7] = new.base_quat[env].numpy()
        for i, name in enumerate(XBOT_L.joint_names):
            data.qpos[model.joint(name).qposadr[0]] = float(new.joint_pos[env, i])
        mujoco.mj_kinematics(model, data)
        for field, bodies in (("feet_pos", XBOT_L.foot_bodies), ("knees_pos", XBOT_L.knee_bodies)):
            for side, body in enumerate(bodies):
                expected = data.xpos[model.body(body).id] - origin
                np.testing.assert_allclose(shown[field][env, side], expected, atol=2e-6)
    assert (simulator.state.base_pos[:, :2] - new.base_pos[:, :2]).abs().max() < 5e-3
    assert (simulator.state.base_quat - new.base_quat).abs().max() < 5e-3
    assert (simulator.state.joint_pos - new.joint_pos).abs().max() < 2e-2


def test_resets_and_pushes_of_one_step_are_sent_together() -> None:
    """The setters, which may be called once between two simulates, hear nothing before the next step."""
    simulator, new = make(), states()
    simulator.reset(EVERYONE, new)
    simulator.step(targets())
    calls = count_calls(simulator)
    velocity = torch.full((NUM_ENVS, 3), 0.1)
    simulator.push(EVERYONE, velocity, velocity)
    simulator.reset(mask_of(FLYING), new)
    simulator.push(mask_of(LYING), velocity, 2.0 * velocity)
    simulator.reset(mask_of(LYING, STANDING), new)
    assert not calls
    simulator.step(targets())
    assert calls["set_actor_root_state_tensor_indexed"] == 1
    assert calls["set_dof_state_tensor_indexed"] == 1
    assert calls["set_dof_actuation_force_tensor"] == calls["simulate"] == calls["fetch_results"] == 10
    calls.clear()
    simulator.step(targets())
    assert not any("indexed" in name for name in calls)
    assert calls["simulate"] == 10
    simulator.push(mask_of(), velocity, velocity)
    simulator.reset(mask_of(), new)
    simulator.step(targets())
    assert not any("indexed" in name for name in calls)


def test_push_replaces_velocities_from_the_next_step_on() -> None:
    simulator, plain = make(PhysicsConfig(decimation=1)), make(PhysicsConfig(decimation=1))
    for s in (simulator, plain):
        s.reset(EVERYONE, states())
        s.step(targets())
    before = copied(simulator.state)
    lin_vel = torch.tensor([[0.3, -0.2, 0.1]]).repeat(NUM_ENVS, 1)
    ang_vel = torch.tensor([[-0.1, 0.2, 0.4]]).repeat(NUM_ENVS, 1)
    simulator.push(mask_of(FLYING), lin_vel, ang_vel)
    for name, value in vars(simulator.state).items():
        assert torch.equal(value, before[name]), name
    for s in (simulator, plain):
        s.step(before["joint_pos"])
    change = (simulator.state.base_pos - before["base_pos"])[FLYING] / simulator.physics.timestep
    torch.testing.assert_close(change, simulator.state.base_lin_vel[FLYING], atol=2e-3, rtol=0.0)
    assert (simulator.state.base_lin_vel[FLYING] - lin_vel[FLYING]).norm() < 0.3
    torch.testing.assert_close(
        simulator.state.joint_pos[FLYING], plain.state.joint_pos[FLYING], atol=5e-3, rtol=0
    )
    for name, value in vars(simulator.state).items():
        others = ~mask_of(FLYING)
        torch.testing.assert_close(value[others], getattr(plain.state, name)[others], msg=name)


def test_torque_is_the_pd_law_in_every_simulation_step() -> None:
    whole, single = make(PhysicsConfig(decimation=3)), make(PhysicsConfig(decimation=1))
    for simulator in (whole, single):
        simulator.reset(EVERYONE, states())
    expected, gains = torch.zeros(NUM_ENVS, 12), single.parameters
    for step in range(3):
        state = single.state
        expected = pd_torque(
            3.0 * targets(),
            state.joint_pos,
            state.joint_vel,
            gains.stiffness,
            gains.damping,
            gains.torque_limit,
        )
        single.step(3.0 * targets())
        assert torch.equal(single.state.joint_torque, expected), step
    whole.step(3.0 * targets())
    assert (expected.abs() == gains.torque_limit).any()
    assert torch.equal(whole.state.joint_torque, expected)
    assert torch.equal(whole.state.joint_pos, single.state.joint_pos)
    applied = worlds(whole)[FLYING].data.qfrc_applied
    by_name = [applied[worlds(whole)[FLYING].model.joint(name).dofadr[0]] for name in XBOT_L.joint_names]
    np.testing.assert_allclose(by_name, expected[FLYING])


def test_forces_act_in_every_simulation_step_until_they_are_set_again() -> None:
    """PhysX forgets them after one; the stand-in's numbers are C MuJoCo's `xfrc_applied`."""
    simulator = make()
    simulator.reset(EVERYONE, states())
    calls = count_calls(simulator)
    simulator.step(targets())
    assert not calls["apply_rigid_body_force_tensors"]
    forces = torch.zeros(NUM_ENVS, 1 + XBOT_L.num_joints, 3)
    knee = 1 + XBOT_L.joint_names.index("right_knee_joint")
    forces[STANDING, 0, 1], forces[FLYING, knee, 0], forces[LYING, 0, 2] = 200.0, 100.0, 400.0
    simulator.apply_forces(forces)
    simulator.reset(mask_of(LYING), states())  # ends the force on this robot
    simulator.step(targets())
    assert calls["apply_rigid_body_force_tensors"] == 10
    for env, body, force in ((STANDING, "base_link", [0, 200, 0]), (FLYING, "right_knee_link", [100, 0, 0])):
        data = worlds(simulator)[env].data
        assert data.body(body).xfrc_applied.tolist() == [*force, 0, 0, 0]
        assert (data.xfrc_applied != 0.0).sum() == 1
    assert not worlds(simulator)[LYING].data.xfrc_applied.any()
    simulator.apply_forces(torch.zeros_like(forces))
    simulator.step(targets())
    assert not worlds(simulator)[STANDING].data.xfrc_applied.any()


def test_contact_forces() -> None:
    simulator = make(PhysicsConfig(decimation=1))
    simulator.reset(EVERYONE, states())
    simulator.step(states().joint_pos)
    feet, base = simulator.state.feet_contact_force, simulator.state.base_contact_force
    assert feet[STANDING, :, 2].min() > 10.0
    assert base[LYING, 2] > 10.0
    assert not base[[STANDING, FLYING, FEET_TOUCHING]].any()
    # Left and right leg collide, base and thighs, which overlap in places, do not.
    left, right = feet[FEET_TOUCHING]
    assert left[1] > 10.0
    torch.testing.assert_close(left, -right)
    assert not feet[FLYING].any()


@pytest.mark.parametrize("how", ["targets", "physics"])
def test_divergence_is_marked_and_stays_in_its_env(how: str) -> None:
    healthy, sick = make(), make()
    for simulator in (healthy, sick):
        simulator.reset(EVERYONE, states())
    bad = targets()
    if how == "targets":
        bad[FLYING, 3] = float("nan")
    else:
        worlds(sick)[FLYING].model.body_mass[1] = float("nan")
    healthy.step(targets())
    sick.step(bad)
    assert sick.diverged.tolist() == [env == FLYING for env in range(NUM_ENVS)]
    assert not healthy.diverged.any()
    for name, value in vars(healthy.state).items():
        shown = getattr(sick.state, name)
        assert shown.isfinite().all(), name
        assert torch.equal(shown[~sick.diverged], value[~sick.diverged]), name
    assert sick.state.base_pos[FLYING].tolist() == pytest.approx([0.0, 0.0, XBOT_L.start_height])
    assert not sick.state.joint_torque[FLYING].any()
    assert not sick.state.feet_contact_force[FLYING].any()
    if how == "targets":
        sick.reset(sick.diverged, states())
        assert not sick.diverged.any()
        sick.step(targets())
        assert not sick.diverged.any()


def test_state_dict_continues() -> None:
    simulator, other = make(), make()
    simulator.reset(EVERYONE, states())
    heavy = default_parameters(XBOT_L, NUM_ENVS, "cpu")
    simulator.set_parameters(mask_of(FLYING), dataclasses.replace(heavy, base_mass=heavy.base_mass + 4.0))
    simulator.step(targets())
    velocity = torch.full((NUM_ENVS, 3), 0.2)
    simulator.push(mask_of(STANDING), velocity, velocity)
    simulator.reset(mask_of(LYING), states())
    saved, shown = simulator.state_dict(), copied(simulator.state)
    other.load_state_dict(saved)
    for name, value in vars(other.state).items():
        assert torch.equal(value, shown[name]), name
    for _ in range(3):
        simulator.step(-targets())
        other.step(-targets())
    for name, value in vars(simulator.state).items():
        torch.testing.assert_close(getattr(other.state, name), value, atol=2e-3, rtol=1e-4)
    with pytest.raises(ValueError, match="root"):
        simulator.load_state_dict({**saved, "root": saved["root"][:2]})


def test_bad_arguments(tmp_path: Path) -> None:
    from humanoid_envs.simulators.isaacgym import IsaacGymSimulator

    with pytest.raises(ValueError, match="implicit_damping"):
        make(PhysicsConfig(implicit_damping=True))
    with pytest.raises(ValueError, match="contact_time_constant"):
        make(PhysicsConfig(contact_time_constant=0.01))
    with pytest.raises(ValueError, match="num_envs must be at least 1, got 0"):
        make(num_envs=0)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match=r"no device 'cuda:0' for Isaac Gym.*'mujoco'"):
            IsaacGymSimulator(XBOT_L)
    joint = dataclasses.replace(XBOT_L.joints[0], name="left_wing_joint", role="wing")
    winged = dataclasses.replace(XBOT_L, joints=(*XBOT_L.joints, joint))
    with pytest.raises(ValueError, match="do not agree about left_wing_joint"):
        IsaacGymSimulator(winged, device="cpu")
    nowhere = dataclasses.replace(XBOT_L, urdf=tmp_path / "robot.urdf")
    with pytest.raises(FileNotFoundError, match=r"robot\.urdf"):
        IsaacGymSimulator(nowhere, device="cpu")


def test_gpu_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the stand-in's tensors on the CPU: the same results, fetched for pictures only."""
    from humanoid_envs.simulators import isaacgym_scene

    on_cpu = make()
    monkeypatch.setattr(isaacgym_scene, "_is_gpu", lambda device: True)
    on_gpu = make(cameras=True)
    params = on_gpu._scene.sim.params
    assert params.use_gpu_pipeline
    assert params.physx.use_gpu
    calls = count_calls(on_gpu)
    for simulator in (on_cpu, on_gpu):
        simulator.reset(EVERYONE, states())
        simulator.step(targets())
        simulator.push(mask_of(FLYING), states().base_lin_vel, states().base_ang_vel)
        simulator.reset(mask_of(LYING), states())
        simulator.step(targets())
    for name, value in vars(on_cpu.state).items():
        assert torch.equal(getattr(on_gpu.state, name), value), name
    assert calls["simulate"] == 20
    assert calls["fetch_results"] == 0
    on_gpu.render()
    assert calls["fetch_results"] == 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_pipeline_equals_the_cpu() -> None:
    """Tensors on the device, physics of the stand-in on the CPU."""
    from humanoid_envs.simulators.isaacgym import IsaacGymSimulator

    on_cpu, on_gpu = make(), IsaacGymSimulator(XBOT_L, None, NUM_ENVS, "cuda:0")
    assert on_gpu._scene.sim.params.use_gpu_pipeline
    new = states()
    on_cpu.reset(EVERYONE, new)
    on_gpu.reset(EVERYONE.cuda(), RobotState(**{name: value.cuda() for name, value in vars(new).items()}))
    for _ in range(2):
        on_cpu.step(targets())
        on_gpu.step(targets().cuda())
    for name, value in vars(on_cpu.state).items():
        torch.testing.assert_close(getattr(on_gpu.state, name).cpu(), value, atol=1e-3, rtol=1e-3)


def test_within_a_robot_only_left_and_right_leg_collide() -> None:
    """Of the trunk's shapes none meets a leg's, as in the MJCF: in PhysX, shapes that share a bit pass."""
    world = worlds(make())[0]
    model, names = world.model, dict(zip(world.asset.bodies, world.asset.body_names))

    def part(geom: int) -> str:
        return names[model.geom_bodyid[geom]].split("_")[0]  # base, left, right

    met = {
        frozenset((part(first), part(second)))
        for first in world.asset.shapes
        for second in world.asset.shapes
        if model.geom_contype[first] & model.geom_conaffinity[second]
    }
    assert met == {frozenset(("left", "right"))}
    ground = world.asset.ground
    for geom in world.asset.shapes:
        assert model.geom_contype[geom] & model.geom_conaffinity[ground], names[model.geom_bodyid[geom]]
