"""Takes the picture of the report in README: the example's page at a moment of surprise.

Needs Chromium (Debian and Ubuntu: apt-get install chromium) and Playwright (pip install playwright).

fer-batch analyze examples/WolfgangLanger_Pexels.mp4
fer-batch report fer-output --thumbnails
python examples/report_picture.py fer-output/report examples/pictures/report.jpg
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

TIME_S = 8.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="folder that fer-batch report wrote")
    parser.add_argument("picture", type=Path, help="PNG or JPEG to write")
    parser.add_argument("--recording", default="WolfgangLanger_Pexels.mp4", help="id of the recording")
    parser.add_argument("--time", type=float, default=TIME_S, help=f"seconds to go to ({TIME_S})")
    parser.add_argument("--dark", action="store_true", help="in the dark theme")
    arguments = parser.parse_args()

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("There is no Chromium; on Debian and Ubuntu: apt-get install chromium.")
    page_path = (arguments.report / "recordings" / f"{arguments.recording}.html").absolute()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 1280, "height": 1070}, color_scheme="dark" if arguments.dark else "light"
        )
        page.goto(page_path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        page.wait_for_selector("#stage:not([data-source=none])")
        page.locator("#seek").evaluate(
            "(slider, time) => { slider.value = time; slider.dispatchEvent(new Event('input')); }", arguments.time
        )
        page.wait_for_timeout(1000)
        compressed = {"quality": 85} if arguments.picture.suffix in {".jpg", ".jpeg"} else {}
        page.screenshot(path=arguments.picture, **compressed)
        browser.close()
    print(arguments.picture)


if __name__ == "__main__":
    main()
