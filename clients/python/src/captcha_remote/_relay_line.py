"""
A relay's line: it breaks and comes back without losing or repeating a message. It cuts messages into frames, numbers
them, keeps what is not acknowledged, and sends it again over the next socket. And the pictures that wait for it.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from typing import Any, Callable, Deque, Dict, List, NamedTuple, Optional, Tuple

from .types import JsonObject

# The largest message, both ways.
MOST_MESSAGE_BYTES = 16 * 1024 * 1024
# What may wait for an acknowledgement: more than half a minute of a busy page's events.
MOST_KEPT_BYTES = 16 * 1024 * 1024
MOST_KEPT_MESSAGES = 10_000
# The server is told what has come at latest so late (s), or after so many messages.
ACK_AFTER = 0.1
ACK_AFTER_MESSAGES = 32
# The most pictures on the way, and the bytes above which a second one waits.
MOST_PICTURES_ON_THE_WAY = 4
MOST_PICTURE_BYTES_ON_THE_WAY = 64 * 1024
LENGTH_BYTES = 4
GOES_ON = 1


class RelayViolation(Exception):
    """What the server has sent is not of this protocol."""


class RelayLagging(Exception):
    """Too much waits for the server, which does not read."""


def frames_of(text: str, body: bytes, most_bytes: int) -> List[bytes]:
    """The frames of a message, each of at most `most_bytes`. `text`: its header as JSON."""
    header = text.encode()
    message = len(header).to_bytes(LENGTH_BYTES, "big") + header + body
    most = most_bytes - 1
    return [
        bytes([GOES_ON if start + most < len(message) else 0]) + message[start : start + most]
        for start in range(0, len(message), most)
    ]


class FrameReader:
    """Puts frames together again."""

    def __init__(self) -> None:
        self._parts: List[bytes] = []
        self._bytes = 0

    def read(self, frame: bytes) -> Optional[Tuple[Any, bytes]]:
        """The header and the body of the message that this frame ends, or None. RelayViolation."""
        flags = frame[:1]
        if flags not in (b"\0", b"\1"):
            raise RelayViolation("a frame without flags")
        self._bytes += len(frame)
        if self._bytes > MOST_MESSAGE_BYTES:
            raise RelayViolation("a message of more than 16 MiB")
        self._parts.append(frame[1:])
        if flags == b"\1":
            return None
        message = b"".join(self._parts)
        self._parts = []
        self._bytes = 0
        if len(message) < LENGTH_BYTES:
            raise RelayViolation("a message without a header")
        body_at = LENGTH_BYTES + int.from_bytes(message[:LENGTH_BYTES], "big")
        if body_at > len(message):
            raise RelayViolation("a header that is longer than its message")
        try:
            return json.loads(message[LENGTH_BYTES:body_at].decode("utf-8")), message[body_at:]
        except ValueError as cause:
            raise RelayViolation("a header that is no JSON") from cause


class _Kept(NamedTuple):
    seq: int
    header: JsonObject
    body: bytes
    size: int


class RelayLine:
    """`on_message(header, body)` gets each message once and in its order; `ask_for_ack` says that one is due soon."""

    def __init__(
        self,
        most_frame_bytes: int,
        on_message: Callable[[JsonObject], object],
        ask_for_ack: Callable[[], object],
    ) -> None:
        self._most_frame_bytes = most_frame_bytes
        self._on_message = on_message
        self._ask_for_ack = ask_for_ack
        self._kept: Deque[_Kept] = deque()
        self._kept_bytes = 0
        self._sent = 0
        self.received = 0
        # The last number that the server was told.
        self._told = 0
        self._send: Optional[Callable[[bytes], object]] = None
        self._reader = FrameReader()

    @property
    def is_up(self) -> bool:
        return self._send is not None

    @property
    def unacknowledged(self) -> int:
        """How many messages the server has not acknowledged."""
        return len(self._kept)

    def attach(self, send: Callable[[bytes], object], their_received: int) -> None:
        """Uses this socket from now on, and sends what the server has not got. RelayViolation: a number that never was."""
        self.detach()
        first = self._kept[0].seq if self._kept else self._sent + 1
        if not first - 1 <= their_received <= self._sent:
            raise RelayViolation("a number that was never sent")
        self._send = send
        self._acknowledged(their_received)
        for kept in self._kept:
            self._write(kept.header, kept.body)

    def detach(self) -> None:
        """The socket is gone, or is not to be used any more."""
        self._send = None
        self._reader = FrameReader()

    def post(self, header: JsonObject, body: bytes = b"") -> None:
        """Sends a message, now or when a line is back. RelayLagging: too much waits already."""
        self._sent += 1
        numbered = {**header, "seq": self._sent}
        size = len(json.dumps(numbered)) + len(body)
        self._kept_bytes += size
        self._kept.append(_Kept(self._sent, numbered, body, size))
        if self._kept_bytes > MOST_KEPT_BYTES or len(self._kept) > MOST_KEPT_MESSAGES:
            raise RelayLagging()
        self._write(numbered, body)

    def post_once(self, header: JsonObject, body: bytes = b"") -> None:
        """Sends a message that need not arrive, and is of no use later."""
        self._write(header, body)

    def acknowledge(self) -> None:
        """Tells the server what has come, if it does not know yet."""
        if self._told < self.received:
            self.post_once({"type": "ack"})

    def take(self, frame: bytes) -> None:
        """Takes a frame of the socket. RelayViolation, and what `on_message` raises."""
        read = self._reader.read(frame)
        if read is None:
            return
        header = read[0]
        if not isinstance(header, dict) or not isinstance(header.get("type"), str):
            raise RelayViolation("a header without a type")
        ack, seq = _number(header.get("ack")), _number(header.get("seq"))
        if ack is not None:
            self._acknowledged(ack)
        if seq is not None:
            if seq <= self.received:
                return
            if seq != self.received + 1:
                raise RelayViolation("a number is missing")
            self.received = seq
            if self.received - self._told >= ACK_AFTER_MESSAGES:
                self.acknowledge()
            else:
                self._ask_for_ack()
        self._on_message(header)

    def _acknowledged(self, seq: int) -> None:
        if seq > self._sent:
            raise RelayViolation("an acknowledgement of what was never sent")
        while self._kept and self._kept[0].seq <= seq:
            self._kept_bytes -= self._kept.popleft().size

    def _write(self, header: JsonObject, body: bytes) -> None:
        if self._send is None:
            return
        self._told = self.received
        text = json.dumps({**header, "ack": self.received}, separators=(",", ":"))
        for frame in frames_of(text, body, self._most_frame_bytes):
            self._send(frame)


def _number(value: object) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class Picture(NamedTuple):
    session_id: str
    # The event, without its picture.
    message: JsonObject
    jpeg: bytes


class PictureQueue:
    """Pictures on their way: as many as the line carries, and of those that wait only the newest of each session."""

    def __init__(self, send: Callable[[Picture, int], object]) -> None:
        self._send = send
        self._waiting: "OrderedDict[str, Picture]" = OrderedDict()
        self._on_the_way: List[Tuple[int, Picture]] = []
        self._sent = 0
        self._is_up = False

    def offer(self, picture: Picture) -> None:
        self._waiting.pop(picture.session_id, None)
        self._waiting[picture.session_id] = picture
        self._fill()

    def acknowledged(self, number: int) -> None:
        """The server has taken this one, and all before it."""
        self._on_the_way = [(one, picture) for one, picture in self._on_the_way if one > number]
        self._fill()

    def line_down(self) -> None:
        """What was on the way counts as lost."""
        self._is_up = False
        for _number, picture in reversed(self._on_the_way):
            self._waiting.setdefault(picture.session_id, picture)
        self._on_the_way = []

    def line_up(self) -> None:
        """A new socket: pictures are counted from 1."""
        self._sent = 0
        self._is_up = True
        self._fill()

    def clear(self) -> None:
        """Forgets everything that waits: it is of a session that is over."""
        self._waiting.clear()

    def _fill(self) -> None:
        while self._is_up and self._waiting:
            session_id, picture = next(iter(self._waiting.items()))
            if not self._has_room_for(picture):
                return
            del self._waiting[session_id]
            self._sent += 1
            self._on_the_way.append((self._sent, picture))
            self._send(picture, self._sent)

    def _has_room_for(self, picture: Picture) -> bool:
        if not self._on_the_way:
            return True
        waiting = sum(len(one.jpeg) for _number, one in self._on_the_way) + len(picture.jpeg)
        return len(self._on_the_way) < MOST_PICTURES_ON_THE_WAY and waiting <= MOST_PICTURE_BYTES_ON_THE_WAY


def body_of(method: str, result: Dict[str, Any]) -> Tuple[JsonObject, Optional[str], Optional[str]]:
    """Takes the one string of an answer that is base64 out of it: the rest, where it stood, and the string."""
    data, body = result.get("data"), result.get("body")
    if method in ("Page.captureScreenshot", "Relay.capture") and isinstance(data, str):
        return {**result, "data": ""}, "result.data", data
    if method == "Network.getResponseBody" and result.get("base64Encoded") is True and isinstance(body, str):
        return {**result, "body": ""}, "result.body", body
    return result, None, None
