"""Aborts: one thread tells another that it no longer wants what it asked for; and waits that an abort ends."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Callable, Dict, Generic, Iterator, List, Optional, TypeVar

T = TypeVar("T")


class Aborted(Exception):
    """The reason of an abort for which none was given."""


class Abort:
    """
    Ends the calls that got it as `signal`. They raise its reason at once, from whichever thread `abort` is called.

    `after`: it aborts by itself after so many seconds.
    """

    def __init__(self, after: Optional[float] = None, reason: Optional[BaseException] = None) -> None:
        self._lock = threading.Lock()
        self._reason: Optional[BaseException] = None
        self._callbacks: Dict[object, Callable[[], object]] = {}
        self._deadline = None if after is None else time.monotonic() + max(0.0, after)
        self.late_reason = reason

    def abort(self, reason: Optional[BaseException] = None) -> None:
        """The first reason counts; without one it is an `Aborted`."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason if reason is not None else Aborted("The call was aborted.")
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            callback()

    @property
    def reason(self) -> Optional[BaseException]:
        """Why it was aborted; None: it was not."""
        if self._reason is None and self._deadline is not None and time.monotonic() >= self._deadline:
            self.abort(self.late_reason if self.late_reason is not None else Aborted("The time is up."))
        return self._reason

    @property
    def aborted(self) -> bool:
        return self.reason is not None

    def throw_if_aborted(self) -> None:
        reason = self.reason
        if reason is not None:
            raise reason

    def seconds_left(self) -> float:
        """Until it aborts by itself; `threading.TIMEOUT_MAX` if it does not."""
        if self._deadline is None:
            return threading.TIMEOUT_MAX
        return min(threading.TIMEOUT_MAX, max(0.0, self._deadline - time.monotonic()))

    @contextmanager
    def calling(self, callback: Callable[[], object]) -> Iterator[None]:
        """Within the block an abort calls back, in the thread that aborts; at once if it was aborted before."""
        token = object()
        with self._lock:
            is_late = self._reason is not None
            if not is_late:
                self._callbacks[token] = callback
        if is_late:
            callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.pop(token, None)


@contextmanager
def limited(parent: Optional[Abort], seconds: float, reason: BaseException) -> Iterator[Abort]:
    """An abort that follows `parent`, and comes by itself with this reason after so many seconds."""
    if parent is None:
        yield Abort(after=seconds, reason=reason)
        return
    # A parent with a time of its own calls back only when somebody looks.
    left = parent.seconds_left()
    child = Abort(after=left, reason=parent.late_reason) if left < seconds else Abort(after=seconds, reason=reason)
    source = parent
    with source.calling(lambda: child.abort(source.reason)):
        yield child


def wait_on(event: threading.Event, seconds: float, signal: Optional[Abort]) -> bool:
    """Waits for an event of this wait's own; whether it was set. Raises the signal's reason as soon as it aborts."""
    seconds = min(max(0.0, seconds), threading.TIMEOUT_MAX)
    if signal is None:
        return event.wait(seconds)
    signal.throw_if_aborted()
    with signal.calling(event.set):
        was_set = event.wait(min(seconds, signal.seconds_left()))
    signal.throw_if_aborted()
    return was_set


def delay(seconds: float, signal: Optional[Abort]) -> None:
    """Raises the signal's reason as soon as it aborts."""
    wait_on(threading.Event(), seconds, signal)


class Background(Generic[T]):
    """Work in a thread of its own, which does not keep the program running. `then` is called there when it is done."""

    def __init__(self, work: Callable[[], T], then: Callable[[], object] = lambda: None) -> None:
        self._work = work
        self._then = then
        self._lock = threading.Lock()
        self._waiters: List[threading.Event] = []
        self._values: List[T] = []
        self.error: Optional[BaseException] = None
        self.done = False
        threading.Thread(target=self._run, name="captcha-remote", daemon=True).start()

    def _run(self) -> None:
        try:
            self._values.append(self._work())
        except BaseException as error:  # Whoever waits for it raises it.
            self.error = error
        with self._lock:
            self.done = True
            waiters = list(self._waiters)
        for waiter in waiters:
            waiter.set()
        self._then()

    def wait(self, seconds: float, signal: Optional[Abort] = None) -> bool:
        """Whether it is done within so many seconds. Raises the signal's reason as soon as it aborts."""
        woken = threading.Event()
        with self._lock:
            if self.done:
                return True
            self._waiters.append(woken)
        try:
            wait_on(woken, seconds, signal)
        finally:
            with self._lock:
                self._waiters.remove(woken)
        return self.done

    def value(self) -> T:
        """What came of it, once it is done."""
        if self.error is not None:
            raise self.error
        return self._values[0]
