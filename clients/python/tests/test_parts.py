"""The parts of the clients that no case of the shared list shows: aborts, server-sent events, addresses, errors."""

import pickle
import threading
import time
import unittest
from unittest import mock

from captcha_remote import Abort, Aborted, AsyncClient, CaptchaRemoteError, Client
from captcha_remote._abort import Background, delay, limited
from captcha_remote._core import backoff
from captcha_remote._errors import error_of
from captcha_remote._feed import RULES, wait_before
from captcha_remote._http import _proxy_for, api_at
from captcha_remote._sse import MOST_BYTES, SseParser


class AbortTest(unittest.TestCase):
    def test_the_first_reason_counts(self):
        abort = Abort()
        first = KeyError("first")
        self.assertFalse(abort.aborted)
        abort.abort(first)
        abort.abort(KeyError("second"))
        with self.assertRaises(KeyError) as caught:
            abort.throw_if_aborted()
        self.assertIs(caught.exception, first)

    def test_a_wait_ends_with_an_abort_from_another_thread(self):
        abort = Abort()
        waiting = Background(lambda: delay(600, abort))
        abort.abort()
        self.assertTrue(waiting.wait(60))
        self.assertIsInstance(waiting.error, Aborted)

    def test_one_with_a_time_aborts_by_itself(self):
        with self.assertRaises(Aborted):
            delay(600, Abort(after=0.02))

    def test_a_limit_ends_with_its_parent_with_its_parents_time_or_with_its_own(self):
        parent, reason, late = Abort(), KeyError("parent"), KeyError("late")
        with limited(parent, 600, late) as child:
            parent.abort(reason)
            with self.assertRaises(KeyError) as caught:
                delay(600, child)
            self.assertIs(caught.exception, reason)
        for own, seconds in ((None, 0.02), (Abort(after=600), 0.02), (Abort(after=0.02, reason=late), 600)):
            with limited(own, seconds, late) as child:
                with self.assertRaises(KeyError) as caught:
                    delay(600, child)
                self.assertIs(caught.exception, late)

    def test_a_limit_that_is_over_leaves_nothing_with_its_parent(self):
        parent = Abort()
        with limited(parent, 600, KeyError()):
            self.assertEqual(len(parent._callbacks), 1)
        self.assertEqual(parent._callbacks, {})

    def test_work_in_the_background_gives_its_value_or_its_error(self):
        done = threading.Event()
        work = Background(lambda: 7, done.set)
        self.assertTrue(done.wait(60))
        self.assertEqual(work.value(), 7)
        failing = Background(lambda: {}["missing"])
        self.assertTrue(failing.wait(60))
        with self.assertRaises(KeyError):
            failing.value()
        self.assertFalse(Background(lambda: time.sleep(0.2)).wait(0.01))


class SseTest(unittest.TestCase):
    def blocks(self, *chunks):
        parser = SseParser()
        return [block for chunk in chunks for block in parser.feed(chunk)]

    def test_blocks_come_whole_however_they_are_cut(self):
        text = 'retry: 1000\n\nid: 7\n\n:\n\nid: 8\r\nevent: session.state\r\ndata: {"a":\r\ndata: "é"}\r\n\r\nid: 9\ndata:x\n\nid: 10\ndata: y'
        expected = [("7", "message", None), ("8", "session.state", '{"a":\n"é"}'), ("9", "message", "x")]
        data = text.encode()
        self.assertEqual([tuple(block) for block in self.blocks(data)], expected)
        self.assertEqual([tuple(block) for block in self.blocks(*(bytes([byte]) for byte in data))], expected)

    def test_an_event_without_an_end_is_refused(self):
        with self.assertRaises(ValueError):
            self.blocks(b"data: " + b"x" * (MOST_BYTES + 1))
        with self.assertRaises(ValueError):
            self.blocks(*([b"data: " + b"x" * 1000 + b"\n"] * (MOST_BYTES // 1000 + 1)))


class AddressTest(unittest.TestCase):
    def test_the_address_of_the_api(self):
        for given, api in {
            "http://127.0.0.1:3000": "http://127.0.0.1:3000/api/captcha",
            "http://Captcha.example/": "http://captcha.example/api/captcha",
            "https://a.example/tools/": "https://a.example/tools/api/captcha",
            "https://a.example/tools/api/captcha?x=1#y": "https://a.example/tools/api/captcha",
            "http://[::1]:3000": "http://[::1]:3000/api/captcha",
            "https://ada:secret@a.example": "https://a.example/api/captcha",
        }.items():
            address = api_at(given)
            self.assertEqual(address.origin + address.path, api)

    def test_what_is_no_address_or_no_key_is_refused_and_not_repeated(self):
        for client in (Client, AsyncClient):
            for address in ("no address", "ftp://secret@a.example/", "http://", ""):
                with self.assertRaises(ValueError) as caught:
                    client(address)
                self.assertNotIn("secret", str(caught.exception))
            for key in ("crk_secret\r\nx-evil: 1", "crk_secret key", "crk_sécret"):
                with self.assertRaises(ValueError) as caught:
                    client("http://127.0.0.1", key)
                self.assertNotIn("cr", str(caught.exception).replace("secret of", ""))
            self.assertNotIn("crk_secret", repr(client("http://127.0.0.1", "crk_secret")))

    def test_a_proxy_of_the_environment_is_used_but_never_for_this_machine(self):
        env = {"https_proxy": "http://ada:p%40ss@proxy.example:3128", "no_proxy": "inside.example"}
        with mock.patch.dict("os.environ", env, clear=True):
            proxy = _proxy_for("https", "captcha.example")
            self.assertEqual((proxy.host, proxy.port), ("proxy.example", 3128))
            self.assertEqual(proxy.headers, {"proxy-authorization": "Basic YWRhOnBAc3M="})
            self.assertIsNone(_proxy_for("http", "captcha.example"))
            for host in ("inside.example", "localhost", "127.0.0.1", "::1"):
                self.assertIsNone(_proxy_for("https", host))


class ErrorTest(unittest.TestCase):
    def test_an_error_can_be_sent_to_another_process(self):
        error = error_of(503, "2", '{"error":{"code":"capacity","message":"Full.","details":{"max":20}}}')
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual(
            (again.code, str(again), again.status, again.details, again.retry_after),
            ("capacity", "Full.", 503, {"max": 20}, 2.0),
        )

    def test_odd_numbers_and_bodies_are_none(self):
        for header in ("nan", "inf", "soon", "", None):
            self.assertIsNone(error_of(503, header, "").retry_after)
        self.assertEqual(error_of(503, "-1", "[]").retry_after, 0)
        for body in ("[]", "null", '{"error":null}', '{"error":{"code":7}}', "{"):
            self.assertEqual(error_of(500, None, body).code, "server_unreachable")

    def test_pauses_grow_are_random_in_the_upper_half_and_never_shorter_than_asked(self):
        for attempt, grown in ((1, 0.5), (2, 1.0), (5, 8.0), (6, 10.0), (2000, 10.0)):
            pauses = [backoff(attempt) for _ in range(50)]
            self.assertTrue(all(grown / 2 <= pause <= grown for pause in pauses))
            self.assertGreater(len(set(pauses)), 1)
        self.assertTrue(all(30 <= backoff(1, 30) <= 37.5 for _ in range(50)))
        for name, rule in RULES.items():
            least = 0 if rule.at_once else rule.first
            for attempt in (1, 2, 3, 50):
                self.assertTrue(least <= wait_before(rule, attempt) <= rule.longest, name)
