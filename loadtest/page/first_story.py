"""Plays the first story on the sandbox's chat page in Chromium, at desktop and phone width.

/start, a model, a prompt, the picture: by clicks and keys, as a person would. Any console error, page error or failed
request fails the check. Run by `make check-page`; writes screenshots to docs/images with --screenshots.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

from playwright.sync_api import expect, sync_playwright

PROMPT = "космический корабль в стиле киберпанк"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


def play(browser, url, name, size, person, screenshots):
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        has_touch=name == "phone",
        is_mobile=name == "phone",
        locale="ru-RU",
    )
    page = context.new_page()
    problems = []
    page.on("console", lambda message: message.type == "error" and problems.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"page: {error}"))
    page.on("requestfailed", lambda request: failed(request))

    def failed(request):
        # The page's long poll is cut when the page is left.
        if "/changes" not in request.url:
            problems.append(f"request: {request.url} {request.failure}")

    def shot(step):
        if screenshots:
            # Images fade in; a picture of a half-shown one would be no use.
            page.wait_for_timeout(600)
            page.screenshot(path=f"{screenshots}/chat-{name}-{step}.png")

    def press(label):
        button = page.get_by_role("button", name=label).last
        button.scroll_into_view_if_needed()
        button.click()

    # Somebody whom neither Telegram nor the bot has ever seen.
    guest = {"user": person, "first_name": "Вера", "block": False}
    assert context.request.post(f"{url}/sandbox/updates", data=guest).ok
    begun = time.monotonic()
    page.goto(f"{url}/?user={person}&name=Вера")
    press("Запустить")
    expect(page.get_by_text("Привет!").last).to_be_visible(timeout=10_000)
    shot("1-welcome")
    press("Картинка")
    expect(page.get_by_role("button", name="Z-Image").last).to_be_visible(timeout=10_000)
    shot("2-models")
    press("Z-Image")
    press("Начать")
    expect(page.get_by_text("Напишите").last).to_be_visible(timeout=10_000)
    page.get_by_role("textbox").fill(PROMPT)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Сгенерировать").last).to_be_visible(timeout=10_000)
    shot("3-composer")
    press("Сгенерировать")
    picture = page.locator("main img").last
    expect(picture).to_be_visible(timeout=15_000)
    page.wait_for_function(
        "() => [...document.querySelectorAll('main img')].some(i => i.complete && i.naturalWidth >= 512)", timeout=15_000
    )
    seconds = time.monotonic() - begun
    shot("4-picture")
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > size[0]:
        problems.append(f"the page is {width} px wide on a screen of {size[0]}")
    context.close()
    print(f"{name:8} {size[0]}x{size[1]}: the picture came after {seconds:.1f} s, {len(problems)} problems")
    for problem in problems:
        print(f"         {problem}")
    return not problems


@contextmanager
def system(arguments):
    """Gives the address of a chat page: the one that was named, or that of a system of our own."""
    if not arguments.atelier:
        yield arguments.url
        return
    with tempfile.TemporaryDirectory(prefix="atelier-page-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL may run as another user.
        process = subprocess.Popen(
            [arguments.atelier, "up"], env={**os.environ, "ATELIER_DATA": folder}, stdout=subprocess.PIPE, text=True
        )
        try:
            for line in process.stdout:
                if "is ready" in line:
                    break
            else:
                sys.exit("the system did not start")
            with open(f"{folder}/run.json") as file:
                yield f"http://127.0.0.1:{json.load(file)['ports']['sandbox']}"
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            process.wait(timeout=30)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the chat page of a system that runs")
    parser.add_argument("--atelier", help="the executable: starts a system of its own and stops it afterwards")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--screenshots", help="folder for pictures of each step")
    arguments = parser.parse_args()
    with system(arguments) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        people = int(time.time()) % 1_000_000 + 5_000_000
        results = [
            play(browser, url, name, size, people + index, arguments.screenshots)
            for index, (name, size) in enumerate(SIZES.items())
        ]
        browser.close()
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
