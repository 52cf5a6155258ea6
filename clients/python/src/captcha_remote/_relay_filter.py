"""
Stands between the server and the bot's browser: lets through the methods that docs/protocol/relay.md names, of the one
page and its windows, with the arguments named there, and takes out of answers and events what the server has no use for.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from .types import JsonObject

Check = Callable[[Any, "Own"], bool]
Arguments = Mapping[str, Check]

MOST_SCRIPT = 1024 * 1024
MOST_TEXT = 10_000
MOST_ITEMS = 10_000
MOST_INTEGER = 2**53 - 1
# Windows that are gone may have opened others: so many of them are remembered.
MOST_REMEMBERED = 1_000
MOST_SOUNDS = 100
# The function by which a world of the server's says that its document has changed.
BINDING = "captchaRemoteHeard"


class Own:
    """The ids that the bot itself has given out, and what it has agreed to, for one command."""

    def __init__(self, lent: "RelayFilter", session: Optional["_Session"]) -> None:
        self.page_id: str = lent.target_id
        self.dialogs: str = lent.dialogs
        self.windows: str = lent.windows
        self.is_tab: Callable[[Any], bool] = lent.is_tab
        self.is_session: Callable[[Any], bool] = lent.is_session
        self._session = session

    def is_world(self, context_id: Any) -> bool:
        return self._session is not None and _hashable(context_id) and context_id in self._session.worlds

    def is_sound(self, request_id: Any) -> bool:
        return self._session is not None and isinstance(request_id, str) and request_id in self._session.sounds


class _Session:
    def __init__(self) -> None:
        self.worlds: Set[Any] = set()
        # The requests of sounds, the newest last.
        self.sounds: Dict[str, None] = {}


class Rule(NamedTuple):
    """Arguments that must be there, and those that may; `when`: what must hold besides."""

    needs: Arguments = {}
    may: Arguments = {}
    when: Callable[[Own, JsonObject], bool] = lambda _own, _params: True


def _hashable(value: Any) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _text(most: int) -> Check:
    return lambda value, _own: isinstance(value, str) and len(value) <= most


def _whole(least: int, most: int) -> Check:
    return lambda value, _own: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _number(value: Any, _own: Own) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _bool(value: Any, _own: Own) -> bool:
    return isinstance(value, bool)


def _true(value: Any, _own: Own) -> bool:
    return value is True


def _false(value: Any, _own: Own) -> bool:
    return value is False


def _one_of(*values: str) -> Check:
    return lambda value, _own: isinstance(value, str) and value in values


def _matching(pattern: str) -> Check:
    return lambda value, _own: isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None


def _same(wanted: Any) -> Check:
    return lambda value, _own: json.dumps(value, sort_keys=True) == json.dumps(wanted, sort_keys=True)


def _list_of(item: Check) -> Check:
    return lambda value, own: (
        isinstance(value, list) and len(value) <= MOST_ITEMS and all(item(one, own) for one in value)
    )


def _object_of(**fields: Check) -> Check:
    return lambda value, own: isinstance(value, dict) and _has_only(value, fields, own)


def _anything(_value: Any, _own: Own) -> bool:
    return True


def _has_only(given: Mapping[str, Any], fields: Arguments, own: Own) -> bool:
    return all(name in fields and fields[name](value, own) for name, value in given.items())


def _world(value: Any, own: Own) -> bool:
    return own.is_world(value)


def _tab(value: Any, own: Own) -> bool:
    return own.is_tab(value)


def _of_operator(own: Own, _params: JsonObject) -> bool:
    return own.dialogs == "operator"


def _of_windows(own: Own, _params: JsonObject) -> bool:
    return own.windows == "follow"


_id = _text(1_000)
_quality = _whole(1, 100)
_pixels = _whole(1, 10_000)
_jpeg = _one_of("jpeg")
_modifiers = _whole(0, 15)
_object_group = _matching(r"captcha-remote-\w{1,40}")
_clip = _object_of(x=_number, y=_number, width=_number, height=_number, scale=_number)

OF_BROWSER: Mapping[str, Rule] = {
    "Target.attachToTarget": Rule({"targetId": _tab, "flatten": _true}),
    "Target.detachFromTarget": Rule({"sessionId": lambda value, own: own.is_session(value)}),
    "Target.setDiscoverTargets": Rule({"discover": _true}, {"filter": _anything}, _of_windows),
    "Target.activateTarget": Rule({"targetId": _tab}, {}, _of_windows),
    "Target.closeTarget": Rule(
        {"targetId": lambda value, own: own.is_tab(value) and value != own.page_id}, {}, _of_windows
    ),
    "SystemInfo.getProcessInfo": Rule(),
}

OF_SESSION: Mapping[str, Rule] = {
    "Target.getTargetInfo": Rule(),
    "Target.setAutoAttach": Rule(
        {
            "autoAttach": _true,
            "waitForDebuggerOnStart": _false,
            "flatten": _true,
            "filter": _same([{"type": "iframe"}, {"exclude": True}]),
        }
    ),
    "Inspector.enable": Rule(),
    "Runtime.runIfWaitingForDebugger": Rule(),
    "Page.getFrameTree": Rule(),
    "Page.getLayoutMetrics": Rule(),
    "Page.getNavigationHistory": Rule(),
    "Page.createIsolatedWorld": Rule({"frameId": _id, "worldName": _matching(r"captcha-remote(-\w{1,40})?")}),
    "Page.captureScreenshot": Rule({"format": _jpeg, "quality": _quality}),
    "Page.startScreencast": Rule(
        {"format": _jpeg, "quality": _quality},
        {"everyNthFrame": _whole(1, 10), "maxWidth": _pixels, "maxHeight": _pixels},
    ),
    "Page.stopScreencast": Rule(),
    "Page.screencastFrameAck": Rule({"sessionId": _whole(0, MOST_INTEGER)}),
    "Page.enable": Rule(when=_of_operator),
    "Page.handleJavaScriptDialog": Rule({"accept": _bool}, {"promptText": _text(MOST_TEXT)}, _of_operator),
    "Runtime.evaluate": Rule(
        {"expression": _text(MOST_SCRIPT)},
        {
            "contextId": _world,
            "returnByValue": _bool,
            "awaitPromise": _bool,
            "timeout": _whole(0, 60_000),
            "objectGroup": _object_group,
            "serializationOptions": _anything,
        },
        # In the page's own world only whether it answers is asked.
        lambda _own, params: "contextId" in params or params == {"expression": "1"},
    ),
    "Runtime.callFunctionOn": Rule(
        {"functionDeclaration": _text(MOST_SCRIPT)},
        {
            "executionContextId": _world,
            "objectId": _id,
            "arguments": _list_of(_object_of(value=_anything, objectId=_id)),
            "returnByValue": _bool,
        },
        lambda _own, params: ("executionContextId" in params) != ("objectId" in params),
    ),
    "Runtime.addBinding": Rule({"name": _same(BINDING), "executionContextId": _world}),
    "Runtime.releaseObject": Rule({"objectId": _id}),
    "Runtime.releaseObjectGroup": Rule({"objectGroup": _object_group}),
    "DOM.getFrameOwner": Rule({"frameId": _id}),
    "DOM.resolveNode": Rule(
        {"backendNodeId": _whole(0, MOST_INTEGER), "executionContextId": _world}, {"objectGroup": _object_group}
    ),
    "Network.enable": Rule(
        {},
        {
            "maxTotalBufferSize": _whole(0, 20 * 1024 * 1024),
            "maxResourceBufferSize": _whole(0, 20 * 1024 * 1024),
            "maxPostDataSize": _whole(0, 1024 * 1024),
        },
    ),
    # Of the page and its frames: addresses that a server names might be any.
    "Network.getCookies": Rule(),
    "Network.getResponseBody": Rule({"requestId": lambda value, own: own.is_sound(value)}),
    "Input.dispatchMouseEvent": Rule(
        {
            "type": _one_of("mousePressed", "mouseReleased", "mouseMoved", "mouseWheel"),
            "x": _number,
            "y": _number,
        },
        {
            "button": _one_of("none", "left", "middle", "right", "back", "forward"),
            "buttons": _whole(0, 31),
            "clickCount": _whole(0, 100),
            "modifiers": _modifiers,
            "deltaX": _number,
            "deltaY": _number,
            "pointerType": _one_of("mouse", "pen"),
            "force": _number,
            "timestamp": _number,
        },
    ),
    "Input.dispatchTouchEvent": Rule(
        {
            "type": _one_of("touchStart", "touchMove", "touchEnd", "touchCancel"),
            "touchPoints": _list_of(
                _object_of(x=_number, y=_number, id=_number, radiusX=_number, radiusY=_number, force=_number)
            ),
        },
        {"modifiers": _modifiers, "timestamp": _number},
    ),
    "Input.dispatchKeyEvent": Rule(
        {"type": _one_of("keyDown", "keyUp", "rawKeyDown", "char")},
        {
            "key": _text(100),
            "code": _text(100),
            "text": _text(100),
            "unmodifiedText": _text(100),
            "windowsVirtualKeyCode": _whole(0, 0xFFFF),
            "nativeVirtualKeyCode": _whole(0, 0xFFFF),
            "location": _whole(0, 3),
            "modifiers": _modifiers,
            "autoRepeat": _bool,
            "isKeypad": _bool,
            # `paste` would show what the bot's clipboard has.
            "commands": _list_of(_one_of("selectAll", "undo", "redo")),
        },
    ),
    "Input.insertText": Rule({"text": _text(MOST_TEXT)}),
    "Input.setInterceptDrags": Rule({"enabled": _bool}),
    "Input.dispatchDragEvent": Rule(
        {
            "type": _one_of("dragEnter", "dragOver", "drop", "dragCancel"),
            "x": _number,
            "y": _number,
            # Without `files`: a page would read them from the bot's disk.
            "data": _object_of(
                items=_list_of(
                    _object_of(
                        mimeType=_text(200), data=_text(MOST_SCRIPT), title=_text(MOST_TEXT), baseURL=_text(MOST_TEXT)
                    )
                ),
                dragOperationsMask=_whole(0, 31),
            ),
        },
        {"modifiers": _modifiers},
    ),
    "Relay.setCrop": Rule({"clip": lambda value, own: value is None or _clip(value, own)}),
    "Relay.capture": Rule({"clip": _clip, "quality": _quality}),
}

Event = Tuple[str, JsonObject, Optional[str]]
"""Method, params, session."""


class RelayFilter:
    def __init__(self, target_id: str, dialogs: str, windows: str) -> None:
        self.target_id = target_id
        self.dialogs = dialogs
        self.windows = windows
        self._sessions: Dict[str, _Session] = {}
        # The page, and its windows, those that are gone among them; the oldest first.
        self._own: Dict[str, None] = {target_id: None}
        self._open: Dict[str, JsonObject] = {}
        # Tabs that belong to nobody known yet: a window may be reported before its opener.
        self._strangers: Dict[str, JsonObject] = {}
        self._is_discovering = False

    @property
    def sessions(self) -> List[str]:
        """The sessions that the server has opened."""
        return list(self._sessions)

    def is_tab(self, target_id: Any) -> bool:
        """Whether it is the page, or a window that it has opened."""
        if target_id == self.target_id:
            return True
        return self.windows == "follow" and isinstance(target_id, str) and target_id in self._open

    def is_session(self, session_id: Any) -> bool:
        return isinstance(session_id, str) and session_id in self._sessions

    def is_allowed(self, method: str, params: JsonObject, session_id: Optional[str]) -> bool:
        session = None if session_id is None else self._sessions.get(session_id)
        if session_id is not None and session is None:
            return False
        rule = (OF_BROWSER if session_id is None else OF_SESSION).get(method)
        if rule is None:
            return False
        own = Own(self, session)
        is_complete = all(name in params for name in rule.needs)
        return is_complete and _has_only(params, {**rule.may, **rule.needs}, own) and rule.when(own, params)

    def reset(self) -> None:
        """The server's session is over: nothing is attached."""
        self._sessions.clear()
        self._is_discovering = False

    def discover(self) -> List[Event]:
        """The tabs that a server which begins to follow windows has to know, as events."""
        self._is_discovering = True
        return [("Target.targetCreated", {"targetInfo": info}, None) for info in self._open.values()]

    def answer(self, method: str, session_id: Optional[str], result: JsonObject) -> JsonObject:
        """What the server gets of an answer; it is learnt from, too."""
        session = None if session_id is None else self._sessions.get(session_id)
        if method == "Target.attachToTarget":
            self._attached(result.get("sessionId"))
            return _pick(result, "sessionId")
        if method == "Target.getTargetInfo":
            return {"targetInfo": self._target_info(result.get("targetInfo"))}
        if method == "Page.createIsolatedWorld":
            if session is not None and _hashable(result.get("executionContextId")):
                session.worlds.add(result["executionContextId"])
            return _pick(result, "executionContextId")
        if method == "Page.getNavigationHistory":
            return _current_entry(result)
        if method == "SystemInfo.getProcessInfo":
            return _renderers(result)
        return result

    def event(self, method: str, params: JsonObject, session_id: Optional[str]) -> List[Event]:
        """What the server gets of an event: nothing, the event with less in it, or several."""
        if session_id is None:
            return self._browser_event(method, params)
        session = self._sessions.get(session_id)
        reduced = None if session is None else self._session_event(session, method, params)
        return [] if reduced is None else [(method, reduced, session_id)]

    def _attached(self, session_id: Any) -> None:
        if isinstance(session_id, str):
            self._sessions[session_id] = _Session()

    def _browser_event(self, method: str, params: JsonObject) -> List[Event]:
        if method in ("Target.targetCreated", "Target.targetInfoChanged"):
            return self._tab_seen(method, params.get("targetInfo"))
        if method == "Target.targetDestroyed":
            target_id = params.get("targetId")
            if not isinstance(target_id, str):
                return []
            self._strangers.pop(target_id, None)
            was_own = self._open.pop(target_id, None) is not None
            return [(method, {"targetId": target_id}, None)] if was_own and self._is_discovering else []
        if method == "Target.detachedFromTarget":
            session_id = params.get("sessionId")
            if isinstance(session_id, str) and self._sessions.pop(session_id, None) is not None:
                return [(method, {"sessionId": session_id}, None)]
        return []

    def _tab_seen(self, method: str, given: Any) -> List[Event]:
        if not isinstance(given, dict) or given.get("type") != "page":
            return []
        target_id, opener_id = given.get("targetId"), given.get("openerId")
        if not isinstance(target_id, str):
            return []
        if target_id not in self._own:
            if not isinstance(opener_id, str) or opener_id not in self._own:
                self._strangers[target_id] = given
                return []
            self._remember(target_id)
        self._strangers.pop(target_id, None)
        is_new = target_id not in self._open
        info = self._target_info(given)
        self._open[target_id] = info
        name = "Target.targetCreated" if is_new else method
        events: List[Event] = [(name, {"targetInfo": info}, None)] if self._is_discovering else []
        # It may have opened some that were reported before it.
        for child in [one for one in self._strangers.values() if one.get("openerId") == target_id]:
            events.extend(self._tab_seen("Target.targetCreated", child))
        return events

    def _remember(self, target_id: str) -> None:
        self._own[target_id] = None
        for old in list(self._own):
            if len(self._own) <= MOST_REMEMBERED:
                break
            if old != self.target_id and old not in self._open:
                del self._own[old]

    def _target_info(self, given: Any) -> JsonObject:
        if not isinstance(given, dict):
            return {}
        info = _pick(given, "targetId", "type", "title", "url", "attached")
        opener_id = given.get("openerId")
        if isinstance(opener_id, str) and opener_id in self._own:
            info["openerId"] = opener_id
        return info

    def _session_event(self, session: _Session, method: str, params: JsonObject) -> Optional[JsonObject]:
        if method == "Target.attachedToTarget":
            info = params.get("targetInfo")
            if not isinstance(info, dict) or info.get("type") != "iframe":
                return None
            self._attached(params.get("sessionId"))
            return {**_pick(params, "sessionId", "waitingForDebugger"), "targetInfo": self._target_info(info)}
        if method == "Target.detachedFromTarget":
            session_id = params.get("sessionId")
            if isinstance(session_id, str) and self._sessions.pop(session_id, None) is not None:
                return {"sessionId": session_id}
            return None
        if method == "Page.screencastFrame":
            metadata = params.get("metadata")
            seen = _pick(metadata, "scrollOffsetX", "scrollOffsetY") if isinstance(metadata, dict) else {}
            return {**_pick(params, "data", "sessionId"), "metadata": seen}
        if method == "Inspector.targetCrashed":
            return params
        if method in ("Page.javascriptDialogOpening", "Page.javascriptDialogClosed"):
            return params if self.dialogs == "operator" else None
        if method == "Input.dragIntercepted":
            data = params.get("data")
            return {"data": _pick(data, "items", "dragOperationsMask")} if isinstance(data, dict) else None
        if method == "Network.requestWillBeSent":
            return _request_facts(params)
        if method == "Network.responseReceived":
            return _response_facts(session, params)
        if method in ("Network.loadingFinished", "Network.loadingFailed"):
            return _pick(params, "requestId")
        if method == "Runtime.bindingCalled" and params.get("name") == BINDING:
            return _pick(params, "name", "payload", "executionContextId")
        return None


def _request_facts(params: JsonObject) -> Optional[JsonObject]:
    request, initiator = params.get("request"), params.get("initiator")
    if not isinstance(request, dict):
        return None
    facts = _pick(params, "requestId", "loaderId", "frameId", "documentURL", "hasUserGesture")
    facts["request"] = {
        **_pick(request, "url", "urlFragment", "method", "postDataEntries"),
        # They say what loaded a document and what it brings.
        "headers": _headers_of(request.get("headers"), "referer", "content-type"),
    }
    facts["initiator"] = _pick(initiator, "type") if isinstance(initiator, dict) else {"type": "other"}
    if "redirectResponse" in params:
        facts["redirectResponse"] = {}
    return facts


def _response_facts(session: _Session, params: JsonObject) -> Optional[JsonObject]:
    response, request_id = params.get("response"), params.get("requestId")
    if not isinstance(response, dict) or not isinstance(request_id, str):
        return None
    mime_type = response.get("mimeType")
    is_sound = params.get("type") == "Media" or (isinstance(mime_type, str) and mime_type.startswith("audio/"))
    if not is_sound and request_id != params.get("loaderId"):
        return None
    if is_sound:
        session.sounds[request_id] = None
        if len(session.sounds) > MOST_SOUNDS:
            del session.sounds[next(iter(session.sounds))]
    names = ("refresh", "content-type", "content-length", "content-range")
    return {
        **_pick(params, "requestId", "loaderId", "frameId", "type"),
        "response": {
            **_pick(response, "url", "status", "mimeType"),
            "headers": _headers_of(response.get("headers"), *names),
        },
    }


def _headers_of(given: Any, *names: str) -> JsonObject:
    headers = given if isinstance(given, dict) else {}
    return {name: value for name, value in headers.items() if name.lower() in names and isinstance(value, str)}


def _current_entry(history: JsonObject) -> JsonObject:
    """The history of the tab is older than the page: only where it is now."""
    entries, index = history.get("entries"), history.get("currentIndex")
    is_there = isinstance(entries, list) and isinstance(index, int) and 0 <= index < len(entries)
    return {"currentIndex": 0, "entries": [entries[index]] if is_there and entries is not None and index is not None else []}


def _renderers(result: JsonObject) -> JsonObject:
    """Whether a page waits or computes shows in the time that renderers take: which programs run does not matter."""
    given = result.get("processInfo")
    processes: Sequence[Any] = given if isinstance(given, list) else []
    own = [one for one in processes if isinstance(one, dict) and one.get("type") == "renderer"]
    return {"processInfo": [_pick(one, "type", "id", "cpuTime") for one in own]}


def _pick(given: Mapping[str, Any], *names: str) -> JsonObject:
    return {name: given[name] for name in names if name in given}
