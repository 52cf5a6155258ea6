"""The guard on stand-ins of Playwright's pages: hands are refused, reading goes on, nothing stays changed."""

import asyncio
import gc
import unittest
import weakref

from captcha_remote import CaptchaRemoteError, guard
from playwright_stand_in import async_page, sync_page


def shape(page, inside):
    """Which attributes its objects have of their own: a guard that is over leaves none behind."""
    outside = [page, page.mouse, page.keyboard, page.touchscreen, *page.frames]
    within = [inside, inside.mouse, inside.keyboard, inside.touchscreen, *inside.frames]
    return [sorted(set(vars(one)) - {"_pw_api_instance_"}) for one in (*outside, *within)] + [len(inside.listeners)]


class GuardTest(unittest.TestCase):
    def refused(self, action, act):
        with self.assertRaises(CaptchaRemoteError) as caught:
            act()
        error = caught.exception
        self.assertEqual((error.code, error.status, error.details), ("page_in_use", None, {"action": action}))
        self.assertIn("A person holds this page", str(error))

    def test_hands_are_refused_reading_goes_on_and_afterwards_all_is_as_it_was(self):
        page, inside = sync_page()
        frame = page.frames[1]
        # Made before the guard: Playwright's locators act through their frame, whatever their age.
        button, chained = page.get_by_role("button"), page.locator("form").get_by_role("textbox").nth(1)
        before = shape(page, inside)
        held = guard(page)
        for action, act in {
            "page.click": lambda: page.click("button"),
            "page.goto": lambda: page.goto("https://a.example/"),
            "page.reload": lambda: page.reload(),
            "page.set_viewport_size": lambda: page.set_viewport_size({"width": 1, "height": 1}),
            "mouse.move": lambda: page.mouse.move(5, 5),
            "mouse.wheel": lambda: page.mouse.wheel(0, 5),
            "keyboard.type": lambda: page.keyboard.type("x"),
            "touchscreen.tap": lambda: page.touchscreen.tap(5, 5),
            "frame.fill": lambda: frame.fill("input", "x"),
            "frame.drag_and_drop": lambda: frame.drag_and_drop("a", "b"),
            "frame.click": lambda: button.click(),
            "frame.type": lambda: chained.press_sequentially("x"),
            "locator.click": lambda: frame.locator("button").click(),
            "locator.clear": lambda: page.get_by_role("textbox").nth(0).clear(),
            "element.click": lambda: page.query_selector("button").click(),
            "element.type": lambda: frame.query_selector_all("input")[1].type("x"),
            "element.select_text": lambda: button.select_text(),
            "element.scroll_into_view_if_needed": lambda: page.wait_for_selector("body")
            .query_selector("a")
            .scroll_into_view_if_needed(),
        }.items():
            with self.subTest(action):
                self.refused(action, act)
        self.assertEqual(page.title(), "the title")
        self.assertEqual(page.screenshot(), b"a picture")
        self.assertEqual(frame.evaluate("1 + 1"), "1 + 1")
        self.assertEqual(button.text_content(), "text of role=button")
        self.assertEqual(button.bounding_box()["width"], 80)
        self.assertEqual(inside.acts, [])

        held.release()
        self.assertEqual(shape(page, inside), before)
        button.click()
        page.mouse.move(1, 2)
        self.assertEqual(inside.acts, [("frame.click", "main", "role=button"), ("mouse.move", 1, 2)])

    def test_the_same_for_asynchronous_pages(self):
        async def run():
            page, inside = async_page()
            button = page.get_by_role("button")
            before = shape(page, inside)
            with guard(page):
                for action, act in {
                    "page.click": lambda: page.click("button"),
                    "mouse.click": lambda: page.mouse.click(1, 1),
                    "frame.click": lambda: button.click(),
                    "locator.fill": lambda: page.locator("input").fill("x"),
                }.items():
                    # It fails where it is awaited, as any call of such a page.
                    waiting = act()
                    with self.assertRaises(CaptchaRemoteError) as caught:
                        await waiting
                    self.assertEqual(caught.exception.details, {"action": action})
                element = await page.query_selector("button")
                with self.assertRaises(CaptchaRemoteError):
                    await element.click()
                self.assertEqual(await page.title(), "the title")
            self.assertEqual(shape(page, inside), before)
            await element.click()
            await button.click()
            self.assertEqual(inside.acts, [("element.click", "button"), ("frame.click", "main", "role=button")])

        asyncio.run(run())

    def test_frames_that_come_later_are_guarded_elements_by_every_later_guard_and_nothing_after_it(self):
        page, inside = sync_page()
        with guard(page):
            element = page.query_selector("button")
            inside.attach("late")
            late = page.frames[2]
            self.refused("frame.click", lambda: late.click("a"))
            self.refused("frame.goto", lambda: late.goto("https://a.example/"))
        late.click("a")
        element.click()
        inside.attach("later")
        page.frames[3].click("b")
        self.assertEqual(len(inside.acts), 3)
        with guard(page):
            self.refused("element.click", element.click)

    def test_guards_add_up_and_release_does_nothing_twice(self):
        page, inside = sync_page()
        before = shape(page, inside)
        one, two = guard(page), guard(page)
        one.release()
        one.release()
        self.refused("page.click", lambda: page.click("a"))
        two.release()
        self.assertEqual(shape(page, inside), before)
        page.click("a")

    def test_an_error_in_the_block_releases_too(self):
        page, _inside = sync_page()
        with self.assertRaises(KeyError):
            with guard(page):
                raise KeyError("the bot's own")
        page.click("a")

    def test_a_guard_that_cannot_be_put_on_leaves_nothing_behind(self):
        page, inside = sync_page()
        before = shape(page, inside)

        def broken(_event, _listener):
            raise OSError("no listeners here")

        inside.on, original = broken, inside.on
        with self.assertRaises(OSError):
            guard(page)
        del inside.on
        self.assertEqual(inside.on, original)
        self.assertEqual(shape(page, inside), before)
        page.click("a")

    def test_what_somebody_has_put_over_a_method_stays_over_it(self):
        page, _inside = sync_page()

        def own(_selector):
            return "own"

        page.click = own
        with guard(page):
            self.refused("page.click", lambda: page.click("a"))
        self.assertIs(page.click, own)

    def test_a_page_that_is_no_more_is_not_held(self):
        page, inside = sync_page()
        guard(page).release()
        gone = weakref.ref(page)
        del inside._pw_api_instance_
        del page, inside
        gc.collect()
        self.assertIsNone(gone())
