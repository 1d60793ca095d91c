"""A viewer for the browser: one env of a MuJoCo simulator as a viser scene. Needs no display."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Tuple, cast

import mujoco
import numpy as np

from humanoid_envs.errors import UserError, WrongType
from humanoid_envs.web_server import page_server  # its ImportError says how to install the next, too

import trimesh  # isort: skip
import viser  # isort: skip

FIRST_HIDDEN_GROUP = 3
"""Geoms of this group and above are not shown, as in MuJoCo's own viewer."""

_GRID = {"cell_size": 0.25, "section_size": 1.0, "fade_distance": 25.0, "infinite_grid": True}

View = Tuple[Tuple[float, float, float], Tuple[float, float, float]]
_WIDE: View = (1.9, -1.7, 1.15), (0.0, 0.0, 0.75)
_NARROW: View = (2.85, -2.55, 1.0), (0.0, 0.0, -0.95)
"""Where the camera is and what it looks at, m. On narrow pages the controls cover the lower 60 %."""

Color = Tuple[int, int, int, int]


class WebViewer:
    """Serves a page that shows one env. The robot stays in the middle, and the ground moves below it.

    Args:
        simulator: one with `mujoco_model(env)` and `mujoco_data(env)`. It may be replaced by another one with
            the same robot.
        env: which of its envs.
        host, port: where to serve. Whoever can reach that address can use the page: there is no password. If
            the port is taken, the next free one is. See `page_server` for what it refuses.

    Attributes:
        server: viser's, to add controls to.

    Raises:
        TypeError: a simulator that is not MuJoCo's.
        ValueError: a geom that cannot be drawn.
        UserError: no such port, or nothing can be served on that host.
    """

    def __init__(self, simulator: Any, env: int = 0, *, host: str = "127.0.0.1", port: int = 8080) -> None:
        if not hasattr(simulator, "mujoco_data"):
            raise WrongType(f"The browser's viewer cannot show a {type(simulator).__name__}.")
        self.simulator, self._env = simulator, env
        self._model, self._data = simulator.mujoco_model(env), simulator.mujoco_data(env)
        self._base = self._model.body(simulator.robot.base_body).id
        meshes = body_meshes(self._model)
        self.server = page_server(host, port)
        self.server.gui.configure_theme(show_logo=False, show_share_button=False)
        self.server.gui.main_panel.dock_right()
        camera = self.server.initial_camera
        camera.position, camera.look_at = _WIDE
        self._is_narrow: Dict[int, bool] = {}
        self.server.on_client_connect(self._welcome)
        self._build(meshes)
        self._next_frame = time.monotonic()
        self.show()

    async def _welcome(self, client: viser.ClientHandle) -> None:
        await self._frame_robot(client.camera)
        client.camera.on_update(self._frame_robot)

    async def _frame_robot(self, camera: viser.CameraHandle) -> None:
        """Show the robot where the controls leave room, again whenever the page becomes narrow or wide."""
        visitor, is_narrow = camera.client.client_id, covers_below(camera.image_width, camera.image_height)
        if is_narrow != self._is_narrow.get(visitor, False):
            self._is_narrow[visitor] = is_narrow
            camera.position, camera.look_at = _NARROW if is_narrow else _WIDE

    def _build(self, meshes: Dict[int, Dict[Color, trimesh.Trimesh]]) -> None:
        scene = self.server.scene
        self._world = scene.add_frame("/world", show_axes=False)
        scene.add_grid("/world/ground", **_GRID)
        self._frames = {}
        for body, parts in meshes.items():
            name = f"/world/{self._model.body(body).name or body}"
            self._frames[body] = scene.add_frame(name, show_axes=False)
            for index, (color, mesh) in enumerate(parts.items()):
                opacity = None if color[3] == 255 else color[3] / 255.0
                scene.add_mesh_simple(
                    f"{name}/{index}", mesh.vertices, mesh.faces, color=color[:3], opacity=opacity
                )

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self.server.get_host()}:{self.server.get_port()}"

    @property
    def num_watchers(self) -> int:
        """Open pages."""
        return len(self.server.get_clients())

    def show(self) -> None:
        """Show the present state."""
        self.simulator.mujoco_data(self._env, self._data)
        x, y, _ = self._data.xpos[self._base]
        with self.server.atomic():
            self._world.position = (-x, -y, 0.0)
            for body, frame in self._frames.items():
                frame.position, frame.wxyz = self._data.xpos[body], self._data.xquat[body]
        self.server.flush()

    def wait(self, seconds: float) -> None:
        """Until so much time has passed since the last call, if there is some left."""
        self._next_frame = max(self._next_frame + seconds, time.monotonic() - seconds)
        time.sleep(max(0.0, self._next_frame - time.monotonic()))

    def close(self) -> None:
        """Stop serving."""
        self.server.stop()


def covers_below(width: int, height: int) -> bool:
    """Whether viser's controls lie over the lower part of a picture of this size, not beside it.

    In pixels of the screen; viser decides by those of CSS, of which a telephone's have several.
    """
    return width <= 576 or width < 0.9 * height


def body_meshes(model: mujoco.MjModel) -> Dict[int, Dict[Color, trimesh.Trimesh]]:
    """What is visible of each body, in its frame: one mesh for each colour (RGBA, 0 to 255).

    Planes are left out: they are ground. Raises ValueError for a geom of a kind that cannot be drawn.
    """
    parts: Dict[int, Dict[Color, List[trimesh.Trimesh]]] = {}
    for geom in range(model.ngeom):
        rgba = (
            model.mat_rgba[model.geom_matid[geom]] if model.geom_matid[geom] >= 0 else model.geom_rgba[geom]
        )
        hidden = model.geom_group[geom] >= FIRST_HIDDEN_GROUP or rgba[3] == 0.0
        if hidden or model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_PLANE:
            continue
        red, green, blue, alpha = (round(255 * float(value)) for value in rgba)
        by_color = parts.setdefault(int(model.geom_bodyid[geom]), {})
        by_color.setdefault((red, green, blue, alpha), []).append(_geom_mesh(model, geom))

    def joined(meshes: List[trimesh.Trimesh]) -> trimesh.Trimesh:
        return cast(trimesh.Trimesh, trimesh.util.concatenate(meshes))

    return {
        body: {color: joined(meshes) for color, meshes in by_color.items()}
        for body, by_color in parts.items()
    }


def _geom_mesh(model: mujoco.MjModel, geom: int) -> trimesh.Trimesh:
    """A geom in its body's frame, with edges that look sharp where they are."""
    kind, size = mujoco.mjtGeom(model.geom_type[geom]), model.geom_size[geom]
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        mesh = trimesh.creation.box(extents=2.0 * size)
    elif kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        mesh = trimesh.creation.icosphere(subdivisions=2, radius=size[0])
    elif kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        mesh = trimesh.creation.icosphere(subdivisions=2).apply_scale(size)
    elif kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        mesh = trimesh.creation.capsule(height=2.0 * size[1], radius=size[0], count=(16, 16))
    elif kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        mesh = trimesh.creation.cylinder(radius=size[0], height=2.0 * size[1], sections=24)
    elif kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = _asset_mesh(model, int(model.geom_dataid[geom]))
    else:
        name = model.geom(geom).name or geom
        raise UserError(
            f"The browser's viewer cannot draw geom {name!r}, which is a {kind.name[7:].lower()}."
        )
    pose = np.eye(4)
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
    pose[:3, :3], pose[:3, 3] = rotation.reshape(3, 3), model.geom_pos[geom]
    return mesh.smooth_shaded.apply_transform(pose)


def _asset_mesh(model: mujoco.MjModel, index: int) -> trimesh.Trimesh:
    asset = model.mesh(index)
    first_vertex, first_face = int(asset.vertadr[0]), int(asset.faceadr[0])
    return trimesh.Trimesh(
        model.mesh_vert[first_vertex : first_vertex + int(asset.vertnum[0])],
        model.mesh_face[first_face : first_face + int(asset.facenum[0])],
    )
