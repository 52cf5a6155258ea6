"""
Shows a part of a page that nobody emulates, without the page noticing: its own metrics as an override first, and then
the same with a `viewport`. One step alone would show in the page. Where the bot emulates something, it is left alone.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Awaitable, Callable, NamedTuple, Optional

from .types import JsonObject

Send = Callable[[str, JsonObject, Optional[str]], Awaitable[JsonObject]]

WORLD_NAME = "captcha-remote-crop"
FACTS = """JSON.stringify([screen.width, screen.height, devicePixelRatio, outerWidth, outerHeight, screenX, screenY,
  innerWidth, innerHeight, navigator.maxTouchPoints])"""


class _Facts(NamedTuple):
    screen_width: float
    screen_height: float
    density: float
    outer_width: float
    outer_height: float
    x: float
    y: float
    width: float
    height: float
    touches: float


class PageCrop:
    """One command at a time. The session is the crop's own, and its end ends the crop, too."""

    def __init__(self, send: Send, session_id: str, facts: _Facts) -> None:
        self._send = send
        self._session_id = session_id
        self._facts = facts
        self._lock = asyncio.Lock()
        self._clip: Optional[JsonObject] = None
        self._is_holding = False

    @classmethod
    async def begin(cls, send: Send, target_id: str) -> Optional[PageCrop]:
        """None where the page is emulated, or where the browser is too old to tell: an override would show there."""
        attached = await send("Target.attachToTarget", {"targetId": target_id, "flatten": True}, None)
        session_id = str(attached["sessionId"])
        try:
            facts = await _facts_of(send, session_id)
            screens = await send("Emulation.getScreenInfos", {}, session_id)
            window = await send("Browser.getWindowForTarget", {"targetId": target_id}, None)
            if _is_as_found(facts, screens, window):
                return cls(send, session_id, facts)
        except Exception:  # A method that this browser does not have.
            pass
        await send("Target.detachFromTarget", {"sessionId": session_id}, None)
        return None

    @property
    def hello(self) -> JsonObject:
        return {"density": self._facts.density, "touch": self._facts.touches > 0}

    async def run(self, method: str, params: JsonObject) -> JsonObject:
        """Relay.setCrop and Relay.capture."""
        async with self._lock:
            if method == "Relay.setCrop":
                await self._set(params["clip"])
                return {}
            before = self._clip
            if params["clip"] != before:
                await self._set(params["clip"])
            # Without `clip`: that would give the page another size.
            shot = await self._send(
                "Page.captureScreenshot", {"format": "jpeg", "quality": params["quality"]}, self._session_id
            )
            if params["clip"] != before:
                await self._set(before)
            return {"data": shot["data"]}

    async def end(self) -> None:
        """Shows the whole page again, as it was found."""
        async with self._lock:
            await self._set(None)

    async def _set(self, clip: Optional[JsonObject]) -> None:
        if clip is None:
            self._clip = None
            if self._is_holding:
                self._is_holding = False
                await self._send("Emulation.clearDeviceMetricsOverride", {}, self._session_id)
            return
        if not self._is_holding:
            # The window may have another size by now.
            self._facts = await _facts_of(self._send, self._session_id)
            self._is_holding = True
            await self._send("Emulation.setDeviceMetricsOverride", self._metrics(), self._session_id)
        density = self._facts.density
        # Of a real density a place is in its px, sizes are not.
        viewport = {**clip, "x": clip["x"] * density, "y": clip["y"] * density}
        metrics = {**self._metrics(), "viewport": viewport}
        await self._send("Emulation.setDeviceMetricsOverride", metrics, self._session_id)
        self._clip = clip

    def _metrics(self) -> JsonObject:
        facts = self._facts
        return {
            "width": round(facts.width),
            "height": round(facts.height),
            "screenWidth": round(facts.screen_width),
            "screenHeight": round(facts.screen_height),
            "deviceScaleFactor": facts.density,
            "positionX": round(facts.x),
            "positionY": round(facts.y),
            "mobile": False,
        }


async def _facts_of(send: Send, session_id: str) -> _Facts:
    tree = await send("Page.getFrameTree", {}, session_id)
    world = {"frameId": tree["frameTree"]["frame"]["id"], "worldName": WORLD_NAME}
    context_id = (await send("Page.createIsolatedWorld", world, session_id))["executionContextId"]
    asked = {"expression": FACTS, "contextId": context_id, "returnByValue": True}
    answer = await send("Runtime.evaluate", asked, session_id)
    return _Facts(*json.loads(answer["result"]["value"]))


def _is_as_found(facts: _Facts, screens: JsonObject, window: JsonObject) -> bool:
    """Whether the page sees the screen and the window that there are."""
    bounds: JsonObject = window["bounds"]
    is_own_window = (facts.outer_width, facts.outer_height, facts.x, facts.y) == (
        *(bounds["width"], bounds["height"]),
        *(bounds["left"], bounds["top"]),
    )
    own = (facts.screen_width, facts.screen_height, facts.density)
    listed: Any = screens["screenInfos"]
    return is_own_window and any(own == (one["width"], one["height"], one["devicePixelRatio"]) for one in listed)
