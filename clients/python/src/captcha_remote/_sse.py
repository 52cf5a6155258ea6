"""Server-sent events, read as they come."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional

# An event of the server's is far smaller: what sends more is no captcha-remote server.
MOST_BYTES = 1 << 20


class Block(NamedTuple):
    """What stood between two empty lines; `data` is None where it had none."""

    id: Optional[str]
    event: str
    data: Optional[str]


class SseParser:
    def __init__(self) -> None:
        self._rest = b""
        self._id: Optional[str] = None
        self._event = ""
        self._data: List[str] = []
        self._bytes = 0

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """The blocks that this chunk completes. ValueError: one is too large, or not UTF-8."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._bytes += len(line)
            if self._bytes > MOST_BYTES:
                raise ValueError("an event that is too large")
            text = line[:-1] if line.endswith(b"\r") else line
            if text:
                self._field(text.decode("utf-8"))
            else:
                block = self._end()
                if block is not None:
                    yield block
        if len(self._rest) > MOST_BYTES:
            raise ValueError("an event that is too large")

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "id":
            self._id = value
        elif name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)

    def _end(self) -> Optional[Block]:
        block = Block(self._id, self._event or "message", "\n".join(self._data) if self._data else None)
        self._id, self._event, self._data, self._bytes = None, "", [], 0
        return None if block.id is None and block.data is None else block
