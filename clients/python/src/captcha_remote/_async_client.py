"""
The client for asyncio. Each call runs in a thread of its own, on the same code as `Client`: one implementation of HTTP
(the standard library's), of the retries and of the goodbyes, which a cancelled task waits for. The loop never waits.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import math
import ssl
import threading
from typing import TYPE_CHECKING, Any, Awaitable, Callable, List, Literal, Optional, Sequence, TypeVar, Union

from ._abort import Abort, Background, wait_on
from ._core import Core, OnState
from ._feed import AsyncEventFeed
from ._http import DEFAULT_TIMEOUT, Http
from .types import (
    CodeResult,
    CreateSession,
    LinkAnswer,
    SessionAnswer,
    SessionListItem,
    SessionResult,
    SessionState,
    SessionStatus,
    TicketAnswer,
)

if TYPE_CHECKING:
    from .relay import Relay

T = TypeVar("T")
OnLink = Callable[[str, SessionAnswer], Union[Awaitable[object], object]]
OnStateAsync = Callable[[SessionState, SessionStatus], Union[Awaitable[object], object]]


class AsyncClient:
    """
    As `Client`, for asyncio: cancel the task of a call in place of giving it a signal, or use `asyncio.wait_for`.
    `on_link` and `on_state` are called in the loop, and may be coroutine functions.
    """

    def __init__(
        self,
        base_url: str,
        api_key: Optional[str] = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        self._http = Http(base_url, api_key, timeout, ssl_context)
        self._core = Core(self._http)

    def __repr__(self) -> str:
        return f"AsyncClient({self._http.api!r})"

    async def solve(
        self,
        body: CreateSession,
        on_link: OnLink,
        *,
        on_state: Optional[OnStateAsync] = None,
        timeout: Optional[float] = None,
        unreachable: Optional[float] = None,
        idempotency_key: Optional[str] = None,
    ) -> SessionResult:
        """
        One call, one link, back to work, as `Client.solve`. A cancelled task cancels the session first, also one that is
        still being created; that may take 5 s. `on_link` is cancelled too where it is still under way.
        """
        loop = asyncio.get_running_loop()

        def hand_on(link: str, session: SessionAnswer, stop: Abort) -> object:
            return _call_in(loop, stop, on_link, link, session)

        return await _in_thread(
            lambda signal: self._core.solve(
                body,
                hand_on,
                on_state=_state_in(loop, signal, on_state),
                timeout=timeout,
                unreachable=unreachable,
                idempotency_key=idempotency_key,
                signal=signal,
            )
        )

    async def create(
        self, body: CreateSession, *, idempotency_key: Optional[str] = None, respond_async: bool = False
    ) -> SessionAnswer:
        """[R10] As `Client.create`."""
        return await _in_thread(
            lambda signal: self._core.create(
                body, idempotency_key=idempotency_key, respond_async=respond_async, signal=signal
            )
        )

    async def wait(
        self,
        session_id: str,
        *,
        on_state: Optional[OnStateAsync] = None,
        timeout: Optional[float] = None,
        unreachable: Optional[float] = None,
    ) -> SessionResult:
        """[R6] [R11] As `Client.wait`."""
        loop = asyncio.get_running_loop()
        return await _in_thread(
            lambda signal: self._core.wait(
                session_id,
                on_state=_state_in(loop, signal, on_state),
                timeout=timeout,
                unreachable=unreachable,
                signal=signal,
            )
        )

    async def result(self, session_id: str) -> SessionResult:
        """[R11] As `Client.result`."""
        return await _in_thread(lambda signal: self._core.result(session_id, signal=signal))

    async def report(self, session_id: str, correct: bool, note: Optional[str] = None) -> None:
        """[R23] As `Client.report`."""
        await _in_thread(lambda signal: self._core.report(session_id, correct, note, signal=signal))

    async def answer(
        self, session_id: str, text: str, *, submit: bool = True, idempotency_key: Optional[str] = None
    ) -> CodeResult:
        """[R24] As `Client.answer`."""
        return await _in_thread(
            lambda signal: self._core.answer(
                session_id, text, submit=submit, idempotency_key=idempotency_key, signal=signal
            )
        )

    async def extend(self, session_id: str, seconds: int) -> str:
        """[R12] As `Client.extend`."""
        return await _in_thread(lambda signal: self._core.extend(session_id, seconds, signal=signal))

    async def cancel(self, session_id: str) -> None:
        """[R7] As `Client.cancel`."""
        await _in_thread(lambda signal: self._core.cancel(session_id, signal=signal))

    async def create_link(
        self,
        session_id: str,
        *,
        role: Optional[Literal["control", "watch"]] = None,
        ttl_seconds: Optional[int] = None,
        qr: Optional[bool] = None,
    ) -> LinkAnswer:
        """[R13] As `Client.create_link`."""
        return await _in_thread(
            lambda signal: self._core.create_link(
                session_id, role=role, ttl_seconds=ttl_seconds, qr=qr, signal=signal
            )
        )

    async def revoke_link(self, session_id: str, link_id: str) -> None:
        """[R13] As `Client.revoke_link`."""
        await _in_thread(lambda signal: self._core.revoke_link(session_id, link_id, signal=signal))

    async def ticket(self, session_id: str) -> TicketAnswer:
        """[R16] As `Client.ticket`."""
        return await _in_thread(lambda signal: self._core.ticket(session_id, signal=signal))

    async def list_sessions(
        self, state: Optional[Union[SessionState, Sequence[SessionState]]] = None
    ) -> List[SessionListItem]:
        """[R1] As `Client.list_sessions`."""
        return await _in_thread(lambda signal: self._core.list_sessions(state, signal=signal))

    def feed(
        self,
        topics: Union[str, Sequence[str]] = "sessions",
        *,
        after: Optional[int] = None,
        on_gap: Optional[Callable[[int], Union[Awaitable[object], object]]] = None,
    ) -> AsyncEventFeed:
        """[R18] As `Client.feed`, for `async for`. It is called in the loop that reads it."""
        return AsyncEventFeed(self._http, topics, after, on_gap)

    async def relay(
        self,
        cdp: Union[int, str],
        *,
        target_id: Optional[str] = None,
        url_contains: Optional[str] = None,
        dialogs: Literal["bot", "operator"] = "bot",
        windows: Literal["follow", "leave"] = "follow",
        crop: bool = False,
        on_line: Optional[Callable[[bool], object]] = None,
    ) -> Relay:
        """As `Client.relay`. The relay is an asynchronous context manager, too."""
        from .relay import Relay

        return await _in_thread(
            lambda _signal: Relay(
                self._http.base_url,
                self._http.api_key,
                cdp,
                target_id=target_id,
                url_contains=url_contains,
                dialogs=dialogs,
                windows=windows,
                crop=crop,
                on_line=on_line,
                ssl_context=self._http.ssl_context,
            )
        )


async def _in_thread(work: Callable[[Abort], T]) -> T:
    """The work's result. A cancelled task aborts the work and waits for its end, until it is cancelled once more."""
    loop = asyncio.get_running_loop()
    context = contextvars.copy_context()
    signal = Abort()
    settled: asyncio.Future[None] = loop.create_future()

    def settle() -> None:
        if not settled.done():
            settled.set_result(None)

    def then() -> None:
        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:  # The loop is closed: nobody waits.
            pass

    running = Background(lambda: context.run(work, signal), then)
    try:
        await asyncio.shield(settled)
    except asyncio.CancelledError:
        signal.abort()
        await asyncio.shield(settled)
        raise
    return running.value()


def _state_in(
    loop: asyncio.AbstractEventLoop, signal: Abort, on_state: Optional[OnStateAsync]
) -> Optional[OnState]:
    if on_state is None:
        return None
    callback = on_state
    return lambda state, status: _call_in(loop, signal, callback, state, status)


def _call_in(
    loop: asyncio.AbstractEventLoop, signal: Abort, callback: Callable[..., Any], *arguments: Any
) -> object:
    """Calls back in the loop, from another thread, and waits for it there. An abort cancels what was called."""

    async def run() -> object:
        value = callback(*arguments)
        return await value if inspect.isawaitable(value) else value

    done = threading.Event()
    called = asyncio.run_coroutine_threadsafe(run(), loop)
    called.add_done_callback(lambda _: done.set())
    try:
        wait_on(done, math.inf, signal)
    except BaseException:
        called.cancel()
        raise
    return called.result()
