"""Blocks the bot's own actions on a page that a person works on: they fail with a clear error instead of interfering."""

from __future__ import annotations

import inspect
import threading
import weakref
from typing import Any, Callable, Dict, List, Sequence, Tuple

from ._errors import CaptchaRemoteError

# The input actions of pages, frames, elements and locators, which share these names; one that an object lacks is left out.
ACTIONS = (
    *("click", "dblclick", "tap", "hover", "press", "press_sequentially", "type", "fill", "clear", "focus"),
    *("check", "uncheck", "set_checked", "select_option", "select_text", "set_input_files", "dispatch_event"),
    *("drag_to", "drag_and_drop", "scroll_into_view_if_needed"),
)
# Actions that would take the challenge away under the person's hands, or move it.
UPHEAVALS = ("goto", "reload", "go_back", "go_forward", "set_content", "set_viewport_size")
HANDS: Dict[str, Sequence[str]] = {
    "mouse": ("click", "dblclick", "down", "move", "up", "wheel"),
    "keyboard": ("down", "up", "press", "type", "insert_text"),
    "touchscreen": ("tap",),
}
# Methods that return elements. They keep working, and their elements are blocked too.
FINDERS = ("query_selector", "query_selector_all", "wait_for_selector", "element_handle", "element_handles")
# Methods that make a locator. Those of Playwright act through their frame; these are for pages that have none inside.
LOCATORS = (
    *("locator", "get_by_alt_text", "get_by_label", "get_by_placeholder", "get_by_role", "get_by_test_id"),
    *("get_by_text", "get_by_title", "frame_locator", "nth", "filter", "or_", "and_"),
)


class _Hold:
    """One page's guards: how many are on, and how to restore the page."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.count = 0
        self.restore: List[Callable[[], object]] = []
        # Elements and locators that were returned under a guard.
        self.derived: "weakref.WeakSet[Any]" = weakref.WeakSet()


# Outlives the guards, so that an element found under one guard is blocked by the next one too.
_holds: "weakref.WeakKeyDictionary[Any, _Hold]" = weakref.WeakKeyDictionary()
_holds_lock = threading.Lock()


class Guard:
    """A guard of one page. `with` releases it at the end of the block."""

    def __init__(self, hold: _Hold) -> None:
        self._hold = hold
        self._is_on = True

    def release(self) -> None:
        """Lets the bot act on the page again, unless another guard is still on. A second call does nothing."""
        with self._hold.lock:
            if not self._is_on:
                return
            self._is_on = False
            self._hold.count -= 1
            if self._hold.count == 0:
                _put_back(self._hold)

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def guard(page: Any) -> Guard:
    """
    Until the guard is released, the bot's actions on this page (its mouse, keyboard and touchscreen, its frames, also
    later ones) raise CaptchaRemoteError `page_in_use`. Reading goes on: evaluate, content, screenshot, and every wait.
    Nothing changes in the web page itself. Several guards on one page add up.

    `page`: of Playwright's `sync_api` or `async_api`.
    """
    with _holds_lock:
        hold = _holds.get(page)
        if hold is None:
            hold = _holds[page] = _Hold()
    with hold.lock:
        if hold.count == 0:
            _block_page(page, hold)
        hold.count += 1
    return Guard(hold)


def _block_page(page: Any, hold: _Hold) -> None:
    """Blocks all actions of the page. If an error is raised, everything is restored first."""
    # Playwright's objects are thin: what acts is the object inside, which locators of any age go through.
    inner = getattr(page, "_impl_obj", None)
    try:
        for one in (page,) if inner is None else (page, inner):
            _block_side(one, hold)
    except BaseException:
        _put_back(hold)
        raise


def _block_side(page: Any, hold: _Hold) -> None:
    def block(target: Any, name: str) -> None:
        for method in (*ACTIONS, *UPHEAVALS):
            hold.restore.append(_replace(target, method, _refusal(f"{name}.{method}")))
        for method in FINDERS:
            hold.restore.append(_replace(target, method, _finder(hold)))
        for method in LOCATORS:
            hold.restore.append(_replace(target, method, _step(hold)))

    # Playwright keeps a note on a listener, so it is a function of this guard's own.
    def on_frame(frame: Any) -> None:
        block(frame, "frame")

    for hand, methods in HANDS.items():
        target = getattr(page, hand)
        for method in methods:
            hold.restore.append(_replace(target, method, _refusal(f"{hand}.{method}")))
    block(page, "page")
    for frame in list(page.frames):
        on_frame(frame)
    page.on("frameattached", on_frame)
    hold.restore.append(lambda: page.remove_listener("frameattached", on_frame))


def _put_back(hold: _Hold) -> None:
    """Undoes the changes in reverse order."""
    while hold.restore:
        hold.restore.pop()()


def _block_derived(hold: _Hold, target: Any, name: str) -> None:
    """
    Blocks an element or locator. It is never restored: without a guard its methods pass calls through. There may be
    many, and they are short-lived.
    """
    if target is None or target in hold.derived:
        return
    hold.derived.add(target)
    for method in ACTIONS:
        _replace(target, method, _while_held(hold, f"{name}.{method}"))
    for method in FINDERS:
        _replace(target, method, _finder(hold))
    if name == "locator":
        for method in LOCATORS:
            _replace(target, method, _step(hold))


_Method = Callable[..., Any]
_Make = Callable[[_Method], _Method]


def _refusal(action: str) -> _Make:
    def make(original: _Method) -> _Method:
        if inspect.iscoroutinefunction(original):

            async def refuse_later(*_: Any, **__: Any) -> Any:
                raise _in_use(action)

            return refuse_later

        def refuse(*_: Any, **__: Any) -> Any:
            raise _in_use(action)

        return refuse

    return make


def _while_held(hold: _Hold, action: str) -> _Make:
    def make(original: _Method) -> _Method:
        if inspect.iscoroutinefunction(original):

            async def act_later(*args: Any, **kwargs: Any) -> Any:
                if hold.count > 0:
                    raise _in_use(action)
                return await original(*args, **kwargs)

            return act_later

        def act(*args: Any, **kwargs: Any) -> Any:
            if hold.count > 0:
                raise _in_use(action)
            return original(*args, **kwargs)

        return act

    return make


def _finder(hold: _Hold) -> _Make:
    def block(found: Any) -> Any:
        for element in found if isinstance(found, list) else [found]:
            _block_derived(hold, element, "element")
        return found

    def make(original: _Method) -> _Method:
        if inspect.iscoroutinefunction(original):

            async def find_later(*args: Any, **kwargs: Any) -> Any:
                return block(await original(*args, **kwargs))

            return find_later

        def find(*args: Any, **kwargs: Any) -> Any:
            return block(original(*args, **kwargs))

        return find

    return make


def _step(hold: _Hold) -> _Make:
    def make(original: _Method) -> _Method:
        def step(*args: Any, **kwargs: Any) -> Any:
            locator = original(*args, **kwargs)
            _block_derived(hold, locator, "locator")
            return locator

        return step

    return make


def _replace(target: Any, method: str, make: _Make) -> Callable[[], object]:
    """Shadows a method with one of the object's own; returns a function that removes it."""
    original = getattr(target, method, None)
    if not callable(original):
        return lambda: None
    before: Tuple[Any, ...] = (vars(target)[method],) if method in vars(target) else ()
    setattr(target, method, make(original))

    def restore() -> None:
        if before:
            setattr(target, method, before[0])
        else:
            delattr(target, method)

    return restore


def _in_use(action: str) -> CaptchaRemoteError:
    message = (
        f"A person holds this page, and {action} would get in the way: wait for the session's result first"
        " (wait), then release the guard."
    )
    return CaptchaRemoteError("page_in_use", message, details={"action": action})
