"""A Python bot: a Chromium with a debugging port, a page in it, a person, the page again.

Install the client, which needs nothing but Python: pip install ./clients/python
Start the browser first: chromium --headless --remote-debugging-port=9222
"""
import json
import os
import sys
import urllib.parse
import urllib.request

from captcha_remote import Client

DEFAULTS = ["http://127.0.0.1:3001/jigsaw.html", "http://127.0.0.1:3000", "http://127.0.0.1:9222"]
URL, SERVER, BROWSER = [*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :]]


def devtools(path, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(BROWSER + path, method=method), timeout=60) as response:
        return json.load(response)


page = devtools(f"/json/new?{urllib.parse.quote(URL, safe='')}", method="PUT")

client = Client(SERVER, os.environ.get("CAPTCHA_REMOTE_KEY"))
result = client.solve(
    {"cdp": {"endpoint": BROWSER, "target_id": page["id"]}, "label": "python bot"},
    on_link=lambda link, session: print(f"Please clear it: {link}", flush=True),
)

title = next(tab["title"] for tab in devtools("/json/list") if tab["id"] == page["id"])
print(f"{result['outcome']}, and back to work on \"{title}\"")
