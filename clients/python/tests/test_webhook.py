"""The check of a webhook's signature; test/contract/python-client.spec.ts checks it against the server's own."""

import base64
import hashlib
import hmac
import json
import unittest

from captcha_remote import WebhookError, verify_webhook

SECRET = "whsec_" + base64.b64encode(b"24 bytes, or a few more.").decode()
NOW = 1_800_000_000
BODY = json.dumps({"id": "evt_1", "type": "session.ended", "data": {"note": "你好"}}, ensure_ascii=False).encode()


def signed(body=BODY, secret=SECRET, at=NOW, message_id="evt_1"):
    key = base64.b64decode(secret.replace("whsec_", ""))
    text = f"{message_id}.{at}.".encode() + body
    signature = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return {"Webhook-Id": message_id, "webhook-timestamp": str(at), "WEBHOOK-SIGNATURE": f"v1,{signature}"}


class WebhookTest(unittest.TestCase):
    def test_what_is_signed_is_the_event_whatever_the_case_of_the_headers(self):
        event = verify_webhook(BODY, signed(), SECRET, now=NOW)
        self.assertEqual(event["data"], {"note": "你好"})
        self.assertEqual(verify_webhook(BODY.decode(), signed(), SECRET.replace("whsec_", ""), now=NOW), event)

    def test_one_signature_of_several_is_enough(self):
        other = signed(secret="whsec_" + base64.b64encode(b"x" * 24).decode())["WEBHOOK-SIGNATURE"]
        headers = signed()
        headers["WEBHOOK-SIGNATURE"] = f"v2,abc v1,%% {other} {headers['WEBHOOK-SIGNATURE']}"
        self.assertEqual(verify_webhook(BODY, headers, SECRET, now=NOW)["id"], "evt_1")

    def test_everything_else_is_refused(self):
        other = signed(secret="whsec_" + base64.b64encode(b"x" * 24).decode())
        for what, body, headers in [
            ("another body", BODY + b" ", signed()),
            ("another id", BODY, {**signed(), "Webhook-Id": "evt_2"}),
            ("another secret", BODY, other),
            ("another version", BODY, {**signed(), "WEBHOOK-SIGNATURE": signed()["WEBHOOK-SIGNATURE"].replace("v1", "v2")}),
            ("an old one", BODY, signed(at=NOW - 301)),
            ("one of the future", BODY, signed(at=NOW + 301)),
            ("no time", BODY, {**signed(), "webhook-timestamp": "soon"}),
            ("odd digits", BODY, {**signed(), "webhook-timestamp": "١٨٠٠٠٠٠٠٠٠"}),
            ("no headers", BODY, {}),
            ("no signature", BODY, {**signed(), "WEBHOOK-SIGNATURE": ""}),
            ("no JSON", b"{", signed(b"{")),
            ("no event", b"[]", signed(b"[]")),
        ]:
            with self.subTest(what):
                with self.assertRaises(WebhookError) as caught:
                    verify_webhook(body, headers, SECRET, now=NOW)
                self.assertNotIn(SECRET[6:], str(caught.exception))

    def test_a_secret_that_is_none_is_an_error_of_the_program(self):
        for secret in ("", "whsec_", "whsec_no base64"):
            with self.assertRaises(ValueError) as caught:
                verify_webhook(BODY, signed(), secret, now=NOW)
            self.assertNotIsInstance(caught.exception, WebhookError)
