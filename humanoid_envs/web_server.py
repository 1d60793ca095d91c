"""A page's server that strangers may try to reach: who may open the page, and what may be sent to it."""

from __future__ import annotations

import contextlib
import errno
import functools
import ipaddress
import logging
import socket
import threading
from typing import Any, Callable, FrozenSet, Iterator, Optional
from urllib.parse import urlsplit

from humanoid_envs.errors import MissingPackage, UnfitMachine, UserError

try:
    import viser
    import websockets.asyncio.server
    import websockets.exceptions
    from viser._messages import GuiUpdateMessage
except ImportError as error:
    raise MissingPackage(
        f"The browser's viewer takes a package ({error}): pip install viser, or this project's extra "
        "'viewer'."
    ) from error

_LAST_PORT = 65535
_log = logging.getLogger(__name__)
_starting = threading.Lock()


def page_server(host: str, port: int) -> viser.ViserServer:
    """viser's server, which any website that a visitor has open could reach through the visitor's browser:
    so it answers only requests that come from its own page or from no page, and of what a page sends it
    takes only values that the page's own controls can have. All else is left without effect.

    If the port is taken, it serves on the next free one.

    Raises:
        UserError: no such port, no port is free, or this machine cannot serve on that host.
    """
    port = _free_port(host, port)
    machine = socket.gethostname()
    names = frozenset(
        name.lower() for name in ("localhost", host, machine, f"{machine}.local", socket.getfqdn())
    )
    refusal = functools.partial(refused, names=names)
    with _requests_checked(refusal) as is_checked:
        server = viser.ViserServer(host, port, verbose=False)
    if not is_checked.is_set():
        server.stop()
        raise UnfitMachine(f"viser {viser.__version__} serves in a way whose requests cannot be checked.")
    _take_only_values(server)
    return server


def refused(headers: Any, names: FrozenSet[str]) -> Optional[str]:
    """Why a request with these headers is refused, None if it is not. names: this machine's.

    A page's requests name where it came from (Origin), which is to be where it is sent (Host). That one is to
    be an address or a name of this machine: a website can let a name of its own point here.
    """
    origins, targets = headers.get_all("Origin"), headers.get_all("Host")
    if len(origins) > 1 or len(targets) > 1:
        return "Several origins or hosts are named."
    target = targets[0].lower() if targets else ""
    if origins and origins[0].lower().rpartition("//")[2] != target:
        return f"This page takes nothing from {origins[0]}."
    if targets and not _is_ours(target, names):
        return f"{target} is no name of this machine: open the page by its address."
    return None


def _is_ours(target: str, names: FrozenSet[str]) -> bool:
    try:
        name = urlsplit(f"//{target}").hostname or ""
    except ValueError:  # e.g. brackets without an address
        return False
    if name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@contextlib.contextmanager
def _requests_checked(refusal: Callable[[Any], Optional[str]]) -> Iterator[threading.Event]:
    """viser has no place for a check of its own: the server that it starts meanwhile asks `refusal` about
    each request's headers first. The event tells that there is such a server."""
    original, started = websockets.asyncio.server.serve, threading.Event()

    def serve(*args: Any, process_request: Callable[[Any, Any], Any], **options: Any) -> Any:
        def check(connection: Any, request: Any) -> Any:
            reason = refusal(request.headers)
            return process_request(connection, request) if reason is None else connection.respond(403, reason)

        started.set()
        return original(*args, process_request=check, logger=_log, **options)

    with _starting:
        websockets.asyncio.server.serve = serve  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield started
        finally:
            websockets.asyncio.server.serve = original  # pyright: ignore[reportAttributeAccessIssue]


def _without_traceback(record: logging.LogRecord) -> bool:
    """What strangers send to a port is no fault of the program: nothing is said of what is no request, and a
    line of a message that makes no sense."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return True
    record.msg, record.args, record.exc_info = f"The page hung up on a visitor: {error!r:.200}", (), None
    return not isinstance(error, websockets.exceptions.InvalidHandshake)


_log.addFilter(_without_traceback)


def _take_only_values(server: viser.ViserServer) -> None:
    """viser lets a client set any attribute of a control, and offers more than these pages use: a link for
    the whole internet, uploads, commands. Only values of controls remain."""
    connection, gui = server._websock_server, server.gui
    set_value = gui._handle_gui_updates
    for kind in list(connection._incoming_handlers):
        connection.unregister_handler(kind)

    async def set_checked(client: Any, message: Any) -> None:
        control = gui._gui_input_handle_from_uuid.get(message.uuid)
        values = message.updates
        if isinstance(values, dict) and set(values) == {"value"} and _can_have(control, values["value"]):
            await set_value(client, message)

    connection.register_handler(GuiUpdateMessage, set_checked)


def _can_have(control: Any, value: Any) -> bool:
    """Whether a visitor can have given a control that value. Kinds that no page has are left out."""
    if isinstance(control, viser.GuiSliderHandle):
        return _is_within(control, value)
    if isinstance(control, viser.GuiMultiSliderHandle):
        is_list = isinstance(value, (list, tuple)) and len(value) == len(control.value)
        return is_list and all(_is_within(control, end) for end in value) and list(value) == sorted(value)
    if isinstance(control, (viser.GuiDropdownHandle, viser.GuiButtonGroupHandle)):
        return isinstance(value, str) and value in control.options
    return isinstance(control, (viser.GuiCheckboxHandle, viser.GuiButtonHandle)) and isinstance(value, bool)


def _is_within(slider: Any, value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and slider.min <= value <= slider.max  # NaN is not


def _free_port(host: str, port: int) -> int:
    """The first free port from that one on."""
    if not 0 <= port <= _LAST_PORT:
        raise UserError(f"A page's port is from 0 to {_LAST_PORT}, not {port}.")
    for candidate in range(port, _LAST_PORT + 1):
        if _is_free(host, candidate):
            return candidate
    raise UserError(f"All ports of {host} from {port} to {_LAST_PORT} are taken: name a lower one.")


def _is_free(host: str, port: int) -> bool:
    """Raises UserError if the server could not be there, whether the port is taken or not."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen()  # two may bind the same port, but only one listens
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            reason = error.strerror or str(error)
            raise UserError(f"No page can be served on {host}, port {port}: {reason}.") from error
        return False
    return True
