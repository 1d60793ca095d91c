"""The page of a walking policy in a real browser, where there is one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Tuple

import numpy as np
import pytest

from humanoid_envs.tasks import preset
from tests.browser import PROGRAM, Browser, until

pytest.importorskip("mujoco.batch")
pytest.importorskip("viser")
from tests.trainers.evaluation.test_web import Recorder, policy
from trainers.evaluation.web import WebPlayer

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

_CENTER = (
    "(() => { const r = (%s).getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
)
_BOXES = (
    "[...document.querySelectorAll('input[type=text]')]"
    ".filter(i => i.offsetParent && i.value !== '' && !isNaN(i.value))"  # of folders that are open
)
_ARROW = "[...document.querySelectorAll('button')].find(b => b.textContent.trim() === '↑')"
_FOLDER = "[...document.querySelectorAll('div')].filter(e => e.textContent.trim() === '%s').pop().click()"
_STATUS = "[...document.querySelectorAll('p, div')].find(e => e.textContent === 'Connected')"


def robot_edges(player: WebPlayer) -> Tuple[float, float]:
    """Where head and soles are on the page of the only visitor, in pixels from its top."""
    (client,) = player.viewer.server.get_clients().values()
    camera = client.camera
    ahead = camera.look_at - camera.position
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, (0.0, 0.0, 1.0))
    down = np.cross(ahead, right / np.linalg.norm(right))
    focal_length = camera.image_height / 2.0 / np.tan(camera.fov / 2.0)
    points = np.array([(0.0, 0.0, 1.65), (0.0, 0.0, 0.0)]) - camera.position
    top, bottom = camera.image_height / 2.0 + focal_length * (points @ down) / (points @ ahead)
    return float(top), float(bottom)


def enter(browser: Browser, box: int, text: str) -> None:
    """Type a number into one of the boxes beside sliders."""
    browser.evaluate(f"{_BOXES}[{box}].focus(); {_BOXES}[{box}].select()")
    browser("Input.insertText", text=text)
    for kind in ("keyDown", "keyUp"):
        browser("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13)


def test_slider_and_push_reach_the_robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Recorder()
    player = WebPlayer({"still": policy(network, preset("v0"))}, port=8980)
    pushes = []
    monkeypatch.setattr("trainers.evaluation.web.push_robots", lambda env, *push: pushes.append(push))
    walking = threading.Thread(target=player.run, args=(stop := threading.Event(),))
    browser = Browser(tmp_path)
    try:
        walking.start()
        browser("Page.navigate", url=player.viewer.url)
        until(lambda: browser.evaluate(f"{_BOXES}.length") == 4)
        until(lambda: len(network.seen) > 10)
        assert player.viewer.num_watchers == 1

        enter(browser, 0, "0.35")
        until(lambda: network.command == pytest.approx((0.35, 0.0, 0.0)))

        browser.click(*browser.evaluate(_CENTER % _ARROW))
        until(lambda: pushes)
        ((mask, strength, angle),) = pushes
        assert (bool(mask), float(strength), float(angle)) == (True, 0.5, 0.0)
        for folder, boxes in (("live", 4), ("actions", 6)):
            browser.evaluate(_FOLDER % folder)
            until(lambda boxes=boxes: browser.evaluate(f"{_BOXES}.length") == boxes)
        enter(browser, 4, "0.5")
        until(lambda: player.env.live["actions.delay"] == 0.5)
        browser.evaluate(_FOLDER % "live")
        browser("Emulation.setDeviceMetricsOverride", width=420, height=800, deviceScaleFactor=1, mobile=True)
        until(lambda: robot_edges(player)[1] < browser.evaluate(_CENTER % _STATUS)[1] - 25.0)
        top, bottom = robot_edges(player)
        assert 0.0 < top < bottom - 200.0  # seen whole, and not as a speck
        own = (player.viewer.url, "data:", "blob:")
        assert all(url.startswith(own) for url in browser.requested)
    finally:
        stop.set()
        browser.close()
        walking.join()
        player.close()
