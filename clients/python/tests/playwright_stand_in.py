"""
A stand-in for Playwright's Python pages, where the package cannot be had. It has their two layers: objects inside, whose
methods are coroutines and act through each other (a locator through its frame, a page through its main frame), and thin
objects outside, one for each inside, for plain and for asynchronous programs. What reaches the browser is in `acts`.
"""

import inspect


class _Inside:
    def __init__(self, acts):
        self.acts = acts

    async def _act(self, what, *details):
        self.acts.append((what, *details))


class _Hand(_Inside):
    def __init__(self, acts, name):
        super().__init__(acts)
        self.name = name


def _hand(*names):
    def method(name):
        async def act(self, *args, **kwargs):
            await self._act(f"{self.name}.{name}", *args)

        return act

    return type("Hand", (_Hand,), {name: method(name) for name in names})


InsideMouse = _hand("move", "down", "up", "click", "dblclick", "wheel")
InsideKeyboard = _hand("down", "up", "press", "type", "insert_text")
InsideTouchscreen = _hand("tap")


class InsideElement(_Inside):
    def __init__(self, acts, selector):
        super().__init__(acts)
        self.selector = selector

    async def click(self, **_):
        await self._act("element.click", self.selector)

    async def type(self, text, **_):
        await self._act("element.type", self.selector, text)

    async def select_text(self, **_):
        await self._act("element.select_text", self.selector)

    async def scroll_into_view_if_needed(self, **_):
        await self._act("element.scroll", self.selector)

    async def bounding_box(self):
        return {"x": 0, "y": 0, "width": 80, "height": 40}

    async def query_selector(self, selector):
        return InsideElement(self.acts, f"{self.selector} {selector}")


class InsideLocator:
    def __init__(self, frame, selector):
        self._frame = frame
        self._selector = selector

    async def click(self, **kwargs):
        return await self._frame.click(self._selector, **kwargs)

    async def fill(self, value, **kwargs):
        return await self._frame.fill(self._selector, value, **kwargs)

    async def clear(self, **kwargs):
        await self.fill("", **kwargs)

    async def press_sequentially(self, text, **kwargs):
        await self._frame.type(self._selector, text, **kwargs)

    async def select_text(self, **kwargs):
        element = await self._frame.wait_for_selector(self._selector)
        await element.select_text(**kwargs)

    async def bounding_box(self):
        return await (await self._frame.wait_for_selector(self._selector)).bounding_box()

    async def text_content(self):
        return await self._frame.text_content(self._selector)

    def get_by_role(self, role, **_):
        return InsideLocator(self._frame, f"{self._selector} >> role={role}")

    def nth(self, index):
        return InsideLocator(self._frame, f"{self._selector} >> nth={index}")


class InsideFrame(_Inside):
    def __init__(self, acts, name):
        super().__init__(acts)
        self.name = name

    async def goto(self, url, **_):
        await self._act("frame.goto", self.name, url)

    async def click(self, selector, **_):
        await self._act("frame.click", self.name, selector)

    async def fill(self, selector, value, **_):
        await self._act("frame.fill", self.name, selector, value)

    async def type(self, selector, text, **_):
        await self._act("frame.type", self.name, selector, text)

    async def drag_and_drop(self, source, target, **_):
        await self._act("frame.drag_and_drop", self.name, source, target)

    async def text_content(self, selector):
        return f"text of {selector}"

    async def evaluate(self, expression):
        return expression

    async def query_selector(self, selector):
        return InsideElement(self.acts, selector)

    async def query_selector_all(self, selector):
        return [InsideElement(self.acts, f"{selector} {index}") for index in range(2)]

    async def wait_for_selector(self, selector, **_):
        return InsideElement(self.acts, selector)

    def locator(self, selector, **_):
        return InsideLocator(self, selector)

    def get_by_role(self, role, **_):
        return InsideLocator(self, f"role={role}")


class InsidePage(_Inside):
    def __init__(self):
        super().__init__([])
        self.keyboard = InsideKeyboard(self.acts, "keyboard")
        self.mouse = InsideMouse(self.acts, "mouse")
        self.touchscreen = InsideTouchscreen(self.acts, "touchscreen")
        self._main_frame = InsideFrame(self.acts, "main")
        self._frames = [self._main_frame, InsideFrame(self.acts, "inner")]
        self.listeners = []

    @property
    def frames(self):
        return self._frames.copy()

    def on(self, event, listener):
        self.listeners.append((event, listener))

    def remove_listener(self, event, listener):
        self.listeners.remove((event, listener))

    def attach(self, name):
        frame = InsideFrame(self.acts, name)
        self._frames.append(frame)
        for event, listener in list(self.listeners):
            if event == "frameattached":
                listener(frame)

    async def goto(self, url, **kwargs):
        return await self._main_frame.goto(url, **kwargs)

    async def reload(self, **_):
        await self._act("page.reload")

    async def set_viewport_size(self, size):
        await self._act("page.set_viewport_size", size)

    async def click(self, selector, **kwargs):
        return await self._main_frame.click(selector, **kwargs)

    async def title(self):
        return "the title"

    async def screenshot(self, **_):
        return b"a picture"

    async def query_selector(self, selector):
        return await self._main_frame.query_selector(selector)

    async def query_selector_all(self, selector):
        return await self._main_frame.query_selector_all(selector)

    async def wait_for_selector(self, selector, **kwargs):
        return await self._main_frame.wait_for_selector(selector, **kwargs)

    def locator(self, selector, **kwargs):
        return self._main_frame.locator(selector, **kwargs)

    def get_by_role(self, role, **kwargs):
        return self._main_frame.get_by_role(role, **kwargs)


def _run(coroutine):
    """Nothing here waits for anything."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("It waits.")


class Outside:
    """The class of each kind of object is made from that inside, as Playwright generates its own."""

    api = {}

    def __init__(self, inside):
        self._impl_obj = inside

    def on(self, event, listener):
        self._impl_obj.on(event, self._wrap(listener))

    def remove_listener(self, event, listener):
        self._impl_obj.remove_listener(event, self._wrap(listener))

    def _wrap(self, listener):
        wrapper = getattr(listener, "_pw_impl_instance_", None)
        if wrapper is None:
            arguments = len(inspect.signature(listener).parameters)

            def wrapper(*args):
                return listener(*[self._out(one) for one in args][:arguments])

            listener._pw_impl_instance_ = wrapper
        return wrapper

    @classmethod
    def _out(cls, value):
        if isinstance(value, list):
            return [cls._out(one) for one in value]
        made = cls.api.get(type(value))
        if made is None:
            return value
        if getattr(value, "_pw_api_instance_", None) is None:
            value._pw_api_instance_ = made(value)
        return value._pw_api_instance_


def _outside_of(kind, is_async):
    class Base(Outside):
        api = {}

    def method(name, original):
        if not inspect.iscoroutinefunction(original):
            return lambda self, *args, **kwargs: self._out(getattr(self._impl_obj, name)(*args, **kwargs))
        if is_async:

            async def later(self, *args, **kwargs):
                return self._out(await getattr(self._impl_obj, name)(*args, **kwargs))

            return later
        return lambda self, *args, **kwargs: self._out(_run(getattr(self._impl_obj, name)(*args, **kwargs)))

    for inside in kind:
        members = {}
        for name in dir(inside):
            if name.startswith("_") or name in ("on", "remove_listener", "attach"):
                continue
            original = inspect.getattr_static(inside, name)
            if inspect.isfunction(original):
                members[name] = method(name, original)
            elif isinstance(original, property):
                members[name] = property(lambda self, name=name: self._out(getattr(self._impl_obj, name)))
        if inside is InsidePage:
            for hand in ("mouse", "keyboard", "touchscreen"):
                members[hand] = property(lambda self, hand=hand: self._out(getattr(self._impl_obj, hand)))
        Base.api[inside] = type(inside.__name__.replace("Inside", ""), (Base,), members)
    return Base


_KINDS = [InsidePage, InsideFrame, InsideLocator, InsideElement, InsideMouse, InsideKeyboard, InsideTouchscreen]
_SYNC = _outside_of(_KINDS, is_async=False)
_ASYNC = _outside_of(_KINDS, is_async=True)


def sync_page():
    """A page and what is inside."""
    inside = InsidePage()
    return _SYNC._out(inside), inside


def async_page():
    inside = InsidePage()
    return _ASYNC._out(inside), inside
