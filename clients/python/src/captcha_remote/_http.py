"""Sends requests to the server's API, with a deadline for all of each, an abort, and errors that have a code."""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import re
import socket
import ssl
import threading
import urllib.parse
import urllib.request
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ._abort import Abort, Background
from ._errors import CaptchaRemoteError, error_of
from ._version import VERSION

API_PREFIX = "/api/captcha"
# A creation starts a browser and opens a page: up to half a minute on a busy machine and a slow site.
DEFAULT_TIMEOUT = 60.0
_KEY = re.compile(r"[\x21-\x7e]+")


class Answer(NamedTuple):
    status: int
    retry_after: Optional[str]
    text: str


class Address(NamedTuple):
    """Of the API on one server."""

    scheme: str
    host: str
    port: Optional[int]
    path: str

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def api_at(base_url: str) -> Address:
    """
    The address of the API on the server whose PUBLIC_URL is `base_url`, with or without `/api/captcha`.
    ValueError for an address that is none.
    """
    parts = urllib.parse.urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        # The address is not repeated: it may hold a password.
        raise ValueError("base_url: not an http: or https: address")
    path = parts.path.rstrip("/")
    return Address(parts.scheme, parts.hostname, parts.port, path if path.endswith(API_PREFIX) else path + API_PREFIX)


class Exchange:
    """One request on a connection of its own, which another thread may cut."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection
        self._lock = threading.Lock()
        self._is_cut = False
        # The connection forgets it when the answer is the last one on it.
        self._line: Optional[socket.socket] = None

    def send(
        self, method: str, target: str, body: Optional[bytes], headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        self.connection.connect()
        with self._lock:
            self._line = self.connection.sock
            if self._is_cut:
                raise ConnectionAbortedError("nobody waits for the answer any more")
        self.connection.request(method, target, body, dict(headers))
        return self.connection.getresponse()

    def allow_silence(self, seconds: float) -> None:
        """From now on nothing may come for so long."""
        if self._line is not None:
            self._line.settimeout(seconds)

    def cut(self) -> None:
        """Whoever reads from the connection or writes to it fails at once."""
        with self._lock:
            self._is_cut = True
            line = self._line
        if line is None:
            return
        try:
            # Not that of an SSLSocket, which takes away what the other thread is using.
            socket.socket.shutdown(line, socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass


class Http:
    def __init__(
        self,
        base_url: str,
        api_key: Optional[str],
        timeout: float = DEFAULT_TIMEOUT,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        if api_key and not _KEY.fullmatch(api_key):
            raise ValueError("api_key: not the secret of a key")
        self.timeout = timeout
        self.base_url = base_url
        self.api_key = api_key
        self.ssl_context = ssl_context
        self._address = api_at(base_url)
        self.api = self._address.origin + self._address.path
        self._headers: Dict[str, str] = {"user-agent": f"captcha-remote-python/{VERSION}"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Optional[Mapping[str, Any]] = None,
        headers: Optional[Mapping[str, str]] = None,
        signal: Optional[Abort] = None,
        within: Optional[float] = None,
    ) -> Any:
        """
        The answer's JSON, whose shape is not checked. `within` (s) bounds all of the request, name look-up and body too;
        left out: `timeout`. CaptchaRemoteError: the code of the answer, or server_unreachable if none arrived in time.
        Raises the signal's reason when it aborts.
        """
        if signal is not None:
            signal.throw_if_aborted()
        seconds = max(0.0, self.timeout if within is None else within)
        data = None if body is None else json.dumps(body).encode()
        json_only = {} if data is None else {"content-type": "application/json"}
        exchange, target, proxy_headers = self._open(path, max(0.001, seconds))
        sent = {"accept": "application/json", **json_only, **self._headers, **proxy_headers, **(headers or {})}
        answer = self._answer(exchange, method, target, data, sent, seconds, signal)
        return self._json_of(answer)

    def open_stream(
        self, path: str, headers: Mapping[str, str], seconds: float
    ) -> Tuple[Exchange, str, Dict[str, str]]:
        """A connection for an answer that goes on, with the target and the headers of its request."""
        exchange, target, proxy_headers = self._open(path, seconds)
        return exchange, target, {**self._headers, **proxy_headers, **headers}

    def unreachable(self, what: str) -> CaptchaRemoteError:
        return CaptchaRemoteError("server_unreachable", f"The server at {self.api} {what}.")

    def refuse_redirect(self, status: int) -> None:
        """The request has secrets that are only for this server, so it does not follow redirects."""
        if 300 <= status < 400:
            message = f"The server at {self.api} sends elsewhere; name that address as base_url."
            raise CaptchaRemoteError("not_found", message, status=status)

    def _answer(
        self,
        exchange: Exchange,
        method: str,
        target: str,
        data: Optional[bytes],
        headers: Mapping[str, str],
        seconds: float,
        signal: Optional[Abort],
    ) -> Answer:
        def work() -> Answer:
            try:
                response = exchange.send(method, target, data, headers)
                text = response.read().decode("utf-8", "replace")
                return Answer(response.status, response.headers.get("retry-after"), text)
            finally:
                exchange.connection.close()

        # In a thread of its own: the time of a socket is that of one step, and a name look-up cannot be ended at all.
        sending = Background(work)
        try:
            is_in_time = sending.wait(seconds, signal)
        finally:
            exchange.cut()
        if not is_in_time:
            raise self.unreachable(f"did not answer within {seconds:g} s")
        try:
            return sending.value()
        except (socket.timeout, TimeoutError) as cause:
            raise self.unreachable(f"did not answer within {seconds:g} s") from cause
        except (OSError, http.client.HTTPException, UnicodeError) as cause:
            raise self.unreachable("cannot be reached") from cause

    def _json_of(self, answer: Answer) -> Any:
        self.refuse_redirect(answer.status)
        if not 200 <= answer.status < 300:
            raise error_of(answer.status, answer.retry_after, answer.text)
        try:
            return json.loads(answer.text)
        except ValueError as cause:
            message = f"What answers at {self.api} is no captcha-remote server."
            raise CaptchaRemoteError("not_found", message, status=answer.status) from cause

    def _open(self, path: str, seconds: float) -> Tuple[Exchange, str, Dict[str, str]]:
        scheme, host, port, prefix = self._address
        proxy = _proxy_for(scheme, host)
        near_host, near_port = (host, port) if proxy is None else (proxy.host, proxy.port or 80)
        if scheme == "https":
            context = self.ssl_context or ssl.create_default_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                near_host, near_port, timeout=seconds, context=context
            )
            if proxy is not None:
                connection.set_tunnel(host, port or 443, proxy.headers)
            return Exchange(connection), prefix + path, {}
        connection = http.client.HTTPConnection(near_host, near_port, timeout=seconds)
        if proxy is None:
            return Exchange(connection), prefix + path, {}
        return Exchange(connection), self.api + path, proxy.headers


class _Proxy(NamedTuple):
    host: str
    port: Optional[int]
    headers: Dict[str, str]


def _proxy_for(scheme: str, host: str) -> Optional[_Proxy]:
    """As HTTP_PROXY, HTTPS_PROXY and NO_PROXY say. What is on this machine is never asked through another one."""
    if _is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    named = urllib.request.getproxies().get(scheme)
    if not named:
        return None
    parts = urllib.parse.urlsplit(named if "://" in named else f"http://{named}")
    if not parts.hostname:
        return None
    headers: Dict[str, str] = {}
    if parts.username is not None:
        user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        headers["proxy-authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
    return _Proxy(parts.hostname, parts.port, headers)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
