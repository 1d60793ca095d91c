"""Contacts of spheres with a terrain, for MuJoCo Warp, whose own height fields lose and invent contacts.

One array of heights serves all worlds. Each sphere gets at most one contact: with the point of the surface
that is closest to its centre or, once its centre is below the ground, along the normal of the triangle above.
C MuJoCo has the same one, at times several times over, and a second one where a sphere rests in a fold.
"""

# Warp compiles these functions from their source; as Python they do not type-check.
# pyright: reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportGeneralTypeIssues=false
# pyright: reportInvalidTypeForm=false, reportReturnType=false

from __future__ import annotations

import math
from typing import List

import mujoco
import mujoco_warp as mjw
import numpy as np
import warp as wp

from humanoid_envs.simulators.contact_room import can_meet
from humanoid_envs.simulators.heights import highest_around_cells
from humanoid_envs.terrain.terrain import Terrain

vec5 = wp.types.vector(length=5, dtype=wp.float32)

_ACTS = wp.constant(1)
"""Type of a contact that becomes a constraint."""


class TerrainContacts:
    """Finds the contacts of all worlds, as MuJoCo Warp's callback after its own search for contacts."""

    def __init__(self, model: mujoco.MjModel, terrain: Terrain) -> None:
        """model: on the terrain, see `put_on_terrain`. Its ground is hidden from MuJoCo Warp here."""
        self._ground = int(np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_HFIELD)[0])
        spheres = [geom for geom in range(model.ngeom) if can_meet(model, geom, self._ground)]
        radius = model.geom_size[spheres, 0]
        _hide(model, self._ground, spheres)
        reach = math.ceil(float(radius.max()) / terrain.resolution)
        self._size = len(spheres)
        self._surface = [
            wp.array(terrain.heights, dtype=float),
            wp.array(highest_around_cells(terrain.heights, reach), dtype=float),
            wp.float64(terrain.resolution),
            wp.vec2d(*terrain.origin),
            wp.array(spheres, dtype=int),
            wp.array(radius, dtype=float),
            self._ground,
        ]

    def __call__(self, model: mjw.Model, data: mjw.Data) -> None:
        contact = data.contact
        inputs = [
            *self._surface,
            data.geom_xpos,
            model.geom_condim,
            model.geom_friction,
            model.geom_solref,
            model.geom_solimp,
            data.naconmax,
            data.nacon,
            contact.dist,
            contact.pos,
            contact.frame,
            contact.includemargin,
            contact.friction,
            contact.solref,
            contact.solreffriction,
            contact.solimp,
            contact.dim,
            contact.geom,
            contact.efc_address,
            contact.worldid,
            contact.type,
            contact.geomcollisionid,
            contact.adhesion,
        ]
        wp.launch(add_terrain_contacts, (self._size, data.nworld), inputs)


def _hide(model: mujoco.MjModel, ground: int, spheres: List[int]) -> None:
    """MuJoCo Warp shall not look for contacts with the ground."""
    model.geom_contype[ground] = model.geom_conaffinity[ground] = 0
    model.geom_conaffinity[spheres] = 0


@wp.func
def closest_on_edge(p: wp.vec3, a: wp.vec3, b: wp.vec3) -> wp.vec3:
    along = b - a
    return a + wp.clamp(wp.dot(p - a, along) / wp.length_sq(along), 0.0, 1.0) * along


@wp.func
def closest_on_triangle(p: wp.vec3, a: wp.vec3, b: wp.vec3, c: wp.vec3) -> wp.vec3:
    """The point of triangle abc that is closest to p."""
    normal = wp.cross(b - a, c - a)
    inside = (
        wp.dot(wp.cross(normal, b - a), p - a) >= 0.0
        and wp.dot(wp.cross(normal, c - b), p - b) >= 0.0
        and wp.dot(wp.cross(normal, a - c), p - c) >= 0.0
    )
    if inside:
        return p - (wp.dot(p - a, normal) / wp.length_sq(normal)) * normal
    near = closest_on_edge(p, a, b)
    for edge in range(2):
        other = closest_on_edge(p, b, c)
        if edge == 1:
            other = closest_on_edge(p, c, a)
        if wp.length_sq(p - other) < wp.length_sq(p - near):
            near = other
    return near


@wp.func
def vertex(heights: wp.array2d[float], size: float, i: int, j: int, di: int, dj: int) -> wp.vec3:
    """Grid point (i + di, j + dj) relative to (i, j), but for its height."""
    return wp.vec3(float(di) * size, float(dj) * size, heights[i + di, j + dj])


@wp.func
def triangle_above(heights: wp.array2d[float], size: float, i: int, j: int, p: wp.vec3) -> wp.vec4:
    """Upward normal of the triangle of cell (i, j) above or below p, and p's height over its plane."""
    a = vertex(heights, size, i, j, 0, 0)
    d = vertex(heights, size, i, j, 1, 1)
    normal = wp.cross(vertex(heights, size, i, j, 1, 0) - a, d - a)
    if p[1] > p[0]:
        normal = wp.cross(d - a, vertex(heights, size, i, j, 0, 1) - a)
    normal = wp.normalize(normal)
    return wp.vec4(normal[0], normal[1], normal[2], wp.dot(p - a, normal))


@wp.func
def closest_on_surface(
    heights: wp.array2d[float], size: float, i: int, j: int, p: wp.vec3, radius: float
) -> wp.vec3:
    """The point of the surface closest to p, relative to grid point (i, j), in the cells within a radius."""
    near = vertex(heights, size, i, j, 0, 0)
    first_i = wp.max(int(wp.floor((p[0] - radius) / size)), -i)
    last_i = wp.min(int(wp.floor((p[0] + radius) / size)), heights.shape[0] - 2 - i)
    first_j = wp.max(int(wp.floor((p[1] - radius) / size)), -j)
    last_j = wp.min(int(wp.floor((p[1] + radius) / size)), heights.shape[1] - 2 - j)
    for di in range(first_i, last_i + 1):
        for dj in range(first_j, last_j + 1):
            a = vertex(heights, size, i, j, di, dj)
            d = vertex(heights, size, i, j, di + 1, dj + 1)
            for half in range(2):
                b = vertex(heights, size, i, j, di + 1 - half, dj + half)
                found = closest_on_triangle(p, a, b, d)
                if wp.length_sq(p - found) < wp.length_sq(p - near):
                    near = found
    return near


@wp.func
def contact_frame(normal: wp.vec3) -> wp.mat33:
    """MuJoCo's choice of tangents, which give the friction pyramid its edges."""
    side = wp.vec3(0.0, 1.0, 0.0)
    if wp.abs(normal[1]) >= 0.5:
        side = wp.vec3(0.0, 0.0, 1.0)
    first = wp.normalize(side - wp.dot(normal, side) * normal)
    second = wp.cross(normal, first)
    return wp.matrix_from_rows(normal, first, second)


@wp.kernel(enable_backward=False)
def add_terrain_contacts(
    heights: wp.array2d[float],
    highest: wp.array2d[float],
    resolution: wp.float64,
    origin: wp.vec2d,
    sphere_geom: wp.array[int],
    sphere_radius: wp.array[float],
    ground: int,
    geom_xpos: wp.array2d[wp.vec3],
    geom_condim: wp.array[int],
    geom_friction: wp.array2d[wp.vec3],
    geom_solref: wp.array2d[wp.vec2],
    geom_solimp: wp.array2d[vec5],
    room: int,
    # what it adds to
    num_contacts: wp.array[int],
    contact_dist: wp.array[float],
    contact_pos: wp.array[wp.vec3],
    contact_frames: wp.array[wp.mat33],
    contact_includemargin: wp.array[float],
    contact_friction: wp.array[vec5],
    contact_solref: wp.array[wp.vec2],
    contact_solreffriction: wp.array[wp.vec2],
    contact_solimp: wp.array[vec5],
    contact_dim: wp.array[int],
    contact_geom: wp.array[wp.vec2i],
    contact_efc_address: wp.array2d[int],
    contact_worldid: wp.array[int],
    contact_type: wp.array[int],
    contact_geomcollisionid: wp.array[int],
    contact_adhesion: wp.array[float],
):
    """One thread per sphere and world: neighbours have the same sphere, which is near the ground, or is not,
    in most worlds alike.

    highest: of each cell and all cells that a sphere over it can touch.
    """
    sphere, world = wp.tid()
    geom = sphere_geom[sphere]
    radius = sphere_radius[sphere]
    place = geom_xpos[world, geom]
    # The cell in float64 and all else relative to it: float32 would lose 10 µm at 100 m.
    u = (wp.float64(place[0]) - origin[0]) / resolution
    v = (wp.float64(place[1]) - origin[1]) / resolution
    columns = wp.float64(highest.shape[0])
    rows = wp.float64(highest.shape[1])
    zero = wp.float64(0.0)
    on_field = u >= zero and u < columns and v >= zero and v < rows  # false for NaN
    if not on_field:
        return
    i = int(wp.floor(u))
    j = int(wp.floor(v))
    within_reach = place[2] - radius < highest[i, j]
    if not within_reach:
        return
    size = float(resolution)
    p = wp.vec3(float((u - wp.float64(i)) * resolution), float((v - wp.float64(j)) * resolution), place[2])
    plane = triangle_above(heights, size, i, j, p)
    normal = wp.vec3(plane[0], plane[1], plane[2])
    gap = plane[3]
    if gap > 0.0:
        away = p - closest_on_surface(heights, size, i, j, p, radius)
        distance = wp.length(away)
        if distance > 1.0e-6:
            gap = distance
            normal = away / distance
    if gap >= radius:
        return
    contact = wp.atomic_add(num_contacts, 0, 1)
    if contact >= room:
        return
    friction = geom_friction[world % geom_friction.shape[0], geom]
    contact_dist[contact] = gap - radius
    contact_pos[contact] = place - 0.5 * (gap + radius) * normal
    contact_frames[contact] = contact_frame(normal)
    contact_includemargin[contact] = 0.0
    contact_friction[contact] = vec5(friction[0], friction[0], friction[1], friction[2], friction[2])
    contact_solref[contact] = geom_solref[world % geom_solref.shape[0], geom]
    contact_solreffriction[contact] = wp.vec2()
    contact_solimp[contact] = geom_solimp[world % geom_solimp.shape[0], geom]
    contact_dim[contact] = geom_condim[geom]
    contact_geom[contact] = wp.vec2i(ground, geom)
    contact_worldid[contact] = world
    contact_type[contact] = _ACTS
    contact_geomcollisionid[contact] = 0
    contact_adhesion[contact] = 0.0
    for row in range(contact_efc_address.shape[1]):
        contact_efc_address[contact, row] = -1
