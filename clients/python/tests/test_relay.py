"""A relay between a stand-in of a browser and one of a server, over real sockets."""

import asyncio
import base64
import contextlib
import http.server
import io
import json
import threading
import time
import unittest

from captcha_remote import AsyncClient, CaptchaRemoteError, Client
from captcha_remote.__main__ import main
from captcha_remote._relay_line import FrameReader, frames_of

try:
    import websockets
except ImportError:
    websockets = None

WAIT = 60
JPEG = b"\xff\xd8 a picture"


class Stage:
    """Both stand-ins, in one loop of a thread of their own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.changed = threading.Condition()
        # Of the browser.
        self.commands = []
        self.targets = [{"targetId": "PAGE", "type": "page", "url": "https://shop.example/login?x=1"}]
        self.browser_socket = None
        self.answers = {}
        # Of the server.
        self.openings, self.headers, self.bodies = [], [], []
        self.keys = []
        self.server_socket = None
        self.refuse_with = []
        self.sent, self.received = 0, 0
        self.is_acknowledging = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.started = threading.Event()
        self.thread.start()
        self.started.wait(WAIT)

    def run(self):
        asyncio.set_event_loop(self.loop)

        async def begin():
            browser = await websockets.serve(self.browse, "127.0.0.1", 0, max_size=None)
            server = await websockets.serve(self.serve, "127.0.0.1", 0, max_size=None)
            return browser, server

        self.listening = self.loop.run_until_complete(begin())
        self.browser_port, self.server_port = (one.sockets[0].getsockname()[1] for one in self.listening)
        self.started.set()
        self.loop.run_forever()

    def stop(self):
        async def end():
            for one in self.listening:
                one.close()
                await one.wait_closed()

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(WAIT)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT)
        self.loop.close()

    def until(self, holds):
        end = time.monotonic() + WAIT
        with self.changed:
            while not holds():
                if time.monotonic() > end:
                    raise AssertionError(f"It never held: {self.commands[-5:]} {self.headers[-5:]} {self.openings}")
                # What is not noted here, such as the relay's own state, changes without a word.
                self.changed.wait(0.05)

    def note(self, work):
        with self.changed:
            work()
            self.changed.notify_all()

    # The browser.

    async def browse(self, socket):
        self.browser_socket = socket
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in socket:
                message = json.loads(text)
                self.note(lambda: self.commands.append(message))
                answers = {
                    "Target.getTargets": {"targetInfos": self.targets},
                    "Target.attachToTarget": {"sessionId": "S1"},
                    "Page.captureScreenshot": {"data": base64.b64encode(JPEG).decode()},
                    "Page.createIsolatedWorld": {"executionContextId": 7},
                    "Runtime.evaluate": {"result": {"type": "number", "value": 2}},
                    **self.answers,
                }
                of = {"sessionId": message["sessionId"]} if "sessionId" in message else {}
                await socket.send(json.dumps({"id": message["id"], **of, "result": answers.get(message["method"], {})}))

    def emit(self, method, params, session=None):
        message = {"method": method, "params": params, **({} if session is None else {"sessionId": session})}
        asyncio.run_coroutine_threadsafe(self.browser_socket.send(json.dumps(message)), self.loop).result(WAIT)

    def asked(self, method):
        return [message for message in self.commands if message["method"] == method]

    # The server.

    async def serve(self, socket):
        headers = getattr(socket, "request_headers", None) or socket.request.headers
        opening = json.loads(await socket.recv())
        self.note(lambda: (self.openings.append(opening), self.keys.append(headers.get("authorization"))))
        if self.refuse_with:
            code, close = self.refuse_with.pop(0)
            await socket.send(json.dumps({"type": "error", "code": code, "message": "Refused.", "details": None}))
            await socket.close(close)
            return
        if opening["type"] == "hello":
            self.sent, self.received, self.kept = 0, 0, []
        number = sum(one["type"] == "hello" for one in self.openings)
        welcome = {
            "type": "welcome",
            "relay": f"relay-{number}",
            "secret": "secret",
            "received": self.received,
            "max_frame_bytes": 64,
            "reconnect_seconds": 30,
        }
        # Before the bot hears that it is welcome: a test goes on then.
        self.note(lambda: setattr(self, "server_socket", socket))
        await socket.send(json.dumps(welcome))
        reader = FrameReader()
        with contextlib.suppress(websockets.ConnectionClosed):
            async for frame in socket:
                read = reader.read(frame)
                if read is None:
                    continue
                header, body = read
                if "seq" in header:
                    assert header["seq"] == self.received + 1, (header, self.received)
                    self.received = header["seq"]
                self.note(lambda: (self.headers.append(header), self.bodies.append(body)))
                if self.is_acknowledging and header["type"] != "ack":
                    pictures = {"pictures": header["picture"]} if header["type"] == "picture" else {}
                    await self.send({"type": "ack", "ack": self.received, **pictures})

    async def send(self, header):
        for frame in frames_of(json.dumps(header), b"", 64):
            await self.server_socket.send(frame)

    def post(self, header):
        self.sent += 1
        sending = self.send({**header, "seq": self.sent, "ack": self.received})
        asyncio.run_coroutine_threadsafe(sending, self.loop).result(WAIT)

    def ask(self, number, method, params=None, session=None):
        """The answer of the bot to a command of the server's, and its body."""
        of = {} if session is None else {"sessionId": session}
        self.post({"type": "cdp", "message": {"id": number, "method": method, "params": params or {}, **of}})

        def found():
            return [
                (header["message"], body)
                for header, body in zip(self.headers, self.bodies)
                if header["type"] == "cdp" and header["message"].get("id") == number
            ]

        self.until(found)
        return found()[-1]

    def break_line(self):
        self.loop.call_soon_threadsafe(self.server_socket.transport.abort)

    def close_line(self, code):
        asyncio.run_coroutine_threadsafe(self.server_socket.close(code), self.loop).result(WAIT)

    def events(self):
        return [header["message"] for header in self.headers if header["type"] == "cdp" and "method" in header["message"]]


@unittest.skipIf(websockets is None, "the package websockets is not there")
class RelayTest(unittest.TestCase):
    def setUp(self):
        self.stage = Stage()
        self.addCleanup(self.stage.stop)
        self.client = Client(f"http://127.0.0.1:{self.stage.server_port}", "k1")

    def lend(self, **given):
        relay = self.client.relay(f"ws://127.0.0.1:{self.stage.browser_port}/devtools/browser/x", **given)
        self.addCleanup(relay.close)
        return relay

    def test_a_page_is_lent_and_the_server_does_what_it_may(self):
        stage = self.stage
        relay = self.lend(dialogs="operator")
        self.assertEqual((relay.id, relay.is_up, stage.keys), ("relay-1", True, ["Bearer k1"]))
        hello = stage.openings[0]
        self.assertEqual(
            (hello["type"], hello["version"], hello["target_id"], hello["dialogs"], hello["windows"], hello["crop"]),
            ("hello", 1, "PAGE", "operator", "follow", None),
        )
        attached, _ = stage.ask(1, "Target.attachToTarget", {"targetId": "PAGE", "flatten": True})
        self.assertEqual(attached, {"id": 1, "result": {"sessionId": "S1"}})
        stage.ask(2, "Page.createIsolatedWorld", {"frameId": "F", "worldName": "captcha-remote"}, "S1")
        evaluated, _ = stage.ask(3, "Runtime.evaluate", {"expression": "1 + 1", "contextId": 7}, "S1")
        self.assertEqual(evaluated["result"]["result"]["value"], 2)
        picture, body = stage.ask(4, "Page.captureScreenshot", {"format": "jpeg", "quality": 50}, "S1")
        self.assertEqual((picture["result"]["data"], body), ("", JPEG))
        for number, (method, params, session) in enumerate(
            [
                ("Network.getCookies", {"urls": ["https://bank.example/"]}, "S1"),
                ("Storage.getCookies", {}, None),
                ("Page.navigate", {"url": "https://a.example/"}, "S1"),
                ("Network.getCookies", {}, "ANOTHER"),
                ("Relay.setCrop", {"clip": None}, "S1"),
            ],
            start=10,
        ):
            refused, _ = stage.ask(number, method, params, session)
            self.assertEqual(refused["error"], {"code": -32000, "message": "not allowed by the relay"})
        self.assertEqual(stage.asked("Network.getCookies") + stage.asked("Page.navigate"), [])

    def test_the_newest_picture_wins_and_the_browser_never_waits(self):
        stage = self.stage
        self.lend()
        stage.ask(1, "Target.attachToTarget", {"targetId": "PAGE", "flatten": True})
        stage.is_acknowledging = False
        for number in range(12):
            data = base64.b64encode(bytes([number]) * 100).decode()
            stage.emit("Page.screencastFrame", {"data": data, "sessionId": number, "metadata": {}}, "S1")
        stage.until(lambda: len(stage.asked("Page.screencastFrameAck")) == 12)

        def pictures():
            return [body[0] for header, body in zip(stage.headers, stage.bodies) if header["type"] == "picture"]

        stage.until(lambda: len(pictures()) == 4)
        self.assertEqual(pictures(), [0, 1, 2, 3])
        stage.post({"type": "ack", "pictures": 4})
        stage.until(lambda: len(pictures()) == 5)
        self.assertEqual(pictures()[-1], 11)
        # The goodbye waits for it.
        stage.is_acknowledging = True

    def as_found(self, **others):
        """A page that sees the screen and the window that there are."""
        facts = [1280, 720, 2, 1000, 700, 10, 20, 1000, 600, 0]
        bounds = {"left": 10, "top": 20, "width": 1000, "height": 700, "windowState": "normal", **others}
        self.stage.answers = {
            "Page.getFrameTree": {"frameTree": {"frame": {"id": "F"}}},
            "Runtime.evaluate": {"result": {"type": "string", "value": json.dumps(facts)}},
            "Emulation.getScreenInfos": {"screenInfos": [{"width": 1280, "height": 720, "devicePixelRatio": 2}]},
            "Browser.getWindowForTarget": {"windowId": 1, "bounds": bounds},
        }

    def test_a_page_that_nobody_emulates_is_cropped_in_two_steps_and_left_as_it_was(self):
        stage = self.stage
        self.as_found()
        with self.lend(crop=True):
            self.assertEqual(stage.openings[0]["crop"], {"density": 2, "touch": False})
            stage.ask(1, "Target.attachToTarget", {"targetId": "PAGE", "flatten": True})
            clip = {"x": 40, "y": 60, "width": 300, "height": 200, "scale": 0.5}
            cropped, _ = stage.ask(2, "Relay.setCrop", {"clip": clip}, "S1")
            self.assertEqual(cropped["result"], {})
            first, second = [one["params"] for one in stage.asked("Emulation.setDeviceMetricsOverride")]
            metrics = {"width": 1000, "height": 600, "screenWidth": 1280, "screenHeight": 720, "deviceScaleFactor": 2}
            self.assertEqual(first, {**metrics, "positionX": 10, "positionY": 20, "mobile": False})
            self.assertEqual(second, {**first, "viewport": {**clip, "x": 80, "y": 120}})
            still, body = stage.ask(3, "Relay.capture", {"clip": clip, "quality": 80}, "S1")
            self.assertEqual((still["result"], body), ({"data": ""}, JPEG))
            refused, _ = stage.ask(4, "Relay.setCrop", {"clip": {**clip, "more": 1}}, "S1")
            self.assertIn("error", refused)
        self.assertEqual(len(stage.asked("Emulation.clearDeviceMetricsOverride")), 1)

    def test_a_page_that_the_bot_emulates_is_never_cropped(self):
        self.as_found(width=800)
        self.lend(crop=True)
        self.assertIsNone(self.stage.openings[0]["crop"])
        self.stage.ask(1, "Target.attachToTarget", {"targetId": "PAGE", "flatten": True})
        refused, _ = self.stage.ask(2, "Relay.setCrop", {"clip": None}, "S1")
        self.assertEqual(refused["error"]["message"], "not allowed by the relay")

    def test_a_broken_line_comes_back_and_nothing_is_lost_or_repeated(self):
        stage, lines = self.stage, []
        relay = self.lend(on_line=lines.append)
        stage.ask(1, "Target.attachToTarget", {"targetId": "PAGE", "flatten": True})
        for number in range(30):
            if number in (5, 15):
                stage.break_line()
            stage.emit("Network.loadingFinished", {"requestId": str(number), "encodedDataLength": 7}, "S1")
        stage.until(lambda: len(stage.events()) == 30)
        self.assertEqual([event["params"] for event in stage.events()], [{"requestId": str(n)} for n in range(30)])
        resumed = [opening for opening in stage.openings if opening["type"] == "resume"]
        self.assertGreaterEqual(len(resumed), 1)
        self.assertEqual((resumed[0]["relay"], resumed[0]["secret"], resumed[0]["received"]), ("relay-1", "secret", 1))
        self.assertEqual((relay.id, lines[:3]), ("relay-1", [True, False, True]))
        again, _ = stage.ask(2, "Network.getCookies", {}, "S1")
        self.assertIn("result", again)

    def test_a_server_that_has_forgotten_it_gets_it_anew_and_the_page_is_let_go_of(self):
        stage = self.stage
        relay = self.lend()
        stage.ask(1, "Target.attachToTarget", {"targetId": "PAGE", "flatten": True})
        stage.refuse_with.append(("relay_not_found", 4404))
        stage.break_line()
        stage.until(lambda: len(stage.openings) == 3 and relay.id == "relay-2")
        self.assertEqual([opening["type"] for opening in stage.openings], ["hello", "resume", "hello"])
        former = {"relay": "relay-1", "secret": "secret"}
        self.assertEqual([opening.get("again") for opening in stage.openings], [None, None, former])
        stage.until(lambda: stage.asked("Target.detachFromTarget"))
        self.assertEqual(stage.asked("Target.detachFromTarget")[0]["params"], {"sessionId": "S1"})

    def test_a_reset_lets_go_of_the_page_and_the_relay_goes_on(self):
        stage = self.stage
        self.lend()
        stage.ask(1, "Target.attachToTarget", {"targetId": "PAGE", "flatten": True})
        stage.post({"type": "reset"})
        stage.until(lambda: stage.asked("Target.detachFromTarget"))
        stage.ask(1, "Target.attachToTarget", {"targetId": "PAGE", "flatten": True})
        stage.until(lambda: stage.headers[-1].get("epoch") == 1)

    def test_a_refusal_for_good_ends_it_with_its_code(self):
        relay = self.lend()
        self.stage.close_line(4403)
        with self.assertRaises(CaptchaRemoteError) as caught:
            relay.wait(WAIT)
        self.assertEqual(caught.exception.code, "forbidden")
        self.assertFalse(relay.is_up)
        self.stage.refuse_with.append(("capacity", 1013))
        with self.assertRaises(CaptchaRemoteError) as caught:
            self.lend()
        self.assertEqual(caught.exception.code, "capacity")

    def test_the_end_of_the_page_is_told_and_ends_it(self):
        relay = self.lend()
        self.stage.emit("Target.targetDestroyed", {"targetId": "ANOTHER"})
        self.stage.emit("Target.targetDestroyed", {"targetId": "PAGE"})
        self.assertTrue(relay.wait(WAIT))
        self.assertEqual(relay.gone, "page_closed")
        self.assertEqual([header["reason"] for header in self.stage.headers if header["type"] == "gone"], ["page_closed"])

    def test_the_end_of_the_browser_is_told_and_ends_it(self):
        relay = self.lend()
        self.stage.loop.call_soon_threadsafe(self.stage.browser_socket.transport.abort)
        self.assertTrue(relay.wait(WAIT))
        self.assertEqual(relay.gone, "browser_lost")

    def test_close_takes_the_page_back(self):
        stage = self.stage
        with self.lend() as relay:
            stage.ask(1, "Target.attachToTarget", {"targetId": "PAGE", "flatten": True})
        self.assertTrue(relay.wait(0))
        self.assertIsNone(relay.gone)
        self.assertEqual(stage.headers[-1]["type"], "gone")
        self.assertEqual(stage.asked("Target.detachFromTarget")[0]["params"], {"sessionId": "S1"})
        relay.close()

    def test_in_asyncio(self):
        async def run():
            client = AsyncClient(f"http://127.0.0.1:{self.stage.server_port}", "k1")
            address = f"ws://127.0.0.1:{self.stage.browser_port}/devtools/browser/x"
            async with await client.relay(address) as relay:
                return relay.id, relay.is_up

        self.assertEqual(asyncio.run(run()), ("relay-1", True))

    def test_the_page_is_found_or_the_error_says_which_there_are(self):
        self.stage.targets += [
            {"targetId": "TWO", "type": "page", "url": "https://shop.example/cart"},
            {"targetId": "OWN", "type": "page", "url": "chrome://newtab/"},
            {"targetId": "WORKER", "type": "service_worker", "url": "https://shop.example/login"},
        ]
        for number, given in enumerate(({"url_contains": "/login"}, {"target_id": "TWO"}), start=1):
            with self.lend(**given) as relay:
                self.assertEqual(relay.id, f"relay-{number}")
        self.assertEqual([opening["target_id"] for opening in self.stage.openings], ["PAGE", "TWO"])
        for given, code, urls in [
            ({}, "target_ambiguous", ["https://shop.example/login", "https://shop.example/cart"]),
            ({"url_contains": "bank"}, "target_not_found", ["https://shop.example/login", "https://shop.example/cart"]),
        ]:
            with self.assertRaises(CaptchaRemoteError) as caught:
                self.lend(**given)
            self.assertEqual(caught.exception.code, code)
            self.assertEqual([one["url"] for one in caught.exception.details["candidates"]], urls)

    def test_what_cannot_be_reached_is_told_apart(self):
        port = self.stage.browser_port
        with self.assertRaises(CaptchaRemoteError) as caught:
            self.client.relay("ws://127.0.0.1:9/devtools/browser/x")
        self.assertEqual(caught.exception.code, "cdp_unreachable")
        with self.assertRaises(CaptchaRemoteError) as caught:
            Client("http://127.0.0.1:9", "k1").relay(f"ws://127.0.0.1:{port}/devtools/browser/x")
        self.assertEqual(caught.exception.code, "server_unreachable")
        for address, cdp in (("http://captcha.example", port), ("http://127.0.0.1", "0"), ("http://127.0.0.1", "file:///")):
            with self.assertRaises(ValueError):
                Client(address, "k1").relay(cdp)

    def test_a_browser_that_knows_itself_by_another_name_is_dialled_by_the_one_that_was_given(self):
        port = self.stage.browser_port

        class Version(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps({"webSocketDebuggerUrl": "ws://elsewhere.example:1/devtools/browser/x"}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body if self.path == "/json/version?token=t" else b"{}")

            def log_message(self, *_):
                pass

        from captcha_remote.relay import _socket_of

        server = http.server.HTTPServer(("127.0.0.1", 0), Version)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            named = _socket_of(f"http://localhost:{server.server_port}?token=t")
            self.assertEqual(named, f"ws://localhost:{server.server_port}/devtools/browser/x?token=t")
        finally:
            server.shutdown()
            server.server_close()
        self.assertNotEqual(port, server.server_port)

    def test_the_command_says_in_words_what_is_in_the_way(self):
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            code = main(["relay", "--server", "http://captcha.example", "--cdp", "9222"])
        self.assertEqual(code, 1)
        self.assertIn("use https", errors.getvalue())
        with contextlib.redirect_stderr(errors):
            code = main(["relay", "--server", f"http://127.0.0.1:{self.stage.server_port}", "--cdp", "9"])
        self.assertEqual(code, 1)
        self.assertIn("cdp_unreachable: No browser answers at 127.0.0.1:9.", errors.getvalue())
