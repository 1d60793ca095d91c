"""Warp kernels between MuJoCo Warp's arrays and the simulator's state. Quaternions are wxyz, as in both."""

# Warp compiles these functions from their source; as Python they do not type-check.
# pyright: reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportGeneralTypeIssues=false

import mujoco_warp as mjw
import warp as wp

BAD_NUMBER = wp.constant(1.0e10)
"""Beyond this MuJoCo takes a state as diverged."""

CONTACTS_DROPPED = wp.constant(
    int(
        mjw.OverflowType.BROADPHASE
        | mjw.OverflowType.NARROWPHASE
        | mjw.OverflowType.CCD
        | mjw.OverflowType.HFIELD
        | mjw.OverflowType.EPA_HORIZON
    )
)
CONSTRAINTS_DROPPED = wp.constant(
    int(mjw.OverflowType.NEFC | mjw.OverflowType.NJMAX_NNZ | mjw.OverflowType.NVMAX)
)
"""Bits of MuJoCo Warp's overflow flags. The others tell of a solver that stopped early, or of sensors."""


@wp.func
def multiply(a: wp.vec4, b: wp.vec4) -> wp.vec4:
    """Hamilton product."""
    va = wp.vec3(a[1], a[2], a[3])
    vb = wp.vec3(b[1], b[2], b[3])
    v = a[0] * vb + b[0] * va + wp.cross(va, vb)
    return wp.vec4(a[0] * b[0] - wp.dot(va, vb), v[0], v[1], v[2])


@wp.func
def rotate(quat: wp.vec4, vector: wp.vec3) -> wp.vec3:
    xyz = wp.vec3(quat[1], quat[2], quat[3])
    cross = 2.0 * wp.cross(xyz, vector)
    return vector + quat[0] * cross + wp.cross(xyz, cross)


@wp.func
def rotate_inverse(quat: wp.vec4, vector: wp.vec3) -> wp.vec3:
    return rotate(wp.vec4(quat[0], -quat[1], -quat[2], -quat[3]), vector)


@wp.func
def row3(values: wp.array2d[float], row: int, column: int) -> wp.vec3:
    return wp.vec3(values[row, column], values[row, column + 1], values[row, column + 2])


@wp.func
def row4(values: wp.array2d[float], row: int, column: int) -> wp.vec4:
    v = row3(values, row, column + 1)
    return wp.vec4(values[row, column], v[0], v[1], v[2])


@wp.func
def set_row3(values: wp.array2d[float], row: int, column: int, vector: wp.vec3):
    for i in range(3):
        values[row, column + i] = vector[i]


@wp.func
def write_base_velocity(
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    base_qpos: int,
    base_dof: int,
    env: int,
    lin_vel: wp.vec3,
    ang_vel: wp.vec3,
):
    """MuJoCo keeps the angular velocity of a free joint in the body's frame."""
    set_row3(qvel, env, base_dof, lin_vel)
    set_row3(qvel, env, base_dof + 3, rotate_inverse(row4(qpos, env, base_qpos + 3), ang_vel))


@wp.func
def forget(
    env: int,
    warmstart: wp.array2d[float],
    actuator_force: wp.array2d[float],
    applied_force: wp.array2d[wp.spatial_vector],
):
    """Clear what an env carries from step to step beside its motion."""
    for i in range(warmstart.shape[1]):
        warmstart[env, i] = 0.0
    for i in range(actuator_force.shape[1]):
        actuator_force[env, i] = 0.0
    for i in range(applied_force.shape[1]):
        applied_force[env, i] = wp.spatial_vector()


@wp.kernel(enable_backward=False)
def push_base(
    mask: wp.array[bool],
    lin_vel: wp.array2d[float],
    ang_vel: wp.array2d[float],
    base_qpos: int,
    base_dof: int,
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
):
    """New base velocities, world frame. One thread per env."""
    env = wp.tid()
    if mask[env]:
        write_base_velocity(
            qpos, qvel, base_qpos, base_dof, env, row3(lin_vel, env, 0), row3(ang_vel, env, 0)
        )


@wp.kernel(enable_backward=False)
def restart(
    mask: wp.array[bool],
    base_pos: wp.array2d[float],
    base_quat: wp.array2d[float],
    base_lin_vel: wp.array2d[float],
    base_ang_vel: wp.array2d[float],
    joint_pos: wp.array2d[float],
    joint_vel: wp.array2d[float],
    base_qpos: int,
    base_dof: int,
    joint_qpos: wp.array[int],
    joint_dof: wp.array[int],
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    warmstart: wp.array2d[float],
    actuator_force: wp.array2d[float],
    applied_force: wp.array2d[wp.spatial_vector],
):
    """Put the masked envs into a new state, at rest in every other respect. One thread per env."""
    env = wp.tid()
    if not mask[env]:
        return
    set_row3(qpos, env, base_qpos, row3(base_pos, env, 0))
    for i in range(4):
        qpos[env, base_qpos + 3 + i] = base_quat[env, i]
    for j in range(joint_qpos.shape[0]):
        qpos[env, joint_qpos[j]] = joint_pos[env, j]
        qvel[env, joint_dof[j]] = joint_vel[env, j]
    write_base_velocity(
        qpos, qvel, base_qpos, base_dof, env, row3(base_lin_vel, env, 0), row3(base_ang_vel, env, 0)
    )
    forget(env, warmstart, actuator_force, applied_force)


@wp.kernel(enable_backward=False)
def note_trouble(
    qpos0: wp.array2d[float],
    ctrl: wp.array2d[float],
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    warmstart: wp.array2d[float],
    actuator_force: wp.array2d[float],
    applied_force: wp.array2d[wp.spatial_vector],
    overflow: wp.array[int],
    diverged: wp.array[bool],
    contacts_dropped: wp.array[bool],
    constraints_dropped: wp.array[bool],
):
    """Mark the envs with bad numbers and put them into the model's initial state; mark those that lacked room
    since the last call. One thread per env."""
    env = wp.tid()
    flags = overflow[env]
    contacts_dropped[env] = (flags & CONTACTS_DROPPED) != 0
    constraints_dropped[env] = (flags & CONSTRAINTS_DROPPED) != 0
    overflow[env] = 0
    size = float(0.0)  # noqa: UP018 (a variable to Warp); sums need no branch, so the loads overlap
    for i in range(qpos.shape[1]):
        size += wp.abs(qpos[env, i])
    for i in range(qvel.shape[1]):
        size += wp.abs(qvel[env, i])
    for i in range(ctrl.shape[1]):
        size += wp.abs(ctrl[env, i])
    bad = not size < BAD_NUMBER  # true for NaN
    diverged[env] = bad
    if bad:
        for i in range(qpos.shape[1]):
            qpos[env, i] = qpos0[0, i]
        for i in range(qvel.shape[1]):
            qvel[env, i] = 0.0
        forget(env, warmstart, actuator_force, applied_force)


@wp.kernel(enable_backward=False)
def read_state(
    mask: wp.array[bool],
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    actuator_force: wp.array2d[float],
    base_qpos: int,
    base_dof: int,
    joint_qpos: wp.array[int],
    joint_dof: wp.array[int],
    actuators: wp.array[int],
    leg_pos: wp.array2d[wp.vec3],
    leg_quat: wp.array2d[wp.vec4],
    leg_axis: wp.array2d[wp.vec3],
    leg_qpos: wp.array2d[int],
    leg_dof: wp.array2d[int],
    knee_link: wp.array[int],
    # what it fills
    base_pos: wp.array2d[float],
    base_quat: wp.array2d[float],
    base_lin_vel: wp.array2d[float],
    base_ang_vel: wp.array2d[float],
    joint_pos: wp.array2d[float],
    joint_vel: wp.array2d[float],
    joint_torque: wp.array2d[float],
    feet_pos: wp.array2d[wp.vec3],
    feet_vel: wp.array2d[wp.vec3],
    knees_pos: wp.array2d[wp.vec3],
    knees_vel: wp.array2d[wp.vec3],
    base_contact_force: wp.array[wp.vec3],
    feet_contact_force: wp.array2d[wp.vec3],
):
    """The masked envs' state; contact forces become zero. One thread per env and leg.

    Feet and knees come from forward kinematics along the leg, hip to foot: hinges at the origins of their
    bodies. leg_pos, leg_quat: pose of each link in its parent's frame at joint angle zero.
    """
    env, leg = wp.tid()
    if not mask[env]:
        return
    pos = row3(qpos, env, base_qpos)
    quat = row4(qpos, env, base_qpos + 3)
    lin_vel = row3(qvel, env, base_dof)
    ang_vel = rotate(quat, row3(qvel, env, base_dof + 3))
    if leg == 0:
        set_row3(base_pos, env, 0, pos)
        for i in range(4):
            base_quat[env, i] = quat[i]
        set_row3(base_lin_vel, env, 0, lin_vel)
        set_row3(base_ang_vel, env, 0, ang_vel)
        base_contact_force[env] = wp.vec3()
    for j in range(leg, joint_qpos.shape[0], 2):
        joint_pos[env, j] = qpos[env, joint_qpos[j]]
        joint_vel[env, j] = qvel[env, joint_dof[j]]
        joint_torque[env, j] = actuator_force[env, actuators[j]]
    for k in range(leg_pos.shape[1]):
        offset = rotate(quat, leg_pos[leg, k])
        pos += offset
        lin_vel += wp.cross(ang_vel, offset)
        axis = leg_axis[leg, k]
        half = 0.5 * qpos[env, leg_qpos[leg, k]]
        turn = wp.sin(half) * axis
        hinge = wp.vec4(wp.cos(half), turn[0], turn[1], turn[2])
        quat = multiply(multiply(quat, leg_quat[leg, k]), hinge)
        ang_vel += rotate(quat, qvel[env, leg_dof[leg, k]] * axis)
        if k == knee_link[leg]:
            knees_pos[env, leg] = pos
            knees_vel[env, leg] = lin_vel
    feet_pos[env, leg] = pos
    feet_vel[env, leg] = lin_vel
    feet_contact_force[env, leg] = wp.vec3()


@wp.func
def row_force(
    constraint_row: wp.array2d[int], constraint_force: wp.array2d[float], env: int, contact: int, i: int
) -> float:
    """Force of a contact's i-th constraint row; none if there was no room for the row."""
    row = constraint_row[contact, i]
    if row < 0:
        return 0.0
    return constraint_force[env, row]


@wp.kernel(enable_backward=False)
def add_contact_forces(
    num_contacts: wp.array[int],
    contact_env: wp.array[int],
    contact_geoms: wp.array[wp.vec2i],
    contact_frame: wp.array[wp.mat33],
    contact_dim: wp.array[int],
    contact_friction: wp.array2d[float],
    constraint_row: wp.array2d[int],
    constraint_force: wp.array2d[float],
    elliptic: bool,
    geom_body: wp.array[int],
    falling: wp.array[bool],
    foot_bodies: wp.vec2i,
    diverged: wp.array[bool],
    base_contact_force: wp.array[wp.vec3],
    feet_contact_force: wp.array2d[wp.vec3],
):
    """Sum the contact forces of the last simulation step on feet and on links that must not touch anything.
    One thread per contact."""
    contact = wp.tid()
    if contact >= num_contacts[0]:
        return
    env = contact_env[contact]
    if diverged[env]:
        return
    # force along the contact's normal and two tangents, acting on the second geom
    force = wp.vec3()
    dim = contact_dim[contact]
    if elliptic or dim == 1:
        for i in range(wp.min(dim, 3)):
            force[i] = row_force(constraint_row, constraint_force, env, contact, i)
    else:  # each friction direction has two edges of the pyramid, which carry the normal force too
        for i in range(dim - 1):
            plus = row_force(constraint_row, constraint_force, env, contact, 2 * i)
            minus = row_force(constraint_row, constraint_force, env, contact, 2 * i + 1)
            force[0] += plus + minus
            if i < 2:
                force[i + 1] = contact_friction[contact, i] * (plus - minus)
    world_force = wp.transpose(contact_frame[contact]) @ force
    for side in range(2):
        body = geom_body[contact_geoms[contact][side]]
        on_body = world_force
        if side == 0:
            on_body = -world_force
        if falling[body]:
            wp.atomic_add(base_contact_force, env, on_body)
        for foot in range(2):
            if body == foot_bodies[foot]:
                wp.atomic_add(feet_contact_force, env, foot, on_body)
