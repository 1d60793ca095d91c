"""Who may open a page, and what may be sent to it. Strangers are played by a WebSocket client."""

from __future__ import annotations

import contextlib
import importlib
import math
import socket
import sys
from typing import Any, Iterator, List, Optional

import pytest

from humanoid_envs.errors import UserError
from tests.browser import until

viser = pytest.importorskip("viser")
msgspec = pytest.importorskip("msgspec")
web_server = pytest.importorskip("humanoid_envs.web_server")
websockets = pytest.importorskip("websockets")
connect = pytest.importorskip("websockets.sync.client").connect

NAMES = frozenset({"localhost", "robots"})


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("localhost:9000", "http://localhost:9000"),  # through a tunnel
        ("[::1]:8080", "http://[::1]:8080"),
        ("Robots:8080", "http://robots:8080"),
        ("192.168.0.7:8080", None),  # no page
        (None, None),
    ],
)
def test_own_pages_are_answered(host: Optional[str], origin: Optional[str]) -> None:
    assert web_server.refused(headers(Host=host, Origin=origin), NAMES) is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8080", "http://evil.example"),
        ("127.0.0.1:8080", "http://127.0.0.1:8081"),  # another program of this machine
        ("127.0.0.1:8080", "http://localhost:8080"),
        ("127.0.0.1:8080", "null"),  # a file, or a frame without an origin
        ("127.0.0.1:8080", ""),
        ("127.0.0.1:8080", "http://evil.example//127.0.0.1:8080/"),
        ("evil.example:8080", "http://evil.example:8080"),  # whose name points here
        ("evil.example:8080", None),
        ("[", "http://["),
        (None, "http://evil.example"),
    ],
)
def test_others_are_not(host: Optional[str], origin: Optional[str]) -> None:
    assert web_server.refused(headers(Host=host, Origin=origin), NAMES)


def test_two_origins_are_one_too_many() -> None:
    both = headers(Host="127.0.0.1:8080", Origin="http://127.0.0.1:8080")
    both["Origin"] = "http://evil.example"
    assert web_server.refused(both, NAMES)


def headers(**values: Optional[str]) -> Any:
    return websockets.Headers({name: value for name, value in values.items() if value is not None})


class Page:
    """A server with a control of each kind, and who sends messages to it."""

    def __init__(self) -> None:
        self.server = web_server.page_server("127.0.0.1", 8990)
        gui = self.server.gui
        self.slider = gui.add_slider("speed", -1.0, 1.0, 0.05, 0.0)
        self.range = gui.add_multi_slider("between", -1.0, 1.0, 0.05, (-0.5, 0.5))
        self.choice = gui.add_dropdown("policy", ("a", "b"))
        self.arrows = gui.add_button_group("", ("←", "→"))
        self.check = gui.add_checkbox("pause", False)
        self.button = gui.add_button("stand")
        self.clicks: List[Any] = []
        self.arrows.on_click(lambda event: self.clicks.append(event.target.value))
        self.client = self.connect()
        # viser counts a client in from its first camera on.
        pose = {"wxyz": [1, 0, 0, 0], "position": [0, 0, 0], "look_at": [1, 0, 0], "up_direction": [0, 0, 1]}
        camera = {"fov": 1.0, "near": 0.1, "far": 9.0, "image_height": 9, "image_width": 9}
        self.send({"type": "ViewerCameraMessage", **pose, **camera})
        until(self.server.get_clients)

    def connect(self, origin: Optional[str] = None) -> Any:
        port = self.server.get_port()
        protocol: Any = [f"viser-v{viser.__version__}"]
        origin_header: Any = origin or f"http://127.0.0.1:{port}"
        return connect(f"ws://127.0.0.1:{port}", origin=origin_header, subprotocols=protocol, max_size=None)

    def send(self, message: Any) -> None:
        self.client.send(msgspec.msgpack.encode(message))

    def update(self, control: Any, **updates: Any) -> None:
        self.send({"type": "GuiUpdateMessage", "uuid": control._impl.uuid, "updates": updates})

    def settled(self) -> None:
        """Messages are handled in their order: wait for the last."""
        wanted = not self.check.value
        self.update(self.check, value=wanted)
        until(lambda: self.check.value is wanted)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    page = Page()
    yield page
    page.client.close()
    page.server.stop()


def test_visitors_set_controls(page: Page) -> None:
    page.update(page.slider, value=0.5)
    page.update(page.choice, value="b")
    page.update(page.arrows, value="→")
    page.settled()
    until(lambda: page.clicks == ["→"])
    assert (page.slider.value, page.choice.value) == (0.5, "b")
    page.update(page.slider, value=1)  # JavaScript has no 1.0
    page.settled()
    assert page.slider.value == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, -1.01, True, "0.5", None, [0.5], {}])
def test_a_slider_takes_numbers_in_its_range(page: Page, value: Any) -> None:
    before = page.slider.value
    page.update(page.slider, value=value)
    page.settled()
    assert page.slider.value == before


def test_visitors_set_ranges(page: Page) -> None:
    page.update(page.range, value=[-1, 0.25])
    page.settled()
    assert page.range.value == (-1.0, 0.25)


@pytest.mark.parametrize(
    "value",
    [
        [0.5, -0.5],
        [-1.01, 0.0],
        [0.0, math.nan],
        [0.0],
        [0.0, 0.1, 0.2],
        [],
        ["0", "1"],
        [[0], 1],
        0.5,
        None,
        {},
    ],
)
def test_a_range_takes_two_numbers_in_their_order(page: Page, value: Any) -> None:
    before = page.range.value
    page.update(page.range, value=value)
    page.settled()
    assert page.range.value == before


@pytest.mark.parametrize("value", ["c", "", None, 0, ["a"], math.nan])
def test_a_choice_is_one_of_those_there_are(page: Page, value: Any) -> None:
    before, clicks = (page.choice.value, page.arrows.value), list(page.clicks)
    page.update(page.choice, value=value)
    page.update(page.arrows, value=value)
    page.settled()
    assert (page.choice.value, page.arrows.value) == before
    assert page.clicks == clicks


@pytest.mark.parametrize("value", ["no", 1, None, math.nan, []])
def test_a_switch_is_on_or_off(page: Page, value: Any) -> None:
    before = page.button.value
    page.update(page.button, value=value)
    page.settled()
    assert page.button.value is before


@pytest.mark.parametrize(
    "updates",
    [
        {"min": -9.0},
        {"update_cb": "x"},
        {"removed": True},
        {"no such": 1},
        {"value": 0.1, "min": -9.0},
        {},
    ],
)
def test_nothing_but_values_is_set(page: Page, updates: Any) -> None:
    before = page.slider.value
    state = page.slider._impl
    callbacks = list(state.update_cb)
    page.send({"type": "GuiUpdateMessage", "uuid": state.uuid, "updates": updates})
    page.settled()
    assert (page.slider.value, page.slider.min, page.slider.max) == (before, -1.0, 1.0)
    assert (state.removed, state.update_cb) == (False, callbacks)


def test_no_visitor_puts_the_page_on_the_internet(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(page.server, "request_share_url", lambda: asked.append("a link"))
    page.send({"type": "ShareUrlRequest"})
    page.settled()
    assert not asked


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff",
        b"\x91" * 9999,
        "text",
        msgspec.msgpack.encode({"type": "no such"}),
        msgspec.msgpack.encode({"type": "GuiUpdateMessage", "uuid": "x"}),
    ],
)
def test_garbage_costs_its_sender_the_connection(
    page: Page, message: Any, caplog: pytest.LogCaptureFixture
) -> None:
    other = page.connect()
    other.send(message)
    with pytest.raises(websockets.exceptions.ConnectionClosed, match="1011"):
        all(other.recv(timeout=20) is not None for _ in range(1000))
    page.settled()
    (record,) = caplog.records
    assert record.getMessage().startswith("The page hung up on a visitor: ")
    assert len(caplog.text.splitlines()) == 1


@pytest.mark.parametrize(
    "request_",
    [b"", b"\x16\x03\x01\x02\x00" + bytes(300), b"hello\r\n\r\n", b"GET /" + b"a" * 9000, b"POST / \r\n"],
)
def test_what_is_no_request_is_passed_over_in_silence(
    page: Page, request_: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", page.server.get_port()), timeout=20.0) as stranger:
        stranger.sendall(request_)
        stranger.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while stranger.recv(1000):  # until the server has hung up
                pass
    page.settled()
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")


def test_a_website_cannot_connect(page: Page) -> None:
    with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
        page.connect("http://evil.example")
    assert refusal.value.response.status_code == 403
    assert b"takes nothing from http://evil.example" in (refusal.value.response.body or b"")
    page.settled()


def test_the_port_is_the_next_free_one(page: Page) -> None:
    second = web_server.page_server("127.0.0.1", page.server.get_port())
    assert second.get_port() > page.server.get_port()
    second.stop()


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_there_is_no_such_port(port: int) -> None:
    with pytest.raises(UserError, match=f"from 0 to 65535, not {port}"):
        web_server.page_server("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_elsewhere_is_named(host: str) -> None:
    with pytest.raises(UserError, match=f"No page can be served on {host}, port 8995"):
        web_server.page_server(host, 8995)


def test_the_last_port_may_be_taken() -> None:
    with socket.socket() as owner:
        owner.bind(("127.0.0.1", 65535))
        owner.listen()
        with pytest.raises(UserError, match="from 65535 to 65535 are taken"):
            web_server.page_server("127.0.0.1", 65535)


def test_without_viser_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(ImportError, match="pip install viser"):
        importlib.reload(web_server)
