"""
Lends one page of the bot's browser to a server that cannot reach that browser: the bot dials out, nothing is opened. It
needs the package `websockets` (pip install captcha-remote[relay]). What the server may do with the page is in
_relay_filter.py.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import http.client
import inspect
import json
import socket
import ssl
import threading
import time
import urllib.parse
from typing import Any, Callable, Coroutine, Dict, List, Literal, Mapping, NamedTuple, Optional, Set, Union

from ._errors import CaptchaRemoteError
from ._http import Address, _is_loopback, _proxy_for, api_at
from ._relay_crop import PageCrop
from ._relay_filter import RelayFilter
from ._relay_line import ACK_AFTER, Picture, PictureQueue, RelayLagging, RelayLine, RelayViolation, body_of
from ._version import VERSION
from .types import JsonObject

Dialogs = Literal["bot", "operator"]
Windows = Literal["follow", "leave"]

PROTOCOL_VERSION = 1
# Before each try to come back, in s; then the last one again and again.
RETRIES = (0.0, 0.1, 0.2, 0.4, 0.8, 1.0)
WELCOME_WITHIN = 10.0
CONNECT_WITHIN = 5.0
BEAT = 0.5
# A line without any sign for so long is dead: ping each, silent for. While a person works in the page it has to show soon.
AT_REST = (5.0, 12.0)
IN_USE = (1.0, 3.0)
# A line that was up for less than this is no success: the waits go on growing.
STEADY = 3.0
# How long the end of the page may take to reach the server.
GONE_PATIENCE = 1.0
RATE_LIMITED = 10.0
MOST_DEVTOOLS_BYTES = 64 * 1024 * 1024
# The server's frames are smaller, whatever it says of them.
MOST_FRAME_BYTES = 4 * 1024 * 1024
# A frame has flags and some of its message.
LEAST_FRAME_BYTES = 64
MOST_CANDIDATES = 20
# Pages of the browser's own, which no person is asked about.
SURFACES = ("devtools:", "chrome:", "chrome-untrusted:", "chrome-extension:", "edge:", "about:")
TABS_ONLY = [{"type": "page"}, {"exclude": True}]

CLOSES: Mapping[str, int] = {
    "shutting_down": 1001,
    "capacity": 1013,
    "relay_violation": 4400,
    "unauthorized": 4401,
    "forbidden": 4403,
    "relay_not_found": 4404,
    "lagging": 4408,
    "relay_replaced": 4409,
    "rate_limited": 4429,
}
# Close codes after which dialling again is of no use, and those after which the server has forgotten the relay.
FINAL_CLOSES = (1013, 4400, 4401, 4403, 4409)
FORGOTTEN_CLOSES = (1001, 4404)
NO_CLOSE_FRAME = 1006


class Relay:
    """
    A page that is lent. `id` is what `{"relay": id}` of a creation takes; another one, once the server has forgotten it.
    It works in a thread of its own until `close`, the end of a `with` block, or the end of the page or of its browser.
    """

    def __init__(
        self,
        base_url: str,
        api_key: Optional[str],
        cdp: Union[int, str],
        *,
        target_id: Optional[str] = None,
        url_contains: Optional[str] = None,
        dialogs: Dialogs = "bot",
        windows: Windows = "follow",
        crop: bool = False,
        on_line: Optional[Callable[[bool], object]] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        address = api_at(base_url)
        if address.scheme == "http" and not _is_loopback(address.host):
            raise ValueError("base_url: plain http only to this machine: use https, as the key goes with it")
        try:
            import websockets  # noqa: F401
        except ImportError as cause:
            raise ImportError("A relay needs the package websockets: pip install captcha-remote[relay]") from cause
        browser = browser_address(cdp)
        self._line = _Lender(
            _Terms(address, api_key, browser, target_id, url_contains, dialogs, windows, crop, on_line, ssl_context)
        )
        self._loop = asyncio.new_event_loop()
        self._began = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="captcha-remote relay", daemon=True)
        self._thread.start()
        self._began.wait()
        if self._line.id == "":
            raise self._line.error or RuntimeError("the relay has not begun")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._line.run(self._began.set))
        finally:
            self._began.set()
            self._ended.set()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    @property
    def id(self) -> str:
        return self._line.id

    @property
    def is_up(self) -> bool:
        """Whether the line to the server is up."""
        return self._line.is_up

    @property
    def error(self) -> Optional[CaptchaRemoteError]:
        """Why it has ended; None: it goes on, was closed, or the page is gone."""
        return self._line.error

    @property
    def gone(self) -> Optional[str]:
        """`page_closed`, `page_crashed` or `browser_lost` once the page is gone."""
        return self._line.gone

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Whether it has ended within so many seconds. CaptchaRemoteError: the server has ended it."""
        has_ended = self._ended.wait(timeout)
        if has_ended and self._line.error is not None:
            raise self._line.error
        return has_ended

    def close(self) -> None:
        """Takes the page back, as it was found: a session on it ends."""
        try:
            self._loop.call_soon_threadsafe(self._line.close)
        except RuntimeError:  # It has ended.
            return
        # `on_line` may call this, in the thread that it would wait for.
        if threading.current_thread() is not self._thread:
            self._ended.wait(2 * GONE_PATIENCE + CONNECT_WITHIN)

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Relay:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.close)


class _Terms(NamedTuple):
    server: Address
    api_key: Optional[str]
    browser: str
    target_id: Optional[str]
    url_contains: Optional[str]
    dialogs: Dialogs
    windows: Windows
    crop: bool
    on_line: Optional[Callable[[bool], object]]
    ssl_context: Optional[ssl.SSLContext]


class _Registration(NamedTuple):
    relay: str
    secret: str
    line: RelayLine


class _Closed(Exception):
    def __init__(self, code: int, error: CaptchaRemoteError) -> None:
        super().__init__(code)
        self.code = code
        self.error = error


class _Lender:
    """The line to the server and the page, both in one loop."""

    def __init__(self, terms: _Terms) -> None:
        self._terms = terms
        self.id = ""
        self.is_up = False
        self.error: Optional[CaptchaRemoteError] = None
        self.gone: Optional[str] = None
        self._registration: Optional[_Registration] = None
        # The relay that a server has forgotten: the next one may know it by its session.
        self._former: Optional[JsonObject] = None
        self._pictures = PictureQueue(self._send_picture)
        self._epoch = 0
        self._is_closing = False
        self._socket: Any = None
        self._ack: Optional[asyncio.TimerHandle] = None
        self._crop: Optional[PageCrop] = None
        # The sessions of the page itself: windows cannot be cropped.
        self._page_sessions: Set[str] = set()
        self._cropping: Set["asyncio.Future[None]"] = set()

    async def run(self, on_begin: Callable[[], object]) -> None:
        self._over = asyncio.Event()
        try:
            self._browser = await _Browser.connect(self._terms.browser)
        except CaptchaRemoteError as error:
            self.error = error
            return
        try:
            target_id = await self._browser.find(self._terms.target_id, self._terms.url_contains)
            self._target_id = target_id
            self._filter = RelayFilter(target_id, self._terms.dialogs, self._terms.windows)
            self._browser.on_event = self._on_event
            self._browser.on_close = lambda: self._on_gone("browser_lost")
            await self._browser.send("Target.setDiscoverTargets", {"discover": True, "filter": TABS_ONLY})
            if self._terms.crop:
                self._crop = await PageCrop.begin(self._browser.send, target_id)
            lending = asyncio.ensure_future(self._lend(on_begin))
            over = asyncio.ensure_future(self._over.wait())
            await asyncio.wait({lending, over}, return_when=asyncio.FIRST_COMPLETED)
            await self._say_goodbye()
            for task in (lending, over):
                task.cancel()
            for ended in await asyncio.gather(lending, over, return_exceptions=True):
                if isinstance(ended, CaptchaRemoteError):
                    self.error = ended
                elif isinstance(ended, Exception):
                    raise ended
        except CaptchaRemoteError as error:
            self.error = error
        finally:
            self.is_up = False
            self._browser.on_close = lambda: None
            await self._browser.close()

    def close(self) -> None:
        if not self._over.is_set():
            self._post({"type": "gone", "epoch": self._epoch, "reason": "browser_lost"})
        self._over.set()

    async def _say_goodbye(self) -> None:
        """Lets go of the page, and gives the last message time to arrive."""
        self._is_closing = True
        self._reset()
        if self._cropping:
            await asyncio.wait(self._cropping, timeout=GONE_PATIENCE)
        line = None if self._registration is None else self._registration.line
        end = time.monotonic() + GONE_PATIENCE
        while line is not None and line.is_up and line.unacknowledged > 0 and time.monotonic() < end:
            await asyncio.sleep(0.02)
        if self._socket is not None:
            await _quietly(asyncio.wait_for(self._socket.close(), GONE_PATIENCE))

    async def _lend(self, on_begin: Callable[[], object]) -> None:
        """Holds the line until the server says that there is no use in it. CaptchaRemoteError: why."""
        tries = 0
        while not self._is_closing:
            began_at = time.monotonic()
            try:
                code = await self._connect_once(on_begin)
                error = CaptchaRemoteError(_code_of(code), "The server has closed the relay.")
            except _Closed as closed:
                code, error = closed.code, closed.error
            if self._registration is None and self.id == "":
                raise error
            if code in FINAL_CLOSES:
                raise error
            if code in FORGOTTEN_CLOSES:
                # The server has forgotten the relay, unless a session of it goes on; what was attached is let go of.
                if self._registration is not None:
                    self._former = {"relay": self._registration.relay, "secret": self._registration.secret}
                self._registration = None
                self._reset()
            if time.monotonic() - began_at > STEADY:
                tries = 0
            await asyncio.sleep(RATE_LIMITED if code == 4429 else RETRIES[min(tries, len(RETRIES) - 1)])
            tries += 1

    async def _connect_once(self, on_begin: Callable[[], object]) -> int:
        """One socket, from its beginning to its end: the close code. _Closed: it was not welcomed."""
        try:
            server = await asyncio.wait_for(_dial(self._terms), WELCOME_WITHIN)
        except Exception as cause:
            raise _not_dialled(self._terms.server.origin, cause) from cause
        outgoing: "asyncio.Queue[bytes]" = asyncio.Queue()
        writing = asyncio.ensure_future(_write_all(server, outgoing))
        beating: Optional[asyncio.Future[None]] = None
        self._socket = server
        try:
            welcome = await self._welcomed(server)
            registration = self._registration
            if registration is None:
                self._epoch = 0
                line = RelayLine(welcome["max_frame_bytes"], self._on_message, self._acknowledge_soon)
                registration = _Registration(welcome["relay"], welcome["secret"], line)
                self._registration = registration
            self.id = registration.relay
            self._heard_at = time.monotonic()
            registration.line.attach(outgoing.put_nowait, welcome["received"])
            self._pictures.line_up()
            self._tell(True)
            on_begin()
            beating = asyncio.ensure_future(self._beat(server))
            async for frame in server:
                self._heard_at = time.monotonic()
                if isinstance(frame, bytes):
                    registration.line.take(frame)
            return _close_code(server)
        except RelayViolation as violation:
            raise _Closed(4400, CaptchaRemoteError("relay_violation", str(violation))) from violation
        except RelayLagging as lagging:
            message = "The server does not take what is sent."
            raise _Closed(4400, CaptchaRemoteError("lagging", message)) from lagging
        except _Closed:
            raise
        except Exception:
            return _close_code(server)
        finally:
            writing.cancel()
            if beating is not None:
                beating.cancel()
            if not self._is_closing and self._registration is not None:
                self._registration.line.detach()
            self._pictures.line_down()
            if self.is_up:
                self._tell(False)
            if not self._is_closing:
                self._socket = None
                await _quietly(asyncio.wait_for(server.close(), 0.2))

    async def _welcomed(self, server: Any) -> JsonObject:
        before = self._registration
        if before is None:
            opening: JsonObject = {
                "type": "hello",
                "version": PROTOCOL_VERSION,
                "client": f"captcha-remote-python {VERSION}",
                "target_id": self._target_id,
                "dialogs": self._terms.dialogs,
                "windows": self._terms.windows,
                "crop": None if self._crop is None else self._crop.hello,
                **({} if self._former is None else {"again": self._former}),
            }
        else:
            opening = {
                "type": "resume",
                "version": PROTOCOL_VERSION,
                "relay": before.relay,
                "secret": before.secret,
                "received": before.line.received,
            }
        refusal: Optional[CaptchaRemoteError] = None
        try:
            await server.send(json.dumps(opening))
            while True:
                text = await asyncio.wait_for(server.recv(), WELCOME_WITHIN)
                message = json.loads(text) if isinstance(text, str) else {}
                if message.get("type") == "error":
                    refusal = _refusal(message)
                if message.get("type") == "welcome" and _is_welcome(message):
                    return dict(message)
        except asyncio.TimeoutError as cause:
            raise _Closed(NO_CLOSE_FRAME, _unreachable("The server does not answer.", cause)) from cause
        except Exception as cause:
            code = _close_code(server)
            raise _Closed(code, refusal or CaptchaRemoteError(_code_of(code), "The server has closed the relay.")) from cause

    async def _beat(self, server: Any) -> None:
        pinged_at = 0.0

        def heard(_: object) -> None:
            self._heard_at = time.monotonic()

        while True:
            await asyncio.sleep(BEAT)
            now = time.monotonic()
            line = None if self._registration is None else self._registration.line
            is_used = bool(self._filter.sessions) or (line is not None and line.unacknowledged > 0)
            ping_every, silent_for = IN_USE if is_used else AT_REST
            if now - self._heard_at > silent_for:
                server.transport.abort()
                return
            if now - pinged_at >= ping_every:
                pinged_at = now
                try:
                    asyncio.ensure_future(await server.ping()).add_done_callback(_swallow(heard))
                except Exception:
                    return

    def _tell(self, is_up: bool) -> None:
        self.is_up = is_up
        if self._terms.on_line is not None:
            self._terms.on_line(is_up)

    def _acknowledge_soon(self) -> None:
        if self._ack is None:
            self._ack = asyncio.get_running_loop().call_later(ACK_AFTER, self._acknowledge)

    def _acknowledge(self) -> None:
        self._ack = None
        if self._registration is not None:
            self._registration.line.acknowledge()

    def _reset(self) -> None:
        sessions = self._filter.sessions
        self._filter.reset()
        self._pictures.clear()
        self._page_sessions.clear()
        if self._crop is not None:
            self._begin_cropping(self._crop.end())
        for session_id in sessions:
            self._browser.call("Page.stopScreencast", {}, session_id)
            self._browser.call("Target.detachFromTarget", {"sessionId": session_id})

    def _on_message(self, header: JsonObject) -> None:
        kind = header["type"]
        if kind == "cdp" and isinstance(header.get("message"), dict):
            self._on_command(header["message"])
        elif kind == "reset":
            self._epoch += 1
            self._reset()
        elif kind == "ack" and isinstance(header.get("pictures"), int):
            self._pictures.acknowledged(header["pictures"])

    def _on_command(self, message: JsonObject) -> None:
        """Runs a command of the server's, if it may ask that, and answers it."""
        name, given, session = message.get("method"), message.get("params"), message.get("sessionId")
        method = name if isinstance(name, str) else ""
        params: JsonObject = given if isinstance(given, dict) else {}
        session_id = session if isinstance(session, str) else None
        epoch = self._epoch
        of: JsonObject = {"id": message.get("id"), **({} if session_id is None else {"sessionId": session_id})}

        def refuse(why: str) -> None:
            self._post_cdp(epoch, {**of, "error": {"code": -32000, "message": why[:1_000]}})

        def answer(result: JsonObject) -> None:
            if epoch != self._epoch:
                return
            if method == "Target.attachToTarget" and params.get("targetId") == self._target_id:
                self._page_sessions.add(str(result.get("sessionId")))
            reduced = self._filter.answer(method, session_id, result)
            if method == "Target.setDiscoverTargets":
                # Before the answer, as a browser does: these were there already.
                for event in self._filter.discover():
                    self._report(*event)
            rest, body_at, encoded = body_of(method, reduced)
            self._post_cdp(epoch, {**of, "result": rest}, body_at, encoded)

        if not self._filter.is_allowed(method, params, session_id):
            refuse("not allowed by the relay")
        elif method.startswith("Relay."):
            if self._crop is None or session_id not in self._page_sessions:
                refuse("not allowed by the relay")
            else:
                self._begin_cropping(self._run_crop(self._crop, method, params, answer, refuse))
        elif method in ("Page.screencastFrameAck", "Target.setDiscoverTargets"):
            # It was acknowledged when it came; the tabs are followed from the beginning.
            answer({})
        else:
            self._browser.call(method, params, session_id, answer, refuse)

    async def _run_crop(
        self,
        crop: PageCrop,
        method: str,
        params: JsonObject,
        answer: Callable[[JsonObject], object],
        refuse: Callable[[str], object],
    ) -> None:
        try:
            result = await crop.run(method, params)
        except Exception as error:
            refuse(str(error) or type(error).__name__)
        else:
            answer(result)

    def _begin_cropping(self, work: "Coroutine[Any, Any, None]") -> None:
        task = asyncio.ensure_future(_quietly(work))
        self._cropping.add(task)
        task.add_done_callback(self._cropping.discard)

    def _on_event(self, method: str, params: JsonObject, session_id: Optional[str]) -> None:
        if session_id is None and params.get("targetId") == self._target_id:
            if method == "Target.targetCrashed":
                self._on_gone("page_crashed")
            if method == "Target.targetDestroyed":
                self._on_gone("page_closed")
        for event in self._filter.event(method, params, session_id):
            self._report(*event)

    def _report(self, method: str, params: JsonObject, session_id: Optional[str]) -> None:
        if method == "Page.screencastFrame" and session_id is not None:
            self._on_picture(params, session_id)
            return
        of = {} if session_id is None else {"sessionId": session_id}
        self._post_cdp(self._epoch, {"method": method, "params": params, **of})

    def _on_picture(self, params: JsonObject, session_id: str) -> None:
        self._browser.call("Page.screencastFrameAck", {"sessionId": params.get("sessionId")}, session_id)
        message = {"method": "Page.screencastFrame", "params": {**params, "data": ""}, "sessionId": session_id}
        self._pictures.offer(Picture(session_id, message, base64.b64decode(str(params.get("data", "")))))

    def _send_picture(self, picture: Picture, number: int) -> None:
        if self._registration is not None:
            header = {
                "type": "picture",
                "picture": number,
                "epoch": self._epoch,
                "message": picture.message,
                "body_at": "params.data",
            }
            self._registration.line.post_once(header, picture.jpeg)

    def _post_cdp(
        self, epoch: int, message: JsonObject, body_at: Optional[str] = None, encoded: Optional[str] = None
    ) -> None:
        if epoch != self._epoch:
            return
        header = {"type": "cdp", "epoch": epoch, "message": message, **({} if body_at is None else {"body_at": body_at})}
        self._post(header, b"" if encoded is None else base64.b64decode(encoded))

    def _post(self, header: JsonObject, body: bytes = b"") -> None:
        if self._registration is None or self._is_closing:
            return
        try:
            self._registration.line.post(header, body)
        except RelayLagging:
            self.error = CaptchaRemoteError("lagging", "The server does not take what is sent.")
            self._over.set()

    def _on_gone(self, reason: str) -> None:
        if self.gone is None and not self._over.is_set():
            self.gone = reason
            self._post({"type": "gone", "epoch": self._epoch, "reason": reason})
            self._over.set()


class _Waiting(NamedTuple):
    answer: Callable[[JsonObject], object]
    refuse: Callable[[str], object]


class _Browser:
    """A browser's DevTools socket. What comes is dealt with in its order, answers too."""

    def __init__(self, socket_: Any) -> None:
        self._socket = socket_
        self._waiting: Dict[int, _Waiting] = {}
        self._last_id = 0
        self._outgoing: "asyncio.Queue[str]" = asyncio.Queue()
        self._writing = asyncio.ensure_future(_write_all(socket_, self._outgoing))
        self._reading = asyncio.ensure_future(self._read())
        self.on_event: Callable[[str, JsonObject, Optional[str]], object] = lambda *_: None
        self.on_close: Callable[[], object] = lambda: None

    @classmethod
    async def connect(cls, address: str) -> _Browser:
        host = urllib.parse.urlsplit(address).netloc.rpartition("@")[2]
        try:
            if not address.startswith("ws"):
                address = await asyncio.get_running_loop().run_in_executor(None, _socket_of, address)
            connecting = _connect(address, max_size=MOST_DEVTOOLS_BYTES, compression=None)
            return cls(await asyncio.wait_for(connecting, CONNECT_WITHIN))
        except CaptchaRemoteError:
            raise
        except Exception as cause:
            raise CaptchaRemoteError("cdp_unreachable", f"No browser answers at {host}.") from cause

    def call(
        self,
        method: str,
        params: JsonObject,
        session_id: Optional[str] = None,
        answer: Callable[[JsonObject], object] = lambda _: None,
        refuse: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._last_id += 1
        self._waiting[self._last_id] = _Waiting(answer, refuse)
        of = {} if session_id is None else {"sessionId": session_id}
        self._outgoing.put_nowait(json.dumps({"id": self._last_id, "method": method, "params": params, **of}))

    async def send(self, method: str, params: JsonObject, session_id: Optional[str] = None) -> JsonObject:
        answered: "asyncio.Future[JsonObject]" = asyncio.get_running_loop().create_future()

        def refuse(why: str) -> None:
            if not answered.done():
                answered.set_exception(CaptchaRemoteError("cdp_unreachable", why))

        def answer(result: JsonObject) -> None:
            if not answered.done():
                answered.set_result(result)

        self.call(method, params, session_id, answer, refuse)
        try:
            return await asyncio.wait_for(answered, CONNECT_WITHIN)
        except asyncio.TimeoutError as cause:
            raise CaptchaRemoteError("cdp_unreachable", "The browser does not answer.") from cause

    async def find(self, target_id: Optional[str], url_contains: Optional[str]) -> str:
        """The one page that is meant. CaptchaRemoteError: target_not_found, target_ambiguous."""
        listed = (await self.send("Target.getTargets", {})).get("targetInfos", [])
        pages = [one for one in listed if one.get("type") == "page" and not one.get("url", "").startswith(SURFACES)]
        matching = [
            one
            for one in pages
            if target_id in (None, one["targetId"]) and (url_contains is None or url_contains in one["url"])
        ]
        if len(matching) == 1:
            return str(matching[0]["targetId"])
        candidates = [
            {"target_id": one["targetId"], "url": one["url"].split("?")[0].split("#")[0]}
            for one in (matching or pages)[:MOST_CANDIDATES]
        ]
        code = "target_ambiguous" if matching else "target_not_found"
        what = "More than one page of the browser matches." if matching else "No page of the browser matches."
        raise CaptchaRemoteError(code, what, details={"candidates": candidates})

    async def close(self) -> None:
        # What was asked for last is still sent.
        end = time.monotonic() + BEAT
        while not self._outgoing.empty() and not self._writing.done() and time.monotonic() < end:
            await asyncio.sleep(0.01)
        await _quietly(asyncio.wait_for(self._socket.close(), BEAT))
        for task in (self._reading, self._writing):
            task.cancel()
        await asyncio.gather(self._reading, self._writing, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async for text in self._socket:
                self._on_message(json.loads(text))
        except asyncio.CancelledError:
            raise
        except Exception:
            pass
        for waiting in list(self._waiting.values()):
            waiting.refuse("the browser is gone")
        self._waiting.clear()
        self.on_close()

    def _on_message(self, message: JsonObject) -> None:
        method, session, params = message.get("method"), message.get("sessionId"), message.get("params")
        if isinstance(method, str):
            session_id = session if isinstance(session, str) else None
            self.on_event(method, params if isinstance(params, dict) else {}, session_id)
            return
        waiting = self._waiting.pop(message.get("id", 0), None)
        error, result = message.get("error"), message.get("result")
        if waiting is None:
            return
        if isinstance(error, dict):
            waiting.refuse(str(error.get("message")))
        else:
            waiting.answer(result if isinstance(result, dict) else {})


def browser_address(cdp: Union[int, str]) -> str:
    """`9222`, `http://host:port`, or the `ws:` address of a browser, as an address. ValueError: it is none of them."""
    text = str(cdp)
    if text.isascii() and text.isdecimal() and 0 < int(text) < 65_536:
        return f"http://127.0.0.1:{text}"
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        raise ValueError("cdp: a port such as 9222, or an http: or ws: address")
    return text


def _socket_of(address: str) -> str:
    """
    The browser's socket, as /json/version names it. A browser may know itself by another name: the one that was given is
    the one that is dialled, and path and query alone are taken of the answer.
    """
    parts = urllib.parse.urlsplit(address)
    host, is_secure = parts.hostname or "", parts.scheme == "https"
    if not is_secure and host != "localhost":
        # Chromium answers to addresses and to localhost alone.
        host = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
    maker = http.client.HTTPSConnection if is_secure else http.client.HTTPConnection
    connection = maker(host, parts.port, timeout=CONNECT_WITHIN)
    try:
        path = f"{parts.path.rstrip('/')}/json/version" + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read(64 * 1024))
        named = urllib.parse.urlsplit(str(answer["webSocketDebuggerUrl"]))
    finally:
        connection.close()
    netloc = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        netloc = f"{netloc}:{parts.port}"
    query = named.query or parts.query
    return f"{'wss' if is_secure else 'ws'}://{netloc}{named.path}" + (f"?{query}" if query else "")


async def _dial(terms: _Terms) -> Any:
    """A socket to the server; the key goes in a header. Through the proxy that the environment names."""
    scheme, host, port, path = terms.server
    is_secure = scheme == "https"
    # Nearly all of it are pictures, which are compressed already.
    options: JsonObject = {"max_size": MOST_FRAME_BYTES, "compression": None}
    if terms.api_key:
        options["headers"] = {"authorization": f"Bearer {terms.api_key}"}
    if is_secure:
        options["ssl"] = terms.ssl_context or ssl.create_default_context()
    proxy = _proxy_for(scheme, host)
    if proxy is not None:
        # What a proxy of HTTP does for any address once it is asked to CONNECT.
        tunnel = http.client.HTTPConnection(proxy.host, proxy.port or 80, timeout=CONNECT_WITHIN)
        tunnel.set_tunnel(host, port or (443 if is_secure else 80), proxy.headers)
        await asyncio.get_running_loop().run_in_executor(None, tunnel.connect)
        line: socket.socket = tunnel.sock
        line.settimeout(None)
        options["sock"] = line
    return await _connect(f"{'wss' if is_secure else 'ws'}://{terms.server.netloc}{path}/relay", **options)


async def _connect(address: str, headers: Optional[Mapping[str, str]] = None, **options: Any) -> Any:
    maker = _maker()
    known = inspect.signature(maker.__mro__[1].__init__).parameters
    # The name of this option has changed, and newer versions look for proxies by themselves.
    if headers:
        options["additional_headers" if "additional_headers" in known else "extra_headers"] = dict(headers)
    if "proxy" in known:
        options["proxy"] = None
    return await maker(address, ping_interval=None, close_timeout=1, **options)


@functools.lru_cache(maxsize=None)
def _maker() -> Any:
    import websockets

    base: Any = getattr(websockets, "connect")  # noqa: B009: the module loads it when it is asked for.

    class Connect(base):  # type: ignore[misc]
        """Follows no redirect: the request has secrets that are only for this server."""

        def handle_redirect(self, uri: str) -> None:
            raise OSError("The server sends elsewhere.")

        def process_redirect(self, exc: Exception) -> Exception:
            return exc

    return Connect


async def _write_all(socket_: Any, outgoing: "asyncio.Queue[Any]") -> None:
    """One after the other, so that nothing comes between the frames of a message."""
    while True:
        await socket_.send(await outgoing.get())


async def _quietly(work: "Coroutine[Any, Any, Any]") -> None:
    try:
        await work
    except asyncio.CancelledError:
        raise
    except Exception:
        pass


def _swallow(then: Callable[[object], None]) -> Callable[["asyncio.Future[Any]"], None]:
    def done(future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and future.exception() is None:
            then(future.result())

    return done


def _close_code(socket_: Any) -> int:
    code = getattr(socket_, "close_code", None)
    return code if isinstance(code, int) else NO_CLOSE_FRAME


def _code_of(close: int) -> str:
    return next((code for code, number in CLOSES.items() if number == close), "server_unreachable")


def _refusal(message: JsonObject) -> CaptchaRemoteError:
    details = message.get("details")
    return CaptchaRemoteError(
        str(message.get("code")), str(message.get("message")), details=details if isinstance(details, dict) else None
    )


def _not_dialled(origin: str, cause: BaseException) -> _Closed:
    """Where the server has answered with a status in place of a socket, its code."""
    response = getattr(cause, "response", None)
    status = getattr(cause, "status_code", None) or getattr(response, "status_code", None)
    close = {401: 4401, 403: 4403, 404: 4403, 429: 4429}.get(status or 0)
    if close is None:
        return _Closed(NO_CLOSE_FRAME, _unreachable(f"The server at {origin} cannot be reached.", cause))
    code = "not_found" if status == 404 else _code_of(close)
    return _Closed(close, CaptchaRemoteError(code, f"The server at {origin} answers with HTTP {status}.", status=status))


def _unreachable(message: str, cause: BaseException) -> CaptchaRemoteError:
    error = CaptchaRemoteError("server_unreachable", message)
    error.__cause__ = cause
    return error


def _is_welcome(message: JsonObject) -> bool:
    texts: List[Any] = [message.get("relay"), message.get("secret")]
    numbers: List[Any] = [message.get("received"), message.get("max_frame_bytes")]
    if not all(isinstance(one, str) for one in texts) or not all(isinstance(one, int) for one in numbers):
        return False
    return bool(message["received"] >= 0 and message["max_frame_bytes"] >= LEAST_FRAME_BYTES)
