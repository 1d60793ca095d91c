"""Viewer and pictures of the adapter over the stand-in."""

from __future__ import annotations

import numpy as np
import pytest

from tests.isaacgym.simulators import EVERYONE, FLYING, STANDING, make, states, targets


def test_pictures() -> None:
    simulator = make(cameras=True)
    simulator.reset(EVERYONE, states())
    simulator.step(targets())
    picture = simulator.render(FLYING, size=(24, 32), camera="side")
    assert picture.shape == (24, 32, 3)
    assert picture.dtype == np.uint8
    assert (picture[..., 0] == FLYING).all()
    assert (picture[0, :, 2] == np.arange(32)).all()
    height = float(simulator.state.base_pos[FLYING, 2])
    assert (picture[..., 1] == round(10.0 * height)).all()
    assert simulator.render(STANDING).shape == (480, 640, 3)
    with pytest.raises(ValueError, match="no camera 'above', only track, side, front"):
        simulator.render(camera="above")
    with pytest.raises(RuntimeError, match="cameras=True"):
        make().render()


def test_viewer_shows_every_step_until_it_is_closed() -> None:
    simulator = make(headless=False)
    assert simulator.has_viewer
    assert not make().has_viewer
    events = simulator._window._viewer
    for _ in range(2):
        simulator.step(targets())
    assert events == ["KEY_V: switch drawing", "look", "poll", "draw", "poll", "draw"]
    for key, more in (("KEY_V", ["poll"]), (None, ["poll"]), ("KEY_V", ["poll", "draw"])):
        before = len(events)
        if key is not None:
            events.append(key)
        simulator.step(targets())
        assert events[before:] == more
    events.append("closed")
    simulator.step(targets())
    assert events[-1] == "closed"
    simulator.close()
    simulator.close()
    assert events[-1] == "destroyed"
    assert simulator._scene.sim is None
