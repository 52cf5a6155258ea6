"""What both clients do, written once: each call waits in the thread that makes it, and ends early with its signal."""

from __future__ import annotations

import math
import random
import secrets
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Union, cast
from urllib.parse import quote

from ._abort import Abort, Background, delay, limited
from ._errors import CaptchaRemoteError, is_transient, is_worth_creating_again
from ._http import Http
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

# Tries take 20 to 35 s together: enough for a server that is being deployed or is briefly full.
TRIES = 8
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
# [R6] The longest poll that the server accepts, in s.
LONGEST_POLL = 50.0
# A poll returns only at the session's end. It is renewed this often to see other states.
SHORT_POLL = 2.0
# The longest life of any session, in s.
A_DAY = 24 * 60 * 60.0
UNREACHABLE = 5 * 60.0
# How long an answer may take beyond the poll's own time.
ANSWER_MARGIN = 10.0
# The shortest time between two polls, as a proxy may answer them at once.
LEAST_POLL = 0.5
# The limit of a cancellation with its repeats. It is short, as cancelling is a courtesy to the server.
CANCEL_WITHIN = 5.0
# Pause before the cancellation is sent again, as it may overtake the creation.
CANCEL_AGAIN = 0.3
# A server refuses before it opens any page: a creation that is not refused within this time will not be.
REFUSAL = 1.0

LIVING = ("starting", "waiting", "active")

OnState = Callable[[SessionState, SessionStatus], object]
"""Called with the first state and with each new one."""
HandOn = Callable[[str, SessionAnswer, Abort], object]
"""Hands on a link; the abort says when nobody waits for that any more."""


def random_key() -> str:
    """For an Idempotency-Key."""
    return secrets.token_hex(16)


def random_id() -> str:
    """
    A session's id in the server's own form: 22 characters. It must be impossible to guess, as with AUTH=off it opens
    the session.
    """
    return secrets.token_urlsafe(16)


def backoff(attempt: int, retry_after: Optional[float] = None) -> float:
    """
    The pause in s before retry number `attempt`, from 1. It grows from 0.5 to 10 s, and is random in the upper half, so
    that many bots do not retry at the same moment. It is never shorter than `retry_after`, the server's request.
    """
    grown = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt - 1, 16))
    pause = grown / 2 * (1 + random.random())
    return pause if retry_after is None else max(pause, retry_after * (1 + random.random() / 4))


class Core:
    def __init__(self, http: Http) -> None:
        self.http = http

    def create(
        self,
        body: CreateSession,
        *,
        signal: Optional[Abort] = None,
        stop: Optional[Abort] = None,
        idempotency_key: Optional[str] = None,
        respond_async: bool = False,
    ) -> SessionAnswer:
        """`stop` ends the repeats, `signal` the request that is under way too."""
        headers = {"idempotency-key": random_key() if idempotency_key is None else idempotency_key}
        if respond_async:
            headers["prefer"] = "respond-async"
        answer = self._repeat(
            "POST",
            "/sessions",
            body=cast(Mapping[str, Any], body),
            headers=headers,
            signal=signal,
            stop=signal if stop is None else stop,
            is_worth_it=is_worth_creating_again,
        )
        return cast(SessionAnswer, answer)

    def wait(
        self,
        session_id: str,
        *,
        signal: Optional[Abort] = None,
        on_state: Optional[OnState] = None,
        timeout: Optional[float] = None,
        unreachable: Optional[float] = None,
    ) -> SessionResult:
        """
        The result as soon as the session has ended. CaptchaRemoteError: session_not_found, timeout, server_unreachable,
        and refusals that no retry changes, such as unauthorized.
        """
        limit = A_DAY if timeout is None else timeout
        patience = UNREACHABLE if unreachable is None else unreachable
        path = _segment(session_id)
        end = time.monotonic() + limit
        failures = 0
        failing_since = 0.0
        reported: Optional[SessionState] = None
        while True:
            asked_at = time.monotonic()
            if asked_at >= end:
                raise CaptchaRemoteError("timeout", f"The session had not ended after {limit:g} s.")
            try:
                status = self._poll(path, min(LONGEST_POLL if on_state is None else SHORT_POLL, end - asked_at), signal)
                state = status["state"]
                if state is None:
                    raise CaptchaRemoteError("session_not_found", "There is no session with this id.", status=404)
                if state != reported and on_state is not None:
                    on_state(state, status)
                reported = state
                if state not in LIVING:
                    return cast(SessionResult, self.http.call("GET", f"/session/{path}/result", signal=signal))
                failures = 0
                soon = LEAST_POLL - (time.monotonic() - asked_at)
                if soon > 0:
                    delay(soon, signal)
            except CaptchaRemoteError as error:
                # After `not_ended` another session got the id between the two requests; wait for that one.
                if error.code != "not_ended" and not is_transient(error):
                    raise
                failures += 1
                if failures == 1:
                    failing_since = time.monotonic()
                if time.monotonic() - failing_since >= patience:
                    raise
                pause = backoff(failures, error.retry_after)
                delay(min(pause, max(0.0, end - time.monotonic())), signal)

    def result(self, session_id: str, *, signal: Optional[Abort] = None) -> SessionResult:
        return cast(SessionResult, self._repeat("GET", f"/session/{_segment(session_id)}/result", signal=signal))

    def report(
        self, session_id: str, correct: bool, note: Optional[str] = None, *, signal: Optional[Abort] = None
    ) -> None:
        body: Dict[str, Any] = {"correct": correct}
        if note is not None:
            body["note"] = note
        self._repeat("POST", f"/session/{_segment(session_id)}/report", body=body, signal=signal)

    def answer(
        self,
        session_id: str,
        text: str,
        *,
        submit: bool = True,
        idempotency_key: Optional[str] = None,
        signal: Optional[Abort] = None,
    ) -> CodeResult:
        headers = {"idempotency-key": random_key() if idempotency_key is None else idempotency_key}
        body = {"text": text, "submit": submit}
        path = f"/session/{_segment(session_id)}/answer"
        return cast(CodeResult, self._repeat("POST", path, body=body, headers=headers, signal=signal)["result"])

    def extend(self, session_id: str, seconds: int, *, signal: Optional[Abort] = None) -> str:
        path = f"/session/{_segment(session_id)}/extend"
        return str(self.http.call("POST", path, body={"seconds": seconds}, signal=signal)["expires_at"])

    def cancel(self, session_id: str, *, signal: Optional[Abort] = None) -> None:
        self._repeat("DELETE", f"/session/{_segment(session_id)}", signal=signal)

    def create_link(
        self,
        session_id: str,
        *,
        role: Optional[str] = None,
        ttl_seconds: Optional[int] = None,
        qr: Optional[bool] = None,
        signal: Optional[Abort] = None,
    ) -> LinkAnswer:
        given = {"role": role, "ttl_seconds": ttl_seconds, "qr": qr}
        body = {name: value for name, value in given.items() if value is not None}
        path = f"/session/{_segment(session_id)}/links"
        return cast(LinkAnswer, self.http.call("POST", path, body=body, signal=signal))

    def revoke_link(self, session_id: str, link_id: str, *, signal: Optional[Abort] = None) -> None:
        path = f"/session/{_segment(session_id)}/links/{_segment(link_id)}"
        self.http.call("DELETE", path, signal=signal)

    def ticket(self, session_id: str, *, signal: Optional[Abort] = None) -> TicketAnswer:
        return cast(TicketAnswer, self.http.call("POST", f"/session/{_segment(session_id)}/ticket", signal=signal))

    def list_sessions(
        self, state: Optional[Union[SessionState, Sequence[SessionState]]] = None, *, signal: Optional[Abort] = None
    ) -> List[SessionListItem]:
        states = [state] if isinstance(state, str) else list(state or [])
        query = f"?state={','.join(states)}" if state is not None else ""
        return cast(List[SessionListItem], self._repeat("GET", f"/sessions{query}", signal=signal)["sessions"])

    def solve(
        self,
        body: CreateSession,
        hand_on: HandOn,
        *,
        on_state: Optional[OnState] = None,
        timeout: Optional[float] = None,
        unreachable: Optional[float] = None,
        idempotency_key: Optional[str] = None,
        signal: Optional[Abort] = None,
    ) -> SessionResult:
        """
        Creates, hands on, waits. When it is aborted, out of time (CaptchaRemoteError timeout) or fails, it cancels the
        session, also one that is still being created.
        """
        if signal is not None:
            signal.throw_if_aborted()
        limit = A_DAY if timeout is None else timeout
        # The id is drawn here, so that the session can be cancelled before its answer arrives. Not with a key of the
        # caller's: requests that are repeated with it must be the same.
        is_drawn = body.get("session_id") is None and idempotency_key is None
        request = cast(CreateSession, dict(body))
        if is_drawn:
            request["session_id"] = random_id()
        gone = Abort()
        late = CaptchaRemoteError("timeout", f"Not solved after {limit:g} s.")
        with limited(signal, limit, late) as stop:
            # A stop ends the repeats; the request under way is aborted only after its session has been cancelled.
            creating = Background(
                lambda: self.create(request, idempotency_key=idempotency_key, signal=gone, stop=stop)
            )
            try:
                creating.wait(math.inf, stop)
                session = creating.value()
                hand_on(session["control_url"], session, stop)
                stop.throw_if_aborted()
                return self.wait(
                    session["session_id"],
                    signal=stop,
                    on_state=on_state,
                    unreachable=unreachable,
                )
            except BaseException:
                self._cancel_creation(request.get("session_id"), is_drawn, creating)
                if request.get("session_id") is not None:
                    gone.abort()
                raise

    def _cancel_creation(self, known: Optional[str], is_drawn: bool, creating: Background[SessionAnswer]) -> None:
        """
        Cancels the session that the creation has made or is going to make, within 5 s. A session that existed before,
        under an id that the caller has chosen, is left alone. Without an id it waits for the answer in the background:
        the creation has a limit of its own. Raises nothing but what interrupts the program.
        """
        if known is None:
            # Not a daemon: a program that ends now waits for this, so that no session stays behind.
            threading.Thread(target=self._cancel_when_known, args=(creating,), name="captcha-remote cancel").start()
            return
        within = Abort(after=CANCEL_WITHIN)
        fate = self._fate_of(creating, 0.0 if is_drawn else REFUSAL, within)
        while fate != "refused" and not within.aborted:
            self._end(known, within)
            if fate == "made":
                return
            if fate == "lost":
                try:
                    delay(CANCEL_AGAIN, within)
                except Exception:
                    return
                self._end(known, within)
                return
            fate = self._fate_of(creating, CANCEL_AGAIN, within)

    def _cancel_when_known(self, creating: Background[SessionAnswer]) -> None:
        creating.wait(math.inf)
        if creating.error is None:
            self._end(creating.value()["session_id"], Abort(after=CANCEL_WITHIN))

    def _end(self, session_id: str, within: Abort) -> None:
        try:
            self.cancel(session_id, signal=within)
        except Exception:
            pass

    @staticmethod
    def _fate_of(creating: Background[SessionAnswer], seconds: float, within: Abort) -> str:
        """`made`, `refused`, `open`, or `lost`: no server has answered, so there may be a session all the same."""
        try:
            if not creating.wait(seconds, within):
                return "open"
        except Exception:
            return "open"
        error = creating.error
        if error is None:
            return "made"
        is_answer = (
            isinstance(error, CaptchaRemoteError) and error.status is not None and error.code != "server_unreachable"
        )
        return "refused" if is_answer else "lost"

    def _poll(self, path: str, seconds: float, signal: Optional[Abort]) -> SessionStatus:
        wait = max(0.0, math.floor(seconds * 10) / 10)
        answer = self.http.call("GET", f"/status/{path}?wait={wait:g}", signal=signal, within=wait + ANSWER_MARGIN)
        return cast(SessionStatus, answer)

    def _repeat(
        self,
        method: str,
        path: str,
        *,
        body: Optional[Mapping[str, Any]] = None,
        headers: Optional[Mapping[str, str]] = None,
        signal: Optional[Abort] = None,
        stop: Optional[Abort] = None,
        is_worth_it: Callable[[BaseException], bool] = is_transient,
    ) -> Any:
        """
        Repeats a request while `is_worth_it`, there is time, and `stop` is not aborted. Raises the last error, or the one
        before it where the last request was cut off by the end of the time: that says more.
        """
        end = time.monotonic() + self.http.timeout
        tried = 1
        before: Optional[CaptchaRemoteError] = None
        while True:
            try:
                within = end - time.monotonic()
                return self.http.call(method, path, body=body, headers=headers, signal=signal, within=within)
            except CaptchaRemoteError as error:
                if before is not None and time.monotonic() >= end:
                    raise before
                before = error
                if tried >= TRIES or not is_worth_it(error):
                    raise
                pause = backoff(tried, error.retry_after)
                if time.monotonic() + pause >= end:
                    raise
                delay(pause, stop if stop is not None else signal)
                tried += 1


def _segment(text: str) -> str:
    """As one part of a path."""
    return quote(text, safe="-_.!~*'()")
