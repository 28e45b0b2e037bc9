"""Takes the picture of the web page in README: the example analysed and played, at a moment of surprise.

Needs Chromium (Debian and Ubuntu: apt-get install chromium) and Playwright (pip install playwright).

fer-batch app --no-browser &
python examples/app_picture.py examples/pictures/app.jpg
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

CLIP = Path(__file__).with_name("WolfgangLanger_Pexels.mp4")
TIME_S = 8.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="PNG or JPEG to write")
    parser.add_argument("--page", default="http://127.0.0.1:8501", help="address of the page")
    parser.add_argument("--time", type=float, default=TIME_S, help=f"seconds to go to ({TIME_S})")
    parser.add_argument("--dark", action="store_true", help="in the dark theme")
    arguments = parser.parse_args()

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("There is no Chromium; on Debian and Ubuntu: apt-get install chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 1280, "height": 1235}, color_scheme="dark" if arguments.dark else "light"
        )
        page.goto(f"{arguments.page}/video")
        page.locator("input[type=file]").set_input_files(CLIP)
        page.get_by_role("button", name="Analyse").click()
        view = page.frame_locator("iframe[title*=played]")
        view.locator("#stage[data-source=recording]").wait_for(timeout=120_000)
        view.locator("#seek").evaluate(
            "(slider, time) => { slider.value = time; slider.dispatchEvent(new Event('input')); }", arguments.time
        )
        page.wait_for_timeout(1500)
        compressed = {"quality": 80} if arguments.picture.suffix in {".jpg", ".jpeg"} else {}
        page.screenshot(path=arguments.picture, **compressed)
        browser.close()
    print(arguments.picture)


if __name__ == "__main__":
    main()
