"""python -m captcha_remote relay: lends a page of a browser on this machine until it is interrupted."""

from __future__ import annotations

import argparse
import os
import sys
from typing import List, Optional

from ._errors import CaptchaRemoteError
from ._version import VERSION


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m captcha_remote", description=__doc__)
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    relay = commands.add_parser(
        "relay",
        help="lends one page of a browser to a server that cannot reach it",
        description="The key is read from CAPTCHA_REMOTE_KEY: it never stands on a command line.",
    )
    relay.add_argument(
        "--server",
        default=os.environ.get("CAPTCHA_REMOTE_URL"),
        metavar="URL",
        help="the server's address; CAPTCHA_REMOTE_URL when left out",
    )
    relay.add_argument("--cdp", required=True, metavar="PORT", help="the browser's debugging port, or its address")
    relay.add_argument("--target", metavar="ID", help="DevTools' id of the page")
    relay.add_argument("--url-contains", metavar="TEXT", help="a part of the page's address")
    relay.add_argument("--dialogs", choices=("bot", "operator"), default="bot", help="who answers its dialogs")
    relay.add_argument("--windows", choices=("follow", "leave"), default="follow", help="lend the windows that it opens")
    relay.add_argument("--crop", action="store_true", help="show the challenge alone; the bot takes no screenshots meanwhile")
    given = parser.parse_args(argv)
    if given.server is None:
        relay.error("--server: the address of the server is missing")

    from .relay import Relay

    shown = ""

    def show() -> None:
        nonlocal shown
        if lent.id != shown:
            print(lent.id, flush=True)
        shown = lent.id

    def on_line(is_up: bool) -> None:
        # A server that was restarted gives another id.
        if is_up and shown:
            show()

    try:
        with Relay(
            given.server,
            os.environ.get("CAPTCHA_REMOTE_KEY"),
            given.cdp,
            target_id=given.target,
            url_contains=given.url_contains,
            dialogs=given.dialogs,
            windows=given.windows,
            crop=given.crop,
            on_line=on_line,
        ) as lent:
            show()
            lent.wait()
            print(f"The page is gone: {lent.gone}.", file=sys.stderr)
            return 0
    except KeyboardInterrupt:
        return 130
    except (CaptchaRemoteError, ImportError, ValueError) as error:
        print(f"{getattr(error, 'code', 'relay')}: {error}", file=sys.stderr)
        for candidate in (getattr(error, "details", None) or {}).get("candidates", []):
            print(f"  {candidate['target_id']}  {candidate['url']}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
