"""Both model files of XBot-L, loaded."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import pytest

from humanoid_envs.robots import XBOT_L


@pytest.fixture(scope="package")
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(XBOT_L.mjcf))


@pytest.fixture
def data(model: mujoco.MjModel) -> mujoco.MjData:
    """In the keyframe `home`, forwarded."""
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, model.key("home").id)
    mujoco.mj_forward(model, data)
    return data


@pytest.fixture(scope="package")
def urdf() -> ET.Element:
    return ET.parse(XBOT_L.isaacgym_urdf).getroot()
