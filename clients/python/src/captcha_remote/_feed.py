"""Events of many sessions [R18] over a stream that comes back by itself, asks for what it missed, and repeats none."""

from __future__ import annotations

import asyncio
import http.client
import inspect
import json
import math
import random
import threading
import time
from collections import deque
from typing import Any, Awaitable, Callable, Deque, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union
from urllib.parse import quote

from ._abort import Abort, Aborted, delay
from ._errors import CaptchaRemoteError, error_of
from ._http import Http
from ._sse import Block, SseParser
from .types import JsonObject

# The server sends a comment each 15 s.
SILENT_FOR = 60.0
# Some networks swallow packets without a word.
CONNECT_WITHIN = 10.0
# Earlier losses count until a connection has held for so long: a server that accepts and then closes must not be hammered.
STEADY_AFTER = 5.0
# Events that wait for the program; the server keeps those after them.
MOST_WAITING = 1_000
# Too short to notice; it spreads the clients of a restarted server, which would all connect in one moment.
AT_ONCE_SPREAD = 0.2
MOST_ERROR_BYTES = 64 * 1024


class Rule(NamedTuple):
    """When a lost connection is tried again, in s. `tries` in a row, then no more."""

    first: float
    longest: float
    tries: float
    at_once: bool


RULES: Mapping[str, Rule] = {
    "network": Rule(0.5, 1.5, math.inf, True),
    "closed": Rule(0.5, 5.0, math.inf, True),
    "authentication": Rule(0.5, 1.0, 1, False),
    "server": Rule(8.0, 12.0, math.inf, False),
}


def wait_before(rule: Rule, attempt: int) -> float:
    """Seconds before attempt number `attempt`, from 1: growing, and at random in the upper half of what it has grown to."""
    if rule.at_once and attempt <= 1:
        return AT_ONCE_SPREAD * random.random()
    grown = min(rule.longest, rule.first * 2.0 ** min(attempt - 1 if rule.at_once else attempt, 16))
    least = max(rule.first, grown / 2)
    return least + (grown - least) * random.random()


class FeedEvent(NamedTuple):
    """
    `position` in the log of all events; `id` is the event's own, the same on every channel. `type` and `data` as in
    docs/protocol/events.md; a newer server may have types that are not named there.
    """

    position: int
    id: str
    type: str
    timestamp: str
    data: JsonObject
    topics: Tuple[str, ...]


class _Gap(NamedTuple):
    after: int


class _End(NamedTuple):
    error: Optional[BaseException]


_Item = Union[FeedEvent, _Gap, _End]


class _Loss(Exception):
    """The connection is gone. `name` is one of RULES."""

    def __init__(self, name: str, retry_after: Optional[float] = None) -> None:
        super().__init__(name)
        self.name = name
        self.retry_after = retry_after


class _Channel:
    """From the thread that reads to the program: bounded, so that a slow program slows the server's sending down."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.items: Deque[_Item] = deque()
        self.is_live = False
        self.has_been_live = False
        self.is_closed = False
        self.on_change: Callable[[], object] = lambda: None

    def put(self, item: _Item) -> None:
        """Waits for room. Raises Aborted once it is closed."""
        with self.changed:
            self.changed.wait_for(lambda: self.is_closed or len(self.items) < MOST_WAITING)
            if self.is_closed:
                raise Aborted("The feed is closed.")
            self.items.append(item)
            self.changed.notify_all()
        self.on_change()

    def set_live(self, is_live: bool) -> None:
        with self.changed:
            self.is_live = is_live
            self.has_been_live = self.has_been_live or is_live
            self.changed.notify_all()
        self.on_change()

    def close(self) -> None:
        with self.changed:
            self.is_closed = True
            self.items.clear()
            self.items.append(_End(None))
            self.changed.notify_all()
        self.on_change()

    def take(self) -> Optional[_Item]:
        """The next one, if there is one; an end stays."""
        with self.changed:
            if not self.items:
                return None
            item = self.items[0]
            if not isinstance(item, _End):
                self.items.popleft()
                self.changed.notify_all()
            return item


class _Reader:
    """Reads the stream in a thread of its own until it is closed, or refused for good."""

    def __init__(self, http_: Http, topics: Sequence[str], after: Optional[int], channel: _Channel) -> None:
        self._http = http_
        self._path = "/events?" + "&".join(f"topic={quote(topic, safe='')}" for topic in topics)
        self._cursor = after
        self._channel = channel
        self._stop = Abort()
        self._counts: Dict[str, int] = {}
        threading.Thread(target=self._run, name="captcha-remote events", daemon=True).start()

    def close(self) -> None:
        self._stop.abort()
        self._channel.close()

    def _run(self) -> None:
        try:
            while True:
                loss = self._read_once()
                self._channel.set_live(False)
                delay(self._wait_after(loss), self._stop)
        except Aborted:
            pass
        except BaseException as error:  # The program that reads raises it.
            self._channel.set_live(False)
            try:
                self._channel.put(_End(error))
            except Aborted:
                pass

    def _wait_after(self, loss: _Loss) -> float:
        rule = RULES[loss.name]
        count = self._counts.get(loss.name, 0) + 1
        if count > rule.tries:
            raise loss.__cause__ or loss
        self._counts[loss.name] = count
        return max(wait_before(rule, count), loss.retry_after or 0.0)

    def _read_once(self) -> _Loss:
        """One connection, from its beginning to its end. Raises what no further try changes."""
        self._stop.throw_if_aborted()
        began_at: Optional[float] = None
        headers = {"accept": "text/event-stream"}
        if self._cursor is not None:
            headers["last-event-id"] = str(self._cursor)
        exchange, target, sent = self._http.open_stream(self._path, headers, CONNECT_WITHIN)
        with self._stop.calling(exchange.cut):
            try:
                response = exchange.send("GET", target, None, sent)
                if response.status != 200:
                    self._refused(response)
                if response.headers.get_content_type() != "text/event-stream":
                    message = f"What answers at {self._http.api} is no captcha-remote server."
                    raise CaptchaRemoteError("not_found", message, status=response.status)
                exchange.allow_silence(SILENT_FOR)
                began_at = time.monotonic()
                self._channel.set_live(True)
                self._read_all(response)
                loss = _Loss("closed")
            except _Loss as known:
                loss = known
            except (OSError, http.client.HTTPException, UnicodeError) as cause:
                self._stop.throw_if_aborted()
                loss = _Loss("network")
                loss.__cause__ = cause
            except ValueError as cause:
                loss = _Loss("closed")
                loss.__cause__ = cause
            finally:
                exchange.connection.close()
        self._stop.throw_if_aborted()
        if began_at is not None and time.monotonic() - began_at >= STEADY_AFTER:
            self._counts.clear()
        return loss

    def _read_all(self, response: http.client.HTTPResponse) -> None:
        parser = SseParser()
        while True:
            chunk = response.read1(65_536)
            if not chunk:
                return
            for block in parser.feed(chunk):
                self._on_block(block)

    def _on_block(self, block: Block) -> None:
        if block.data is None:
            # The stream's beginning: nothing of what follows is lost, even if the line is before the first event.
            if self._cursor is None and block.id is not None and block.id.isdecimal():
                self._cursor = int(block.id)
            return
        data: Any = json.loads(block.data)
        if block.event == "resumed":
            if not data["complete"]:
                self._channel.put(_Gap(int(data["after"])))
            return
        if block.id is None or not block.id.isdecimal():
            return
        position = int(block.id)
        if self._cursor is not None and position <= self._cursor:
            return
        self._cursor = position
        topics = tuple(data.get("topics", ()))
        self._channel.put(
            FeedEvent(position, data["id"], data["type"], data["timestamp"], data["data"], topics)
        )

    def _refused(self, response: http.client.HTTPResponse) -> None:
        """Raises a _Loss where another try may succeed, else the refusal."""
        text = response.read(MOST_ERROR_BYTES).decode("utf-8", "replace")
        self._http.refuse_redirect(response.status)
        error = error_of(response.status, response.headers.get("retry-after"), text)
        details = error.details or {}
        if details.get("field") in ("after", "last-event-id"):
            # The server's log began anew: it cannot send events that it does not have.
            self._channel.put(_Gap(self._cursor or 0))
            newest = details.get("newest")
            self._cursor = newest if isinstance(newest, int) else None
            raise _Loss("closed")
        if error.code == "server_unreachable":
            raise _Loss("network", error.retry_after) from error
        if error.status == 401:
            raise _Loss("authentication") from error
        if error.status == 429 or (error.status or 0) >= 500:
            raise _Loss("server", error.retry_after) from error
        raise error


class _Feed:
    """What both feeds have in common."""

    def __init__(self, http_: Http, topics: Union[str, Sequence[str]], after: Optional[int]) -> None:
        self._position = after
        self._channel = _Channel()
        named: List[str] = [topics] if isinstance(topics, str) else list(topics)
        if not named:
            raise ValueError("topics: at least one")
        # It does not know this object: one that nobody holds any more ends it.
        self._reader = _Reader(http_, named, after, self._channel)

    def __del__(self) -> None:
        reader = getattr(self, "_reader", None)
        if reader is not None:
            reader.close()

    @property
    def is_live(self) -> bool:
        """Whether events arrive at this moment."""
        return self._channel.is_live

    @property
    def position(self) -> Optional[int]:
        """The number of the last event that the program got; None before the first, without `after`."""
        return self._position

    def close(self) -> None:
        """For good: whoever iterates over it is done."""
        self._reader.close()

    def _take(self) -> Optional[_Item]:
        item = self._channel.take()
        if isinstance(item, FeedEvent):
            self._position = item.position
        return item


class EventFeed(_Feed):
    """Iterate over it, in one thread; `close` may be called from any. As a context manager it closes itself."""

    def __init__(
        self,
        http_: Http,
        topics: Union[str, Sequence[str]],
        after: Optional[int],
        on_gap: Optional[Callable[[int], object]],
    ) -> None:
        super().__init__(http_, topics, after)
        self._on_gap = on_gap

    def __enter__(self) -> EventFeed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> EventFeed:
        return self

    def __next__(self) -> FeedEvent:
        """The next event. CaptchaRemoteError: the server has refused the key or a topic."""
        while True:
            with self._channel.changed:
                self._channel.changed.wait_for(lambda: bool(self._channel.items))
            item = self._take()
            if isinstance(item, FeedEvent):
                return item
            if isinstance(item, _Gap) and self._on_gap is not None:
                self._on_gap(item.after)
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                raise StopIteration

    def wait_until_live(self, timeout: Optional[float] = None) -> bool:
        """Whether it has connected within so many seconds: what happens from then on is not missed."""
        with self._channel.changed:
            channel = self._channel
            channel.changed.wait_for(lambda: channel.has_been_live or _has_ended(channel), timeout)
            return channel.has_been_live


class AsyncEventFeed(_Feed):
    """For `async for`, in one task. As an asynchronous context manager it closes itself."""

    def __init__(
        self,
        http_: Http,
        topics: Union[str, Sequence[str]],
        after: Optional[int],
        on_gap: Optional[Callable[[int], Union[Awaitable[object], object]]],
    ) -> None:
        loop = asyncio.get_running_loop()
        news = asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(news.set)
            except RuntimeError:  # The loop is closed.
                pass

        self._news = news
        self._on_gap = on_gap
        super().__init__(http_, topics, after)
        self._channel.on_change = wake
        wake()

    async def __aenter__(self) -> AsyncEventFeed:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> AsyncEventFeed:
        return self

    async def __anext__(self) -> FeedEvent:
        """The next event. CaptchaRemoteError: the server has refused the key or a topic."""
        while True:
            self._news.clear()
            item = self._take()
            if item is None:
                await self._news.wait()
            elif isinstance(item, FeedEvent):
                return item
            elif isinstance(item, _Gap) and self._on_gap is not None:
                value = self._on_gap(item.after)
                if inspect.isawaitable(value):
                    await value
            elif isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                raise StopAsyncIteration

    async def wait_until_live(self) -> None:
        """Returns when it has connected: what happens from then on is not missed. Use `asyncio.wait_for` for a limit."""
        while not self._channel.has_been_live and not _has_ended(self._channel):
            self._news.clear()
            if not self._channel.has_been_live and not _has_ended(self._channel):
                await self._news.wait()


def _has_ended(channel: _Channel) -> bool:
    return any(isinstance(item, _End) for item in tuple(channel.items))
