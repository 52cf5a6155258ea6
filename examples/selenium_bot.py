"""A Selenium 4 bot: it drives a Chromium of its own, hands its page to a person, and goes on in it.

Install both clients: pip install selenium ./clients/python (on Debian: apt-get install python3-selenium chromium-driver)
CHROMIUM_PATH and CHROMEDRIVER_PATH name a browser and a driver that Selenium would not find by itself.
"""
import os
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from captcha_remote import Client

DEFAULTS = ["http://127.0.0.1:3001/jigsaw.html", "http://127.0.0.1:3000"]
URL, SERVER = [*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :]]

options = webdriver.ChromeOptions()
options.add_argument("--headless")
# Else Selenium closes the dialogs of the page, which the person may want to read.
options.unhandled_prompt_behavior = "ignore"
if os.environ.get("CHROMIUM_PATH"):
    options.binary_location = os.environ["CHROMIUM_PATH"]
if hasattr(os, "geteuid") and os.geteuid() == 0:
    # As root Chromium refuses to start with its sandbox.
    options.add_argument("--no-sandbox")

driver_path = os.environ.get("CHROMEDRIVER_PATH")
driver = webdriver.Chrome(options=options, service=Service(driver_path) if driver_path else Service())
try:
    driver.get(URL)
    # The driver has opened the browser's debugging port: nothing needs to be switched on for the person.
    endpoint = f"http://{driver.capabilities['goog:chromeOptions']['debuggerAddress']}"
    target_id = driver.execute_cdp_cmd("Target.getTargetInfo", {})["targetInfo"]["targetId"]

    client = Client(SERVER, os.environ.get("CAPTCHA_REMOTE_KEY"))
    result = client.solve(
        {"cdp": {"endpoint": endpoint, "target_id": target_id}, "label": "selenium bot"},
        on_link=lambda link, session: print(f"Please clear it: {link}", flush=True),
    )
    print(f"{result['outcome']}, and back to work on \"{driver.title}\"")
finally:
    driver.quit()
