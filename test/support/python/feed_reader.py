"""
Reads an events feed with both Python clients: python3 feed_reader.py BASE_URL AFTER TOPIC..., with the key in
CAPTCHA_REMOTE_KEY and AFTER empty for "from now on". Prints a line of JSON for all that happens; ends with its input.
"""

import asyncio
import json
import os
import sys
import threading

from captcha_remote import AsyncClient, CaptchaRemoteError, Client

BASE_URL, AFTER, *TOPICS = sys.argv[1:]
KEY = os.environ["CAPTCHA_REMOTE_KEY"]
SYNC, ASYNC = "Python", "Python asyncio"


def tell(client, **what):
    # One write for a line: two threads print.
    sys.stdout.write(json.dumps({"client": client, **what}) + "\n")


def tell_event(client, feed, event):
    tell(client, id=event.id, type=event.type, position=event.position, topics=event.topics, data=event.data)
    assert feed.position == event.position


def after():
    return int(AFTER) if AFTER else None


def read():
    with Client(BASE_URL, KEY).feed(TOPICS, after=after(), on_gap=lambda at: tell(SYNC, gap=at)) as feed:
        feeds.append(feed)
        try:
            if feed.wait_until_live():
                tell(SYNC, live=feed.is_live)
            for event in feed:
                tell_event(SYNC, feed, event)
            tell(SYNC, closed=feed.position)
        except CaptchaRemoteError as error:
            tell(SYNC, error=error.code, details=error.details)


async def read_later():
    async def on_gap(at):
        tell(ASYNC, gap=at)

    async with AsyncClient(BASE_URL, KEY).feed(TOPICS, after=after(), on_gap=on_gap) as feed:
        feeds.append(feed)
        try:
            await feed.wait_until_live()
            if feed.is_live:
                tell(ASYNC, live=True)
            async for event in feed:
                tell_event(ASYNC, feed, event)
            tell(ASYNC, closed=feed.position)
        except CaptchaRemoteError as error:
            tell(ASYNC, error=error.code, details=error.details)


def close_with_input():
    sys.stdin.read()
    for feed in feeds:
        feed.close()


feeds = []
threading.Thread(target=close_with_input, daemon=True).start()
reading = threading.Thread(target=read)
reading.start()
asyncio.run(read_later())
reading.join()
