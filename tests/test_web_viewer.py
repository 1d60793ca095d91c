"""The browser's viewer: what it draws, and where. No browser takes part."""

from __future__ import annotations

import urllib.request
from typing import Any, Iterator

import numpy as np
import pytest
import torch

from humanoid_envs.registration import make_mujoco
from tests.scripted_simulator import ScriptedSimulator, standing

mujoco = pytest.importorskip("mujoco")
pytest.importorskip("mujoco.batch")
pytest.importorskip("viser")
web_viewer = pytest.importorskip("humanoid_envs.web_viewer")

KINDS = """
<mujoco>
  <asset>
    <material name="red" rgba="1 0 0 0.5"/>
    <mesh name="wedge" vertex="0 0 0  1 0 0  0 2 0  0 0 3"/>
    <hfield name="hills" nrow="2" ncol="2" size="1 1 1 1"/>
  </asset>
  <worldbody>
    <geom type="plane" size="1 1 1"/>
    <body name="box"><geom type="box" size="1 2 3" pos="10 0 0" rgba="0 0 1 1"/></body>
    <body name="ball"><geom type="sphere" size="2" material="red"/></body>
    <body name="egg"><geom type="ellipsoid" size="1 2 3"/></body>
    <body name="pill"><geom type="capsule" size="1" fromto="0 0 0 4 0 0"/></body>
    <body name="can"><geom type="cylinder" size="1 2" euler="90 0 0"/></body>
    <body name="wedge"><geom type="mesh" mesh="wedge"/></body>
    <body name="two"><geom type="box" size="1 1 1"/><geom type="box" size="1 1 1" pos="0 0 5"/></body>
    <body name="hidden"><geom type="box" size="1 1 1" group="3"/><geom size="1" rgba="1 1 1 0"/></body>
  </worldbody>
</mujoco>
"""


@pytest.fixture(scope="module")
def model() -> Any:
    return mujoco.MjModel.from_xml_string(KINDS)


@pytest.mark.parametrize(
    ("body", "low", "high"),
    [
        ("box", (9, -2, -3), (11, 2, 3)),
        ("ball", (-2, -2, -2), (2, 2, 2)),
        ("egg", (-1, -2, -3), (1, 2, 3)),
        ("pill", (-1, -1, -1), (5, 1, 1)),
        ("can", (-1, -2, -1), (1, 2, 1)),
        ("two", (-1, -1, -1), (1, 1, 6)),
    ],
)
def test_each_kind_of_geom_has_its_extent(model: Any, body: str, low: tuple, high: tuple) -> None:
    (mesh,) = web_viewer.body_meshes(model)[model.body(body).id].values()
    np.testing.assert_allclose(mesh.bounds, [low, high], atol=0.03)


def test_meshes_keep_their_place(model: Any) -> None:
    """MuJoCo moves a mesh's vertices into its principal axes, and the geom the other way."""
    (mesh,) = web_viewer.body_meshes(model)[model.body("wedge").id].values()
    np.testing.assert_allclose(mesh.bounds, [(0, 0, 0), (1, 2, 3)], atol=1e-5)


def test_colours_are_those_of_material_or_geom(model: Any) -> None:
    meshes = web_viewer.body_meshes(model)
    assert list(meshes[model.body("box").id]) == [(0, 0, 255, 255)]
    assert list(meshes[model.body("ball").id]) == [(255, 0, 0, 128)]


def test_what_mujocos_viewer_hides_is_left_out(model: Any) -> None:
    meshes = web_viewer.body_meshes(model)
    assert model.body("hidden").id not in meshes
    assert 0 not in meshes  # of the world there is but the plane


def test_faces_look_outwards_and_edges_are_sharp(model: Any) -> None:
    (box,) = web_viewer.body_meshes(model)[model.body("box").id].values()
    assert box.volume == pytest.approx(2 * 4 * 6)
    assert len(box.vertices) == 24  # corners are not shared between sides


def test_a_geom_of_another_kind_is_named() -> None:
    xml = KINDS.replace("</worldbody>", '<geom name="ground" type="hfield" hfield="hills"/></worldbody>')
    with pytest.raises(ValueError, match="cannot draw geom 'ground', which is a hfield"):
        web_viewer.body_meshes(mujoco.MjModel.from_xml_string(xml))


@pytest.fixture
def viewer() -> Iterator[Any]:
    env = make_mujoco(2, array="torch")
    env.reset(seed=0)
    viewer = web_viewer.WebViewer(env.simulator, env=1, port=8900)
    viewer.env = env
    yield viewer
    viewer.close()
    env.close()


def test_the_scene_shows_the_chosen_env_around_its_robot(viewer: Any) -> None:
    simulator, scene = viewer.env.simulator, viewer.server.scene
    for _ in range(3):
        viewer.env.step(torch.full((2, 12), 0.5))
    viewer.show()
    data = simulator.mujoco_data(1)
    model = simulator.mujoco_model(1)
    for name in ("base_link", "left_knee_link"):
        frame = scene.get_handle_by_name(f"/world/{name}")
        np.testing.assert_allclose(frame.position, data.xpos[model.body(name).id], atol=1e-6)
        np.testing.assert_allclose(frame.wxyz, data.xquat[model.body(name).id], atol=1e-6)
    x, y, _ = simulator.state.base_pos[1].tolist()
    np.testing.assert_allclose(scene.get_handle_by_name("/world").position, (-x, -y, 0.0), atol=1e-6)


def test_it_serves_a_page_to_this_machine_alone(viewer: Any) -> None:
    assert viewer.url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(viewer.url) as page:
        assert b"<html" in page.read()
    assert viewer.num_watchers == 0


def test_a_taken_port_is_left_to_its_owner(viewer: Any) -> None:
    second = web_viewer.WebViewer(viewer.env.simulator, port=viewer.server.get_port())
    assert second.url != viewer.url
    second.close()


def test_waiting_makes_real_time_and_does_not_catch_up(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = [100.0]
    monkeypatch.setattr(web_viewer.time, "monotonic", lambda: sum(slept))
    monkeypatch.setattr(web_viewer.time, "sleep", slept.append)
    viewer._next_frame = 100.0
    for _ in range(2):
        viewer.wait(0.01)
    slept.append(5.0)  # a step that took seconds
    for _ in range(3):
        viewer.wait(0.01)
    assert slept[1:3] == pytest.approx([0.01, 0.01])
    assert slept[4:] == pytest.approx([0.0, 0.0, 0.01], abs=1e-9)


def test_other_simulators_are_refused() -> None:
    with pytest.raises(TypeError, match="cannot show a ScriptedSimulator"):
        web_viewer.WebViewer(ScriptedSimulator(standing(1)))


@pytest.mark.parametrize(
    ("width", "height", "covered"),
    [(420, 800, True), (1260, 2400, True), (420, 420, True), (976, 1000, False), (480, 420, True)],
)
def test_controls_cover_the_lower_part_of_narrow_pages(width: int, height: int, covered: bool) -> None:
    assert web_viewer.covers_below(width, height) is covered
