"""A Python bot on the standard library alone: a Chromium with a debugging port, a page in it, a person, the page again.

Start the browser first: chromium --headless --remote-debugging-port=9222
"""
import json
import os
import sys
import urllib.parse
import urllib.request

DEFAULTS = ["http://127.0.0.1:3001/jigsaw.html", "http://127.0.0.1:3000/api/captcha", "http://127.0.0.1:9222"]
URL, API, BROWSER = [*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :]]

KEY = {"authorization": f"Bearer {os.environ.get('CAPTCHA_REMOTE_KEY', 'none')}"}


def call(address, body=None, method=None, headers=KEY):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"content-type": "application/json", **headers}, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


page = call(f"{BROWSER}/json/new?{urllib.parse.quote(URL, safe='')}", method="PUT", headers={})

session = call(
    f"{API}/sessions",
    {"cdp": {"endpoint": BROWSER, "target_id": page["id"]}, "label": "python bot"},
)
print(f"Please clear it: {session['control_url']}", flush=True)

state = session["state"]
while state in ("starting", "waiting", "active"):
    state = call(f"{API}/status/{session['session_id']}?wait=50")["state"]
result = call(f"{API}/session/{session['session_id']}/result")

tabs = call(f"{BROWSER}/json/list", headers={})
title = next(tab["title"] for tab in tabs if tab["id"] == page["id"])
print(f"{result['outcome']}, and back to work on \"{title}\"")
