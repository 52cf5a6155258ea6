"""The relay's line and filter by themselves: what is cut, kept and sent again; what a server may ask of a page."""

import json
import pathlib
import unittest

from captcha_remote._relay_filter import RelayFilter
from captcha_remote._relay_line import (
    FrameReader,
    Picture,
    PictureQueue,
    RelayLagging,
    RelayLine,
    RelayViolation,
    frames_of,
)

# What every implementation of the filter must refuse and let through; it is there in a checkout.
ATTACKS = pathlib.Path(__file__).parents[3] / "test/support/relay-attacks.json"


class LineTest(unittest.TestCase):
    def line(self):
        got, asked = [], []
        return RelayLine(64, got.append, lambda: asked.append(1)), got, asked

    def test_messages_are_cut_and_put_together_again(self):
        body = bytes(range(256)) * 3
        frames = frames_of('{"type":"cdp","x":"é"}', body, 100)
        self.assertTrue(all(len(frame) <= 100 for frame in frames))
        self.assertEqual([frame[0] for frame in frames], [1] * (len(frames) - 1) + [0])
        reader = FrameReader()
        read = [reader.read(frame) for frame in frames]
        self.assertEqual(read[:-1], [None] * (len(frames) - 1))
        self.assertEqual(read[-1], ({"type": "cdp", "x": "é"}, body))

    def test_what_is_no_frame_is_a_violation(self):
        for frame in (b"", b"\2abc", b"\0ab", b"\0\0\0\0\x09{}", b"\0\0\0\0\x02{]"):
            with self.assertRaises(RelayViolation):
                FrameReader().read(frame)

    def test_what_was_not_received_is_sent_again_in_order_and_nothing_else(self):
        sender, _got, _asked = self.line()
        receiver, got, _ = self.line()
        lost = []
        sender.attach(lost.append, 0)
        for number in range(5):
            sender.post({"type": "cdp", "n": number})
        for frame in lost[:2]:
            receiver.take(frame)
        sender.detach()
        sender.post({"type": "cdp", "n": 5})
        sender.attach(receiver.take, receiver.received)
        self.assertEqual([header["n"] for header in got], [0, 1, 2, 3, 4, 5])
        self.assertEqual(sender.unacknowledged, 4)
        receiver.attach(sender.take, 0)
        receiver.acknowledge()
        self.assertEqual(sender.unacknowledged, 0)

    def test_numbers_that_never_were_are_violations_and_repeats_are_ignored(self):
        line, got, asked = self.line()
        [first] = frames_of('{"type":"cdp","seq":1}', b"", 64)
        line.take(first)
        line.take(first)
        self.assertEqual((len(got), len(asked)), (1, 1))
        for text in ('{"type":"cdp","seq":3}', '{"type":"ack","ack":1}', "[]", '{"type":7}'):
            with self.assertRaises(RelayViolation):
                line.take(frames_of(text, b"", 64)[0])
        with self.assertRaises(RelayViolation):
            line.attach(lambda _: None, 1)

    def test_too_much_that_waits_ends_it(self):
        line, _got, _asked = self.line()
        with self.assertRaises(RelayLagging):
            for _ in range(20):
                line.post({"type": "cdp"}, b"x" * 1_000_000)

    def test_the_newest_picture_wins_and_four_are_on_the_way_at_most(self):
        sent = []
        queue = PictureQueue(lambda picture, number: sent.append((number, picture.jpeg[:1])))
        queue.line_up()
        for name in b"abcdefgh":
            queue.offer(Picture("S", {}, bytes([name]) * 1_000))
        self.assertEqual(sent, [(1, b"a"), (2, b"b"), (3, b"c"), (4, b"d")])
        queue.acknowledged(1)
        self.assertEqual(sent[4:], [(5, b"h")])
        queue.acknowledged(5)
        queue.offer(Picture("S", {}, b"i" * 100_000))
        queue.offer(Picture("S", {}, b"j"))
        self.assertEqual(sent[5:], [(6, b"i")])
        queue.line_down()
        queue.line_up()
        self.assertEqual(sent[6:], [(1, b"j")])


class FilterTest(unittest.TestCase):
    def setUp(self):
        self.lent = RelayFilter("PAGE", "bot", "follow")
        self.lent.answer("Target.attachToTarget", None, {"sessionId": "S", "more": 1})
        self.lent.answer("Page.createIsolatedWorld", "S", {"executionContextId": 7})

    def allowed(self, method, params, session="S"):
        return self.lent.is_allowed(method, params, session)

    def test_what_a_session_needs_is_allowed(self):
        for method, params, session in [
            ("Target.attachToTarget", {"targetId": "PAGE", "flatten": True}, None),
            ("Target.setDiscoverTargets", {"discover": True, "filter": []}, None),
            ("Page.startScreencast", {"format": "jpeg", "quality": 50, "maxWidth": 640}, "S"),
            ("Runtime.evaluate", {"expression": "x()", "contextId": 7, "returnByValue": True}, "S"),
            ("Runtime.evaluate", {"expression": "1"}, "S"),
            ("Runtime.callFunctionOn", {"functionDeclaration": "f", "objectId": "o", "arguments": [{"value": 1}]}, "S"),
            ("Network.getCookies", {}, "S"),
            ("Input.dispatchMouseEvent", {"type": "mousePressed", "x": 1.5, "y": 2, "button": "left"}, "S"),
            ("Input.dispatchKeyEvent", {"type": "keyDown", "commands": ["selectAll"]}, "S"),
        ]:
            with self.subTest(method):
                self.assertTrue(self.allowed(method, params, session))

    def test_everything_else_is_refused(self):
        for method, params, session in [
            ("Target.attachToTarget", {"targetId": "ANOTHER", "flatten": True}, None),
            ("Target.attachToTarget", {"targetId": "PAGE"}, None),
            ("Target.closeTarget", {"targetId": "PAGE"}, None),
            ("Target.getTargets", {}, None),
            ("Storage.getCookies", {}, None),
            ("Storage.getCookies", {}, "S"),
            ("Browser.close", {}, None),
            ("Network.getCookies", {"urls": ["https://bank.example/"]}, "S"),
            ("Network.getCookies", {}, None),
            ("Network.getCookies", {}, "ANOTHER"),
            ("Network.getResponseBody", {"requestId": "1"}, "S"),
            ("Page.navigate", {"url": "https://a.example/"}, "S"),
            ("Page.enable", {}, "S"),
            ("Page.captureScreenshot", {"format": "png", "quality": 50}, "S"),
            ("Page.captureScreenshot", {"format": "jpeg", "quality": True}, "S"),
            ("Page.createIsolatedWorld", {"frameId": "F", "worldName": "mine"}, "S"),
            ("Page.createIsolatedWorld", {"frameId": "F", "worldName": "captcha-remote", "grantUniveralAccess": True}, "S"),
            ("Runtime.evaluate", {"expression": "x()"}, "S"),
            ("Runtime.evaluate", {"expression": "x()", "contextId": 1}, "S"),
            ("Runtime.evaluate", {"expression": "1", "includeCommandLineAPI": True}, "S"),
            ("Runtime.callFunctionOn", {"functionDeclaration": "f"}, "S"),
            ("Input.dispatchKeyEvent", {"type": "keyDown", "commands": ["paste"]}, "S"),
            ("Input.dispatchDragEvent", {"type": "drop", "x": 1, "y": 1, "data": {"items": [], "files": ["/etc/passwd"]}}, "S"),
            ("Input.dispatchMouseEvent", {"type": "mousePressed", "x": float("nan"), "y": 2}, "S"),
            ("", {}, "S"),
        ]:
            with self.subTest(f"{method} {params}"):
                self.assertFalse(self.allowed(method, params, session))

    def test_after_a_reset_nothing_is_attached(self):
        self.lent.reset()
        self.assertFalse(self.allowed("Network.getCookies", {}))

    def test_windows_of_the_page_are_lent_and_other_tabs_are_not(self):
        self.lent.discover()

        def seen(target_id, opener=None, url="https://a.example/"):
            info = {"targetId": target_id, "type": "page", "url": url, "title": "", "browserContextId": "C"}
            return self.lent.event("Target.targetCreated", {"targetInfo": {**info, "openerId": opener}}, None)

        self.assertEqual(seen("STRANGER"), [])
        self.assertEqual(seen("GRANDCHILD", "CHILD"), [])
        names = [params["targetInfo"]["targetId"] for _method, params, _session in seen("CHILD", "PAGE")]
        self.assertEqual(names, ["CHILD", "GRANDCHILD"])
        for target_id, is_lent in {"CHILD": True, "GRANDCHILD": True, "STRANGER": False}.items():
            params = {"targetId": target_id, "flatten": True}
            self.assertEqual(self.allowed("Target.attachToTarget", params, None), is_lent)
            self.assertEqual(self.allowed("Target.closeTarget", {"targetId": target_id}, None), is_lent)
        leaving = RelayFilter("PAGE", "bot", "leave")
        self.assertFalse(leaving.is_allowed("Target.setDiscoverTargets", {"discover": True}, None))

    def test_events_are_cut_down_to_what_the_server_needs(self):
        request = {
            "requestId": "1",
            "loaderId": "1",
            "documentURL": "https://a.example/",
            "wallTime": 1,
            "initiator": {"type": "script", "stack": {"callFrames": []}},
            "request": {
                "url": "https://a.example/",
                "method": "POST",
                "headers": {"Cookie": "secret", "Content-Type": "text/plain"},
                "postData": "kept by the bot",
            },
        }
        [(_method, facts, session)] = self.lent.event("Network.requestWillBeSent", request, "S")
        self.assertEqual(session, "S")
        self.assertEqual(facts["request"]["headers"], {"Content-Type": "text/plain"})
        self.assertNotIn("postData", facts["request"])
        self.assertEqual(facts["initiator"], {"type": "script"})
        response = {"requestId": "2", "loaderId": "1", "type": "Image", "response": {"url": "x", "mimeType": "image/png"}}
        self.assertEqual(self.lent.event("Network.responseReceived", response, "S"), [])
        sound = {"requestId": "3", "loaderId": "1", "type": "Media", "response": {"url": "x", "mimeType": "audio/mp3"}}
        self.assertEqual(len(self.lent.event("Network.responseReceived", sound, "S")), 1)
        self.assertTrue(self.allowed("Network.getResponseBody", {"requestId": "3"}))
        for method in ("Page.javascriptDialogOpening", "Page.frameNavigated", "Runtime.consoleAPICalled"):
            self.assertEqual(self.lent.event(method, {}, "S"), [])
        self.assertEqual(self.lent.event("Page.screencastFrame", {}, "ANOTHER"), [])
        history = {"currentIndex": 1, "entries": [{"url": "before"}, {"url": "now"}]}
        only = self.lent.answer("Page.getNavigationHistory", "S", history)
        self.assertEqual(only, {"currentIndex": 0, "entries": [{"url": "now"}]})

    @unittest.skipUnless(ATTACKS.exists(), "the list of attacks is not beside this folder")
    def test_the_list_of_attacks(self):
        cases = json.loads(ATTACKS.read_text("utf-8"))
        self.assertGreater(len(cases["refused"]), 20)
        for is_right, kind in ((False, "refused"), (True, "allowed")):
            for case in cases[kind]:
                lent = RelayFilter("PAGE", "bot", "follow")
                lent.answer("Target.attachToTarget", None, {"sessionId": "PAGE-SESSION"})
                lent.answer("Page.createIsolatedWorld", "PAGE-SESSION", {"executionContextId": 7})
                for target_id, more in (("PAGE", {}), ("OTHER", {}), ("WINDOW", {"openerId": "PAGE"})):
                    info = {"targetId": target_id, "type": "page", "title": "", "url": "", **more}
                    lent.event("Target.targetCreated", {"targetInfo": info}, None)
                session = case.get("in", "PAGE-SESSION" if case.get("session") else None)
                with self.subTest(f"{case['method']} {case['params']}"):
                    self.assertEqual(lent.is_allowed(case["method"], case["params"], session), is_right)
