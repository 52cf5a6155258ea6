"""The client for programs that wait in threads: creates sessions, hands on their links, waits for their results."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Callable, List, Literal, Optional, Sequence, Union

from ._abort import Abort
from ._core import Core, OnState
from ._feed import EventFeed
from ._http import DEFAULT_TIMEOUT, Http
from .types import (
    CodeResult,
    CreateSession,
    LinkAnswer,
    SessionAnswer,
    SessionListItem,
    SessionResult,
    SessionState,
    TicketAnswer,
)

if TYPE_CHECKING:
    from .relay import Relay

OnLink = Callable[[str, SessionAnswer], object]


class Client:
    """
    `base_url`: the server's address, as in its PUBLIC_URL, with or without `/api/captcha`; ValueError if it is none.
    `api_key`: left out for a server with AUTH=off. `timeout`: the limit of one call with its repeats, in s; `wait` and
    `solve` have limits of their own. `ssl_context`: in place of the system's certificates.

    Every call can be made from any thread, and ends early with its `signal`. All times are in seconds.
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
        return f"Client({self._http.api!r})"

    def solve(
        self,
        body: CreateSession,
        on_link: OnLink,
        *,
        on_state: Optional[OnState] = None,
        timeout: Optional[float] = None,
        unreachable: Optional[float] = None,
        idempotency_key: Optional[str] = None,
        signal: Optional[Abort] = None,
    ) -> SessionResult:
        """
        One call, one link, back to work: creates the session, calls `on_link(control_url, session)` to hand the link on,
        waits. `timeout` (a day when left out) is for all of it. When it is aborted, out of time (CaptchaRemoteError
        timeout), interrupted or fails, it cancels the session, also one that is still being created; that may take 5 s.
        `on_link` and `on_state` run in this thread: the time and the signal are looked at when they return.
        """
        return self._core.solve(
            body,
            lambda link, session, _stop: on_link(link, session),
            on_state=on_state,
            timeout=timeout,
            unreachable=unreachable,
            idempotency_key=idempotency_key,
            signal=signal,
        )

    def create(
        self,
        body: CreateSession,
        *,
        idempotency_key: Optional[str] = None,
        respond_async: bool = False,
        signal: Optional[Abort] = None,
    ) -> SessionAnswer:
        """
        [R10] Opens a session; returns when its page is ready, with `respond_async` at once. After a lost answer, and
        when the server is full (503 with Retry-After), the request is repeated, at most 8 times within `timeout`; the
        result always is one session. CaptchaRemoteError: the server's code, or server_unreachable.
        """
        return self._core.create(
            body, idempotency_key=idempotency_key, respond_async=respond_async, signal=signal
        )

    def wait(
        self,
        session_id: str,
        *,
        on_state: Optional[OnState] = None,
        timeout: Optional[float] = None,
        unreachable: Optional[float] = None,
        signal: Optional[Abort] = None,
    ) -> SessionResult:
        """
        [R6] [R11] The result as soon as the session has ended; `outcome` says how. The wait survives network errors and
        restarts of the server. `on_state(state, status)` is called with each state within 2 s; an error that it raises
        ends the wait. `timeout`: a day when left out. `unreachable`: how long the server may be away, from the first
        failed request; 5 minutes when left out. CaptchaRemoteError: session_not_found, timeout, server_unreachable, or
        the server's refusal.
        """
        return self._core.wait(
            session_id, on_state=on_state, timeout=timeout, unreachable=unreachable, signal=signal
        )

    def result(self, session_id: str, *, signal: Optional[Abort] = None) -> SessionResult:
        """[R11] The result of an ended session. CaptchaRemoteError: session_not_found, or not_ended before the end."""
        return self._core.result(session_id, signal=signal)

    def report(
        self, session_id: str, correct: bool, note: Optional[str] = None, *, signal: Optional[Abort] = None
    ) -> None:
        """
        [R23] Reports whether the outcome of an ended session was right; once for each session, while the server keeps
        it. CaptchaRemoteError: session_not_found, not_ended, or already_reported if it was reported otherwise before.
        """
        self._core.report(session_id, correct, note, signal=signal)

    def answer(
        self,
        session_id: str,
        text: str,
        *,
        submit: bool = True,
        idempotency_key: Optional[str] = None,
        signal: Optional[Abort] = None,
    ) -> CodeResult:
        """
        [R24] Types a one-time code that a person has given the bot into the page of a living session, and sends it
        unless `submit` is False. A repeat with the same `idempotency_key` is safe. CaptchaRemoteError:
        session_not_found, session_ended, not_in_control (a person acts), rate_limited (5 a minute).
        """
        return self._core.answer(
            session_id, text, submit=submit, idempotency_key=idempotency_key, signal=signal
        )

    def extend(self, session_id: str, seconds: int, *, signal: Optional[Abort] = None) -> str:
        """[R12] The new deadline, ISO 8601. The request is not repeated: it could extend twice."""
        return self._core.extend(session_id, seconds, signal=signal)

    def cancel(self, session_id: str, *, signal: Optional[Abort] = None) -> None:
        """[R7] Ends a living session as cancelled. An ended one stays as it is."""
        self._core.cancel(session_id, signal=signal)

    def create_link(
        self,
        session_id: str,
        *,
        role: Optional[Literal["control", "watch"]] = None,
        ttl_seconds: Optional[int] = None,
        qr: Optional[bool] = None,
        signal: Optional[Abort] = None,
    ) -> LinkAnswer:
        """
        [R13] An operator link for one more person: to act (`control`, the default) or only to `watch`. `qr`: the answer
        has it as a QR code too. The request is not repeated: it could make two. CaptchaRemoteError: also rate_limited.
        """
        return self._core.create_link(session_id, role=role, ttl_seconds=ttl_seconds, qr=qr, signal=signal)

    def revoke_link(self, session_id: str, link_id: str, *, signal: Optional[Abort] = None) -> None:
        """
        [R13] Disconnects the operators who joined by this link. CaptchaRemoteError link_not_found: also when it was
        revoked before.
        """
        self._core.revoke_link(session_id, link_id, signal=signal)

    def ticket(self, session_id: str, *, signal: Optional[Abort] = None) -> TicketAnswer:
        """[R16] A ticket that opens one operator socket within 30 s, as the subprotocol `captcha.ticket.` and the ticket."""
        return self._core.ticket(session_id, signal=signal)

    def list_sessions(
        self, state: Optional[Union[SessionState, Sequence[SessionState]]] = None, *, signal: Optional[Abort] = None
    ) -> List[SessionListItem]:
        """[R1] The living sessions, or those in the states of `state`. Newest first, at most 500."""
        return self._core.list_sessions(state, signal=signal)

    def feed(
        self,
        topics: Union[str, Sequence[str]] = "sessions",
        *,
        after: Optional[int] = None,
        on_gap: Optional[Callable[[int], object]] = None,
    ) -> EventFeed:
        """
        [R18] Events of many sessions, to iterate over. It connects at once, comes back by itself and asks for what it
        missed. `after`: the `position` of an earlier feed, to go on after it; left out: from now on. `on_gap(after)` is
        called where events after this position are not kept any more: look at the sessions anew.
        """
        return EventFeed(self._http, topics, after, on_gap)

    def relay(
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
        """
        Lends a page of the bot's browser to a server that cannot reach it: `{"relay": relay.id}` in place of `cdp` in a
        creation. `cdp`: the browser's debugging port, or its address; the page as in a creation's `cdp`. It needs the
        package websockets. `crop`: the bot takes no screenshots meanwhile and leaves the window's size, so that pictures can show
        the challenge alone. `on_line(is_up)` is called in a thread of the relay's. CaptchaRemoteError: the server's
        code, server_unreachable, cdp_unreachable, target_not_found, target_ambiguous. ImportError: without websockets.
        """
        from .relay import Relay

        return Relay(
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
