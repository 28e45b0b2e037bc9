"""What a file is called, holds or says is text in the page, and a browser that shows it asks no other server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.listener import Listener
from helpers.report_samples import document, recording
from helpers.serving import Served, save, visit

from fer_batch.inference.registry import models_folder, sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytest_plugins = ["helpers.browsers"]
pytestmark = pytest.mark.browser

MARKS = "<b>b</b> [a](javascript:alert(1)) :material_home: :red[r] $m^2$ `c` :smile: *i* a->b"
"""What Markdown would make something of, in the letters that files of all systems may have."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Fails the test when anything but the test itself connects."""
    with Listener() as one:
        yield one


def nasty(listener: Listener) -> str:
    """A name that is a remote picture in Markdown, and more."""
    return f"![x](https:{listener.host}) {MARKS}".replace("/", ":").replace("<:b>", "<img src=x>")


def shows(page: Page, sentence: str) -> None:
    """Waits until it is shown as it is written, alone or within more."""
    page.get_by_text(sentence).first.wait_for(timeout=60_000)


def test_names_of_uploads_are_text(browser: Browser, served: Served, listener: Listener, clip: Path) -> None:
    name = nasty(listener)
    with visit(browser, served, "video") as page:
        for content in (b"no video\n", clip.read_bytes()):
            given = {"name": f"{name}.mp4", "mimeType": "video/mp4", "buffer": content}
            page.locator("input[type=file]").set_input_files([given])
            page.get_by_role("button", name="Analyse").click(timeout=20_000)
            if content != clip.read_bytes():
                shows(page, f"{name}.mp4: ")
                page.get_by_role("alert").filter(has_text=name).wait_for()
        shows(page, f"{name}.mp4: ")
        page.get_by_role("link", name="Timeline (Parquet)").wait_for(timeout=60_000)
        view = page.frame_locator("iframe[title*=smile]")
        view.locator("#stage[data-source=recording]").wait_for(timeout=20_000)
        assert view.locator("h1").inner_text() == f"{name}.mp4"
        assert page.get_by_test_id("stMarkdownContainer").filter(has_text="smile").count() == 0


def test_names_and_errors_of_results_are_text(
    browser: Browser, served: Served, listener: Listener, tmp_path: Path
) -> None:
    study = tmp_path / nasty(listener)
    far = f"<img src=https:{listener.host}> ![x](https:{listener.host})"
    error = f"<img src=//{listener.host}/a.png> ![x](http://{listener.host}/b.png) {MARKS}: holds no video."
    for name in (f"{nasty(listener)}.mp4", f"{far}.mp4"):
        recording(study, name, minutes=0.1, tracks=2)
    document(study, f"bad {far}.mp4", "failed", error=error)
    with visit(browser, served, "results") as page:
        field = page.get_by_label("Output folder")
        field.fill(str(study / "none"))
        field.press("Enter")
        shows(page, str(study / "none"))
        field.fill(str(study))
        field.press("Enter")
        shows(page, f"bad {far}.mp4: failed. {error}")
        for tab in ("Comparison", "Persons"):
            page.get_by_role("tab", name=tab).click()
            page.get_by_role("tabpanel").get_by_test_id("stVegaLiteChart").locator("canvas, svg").first.hover()
        page.get_by_role("tab", name="Look at one").click()
        page.get_by_test_id("stSelectbox").locator("input:visible").click()
        page.get_by_role("option", name=f"{far}.mp4", exact=True).click()
        view = page.frame_locator("iframe[title*=img]")
        view.locator("html[data-ready]").wait_for(state="attached", timeout=20_000)
        assert view.locator("h1").inner_text() == f"{far}.mp4"
        save(page, "Episodes (CSV)", tmp_path / "episodes.csv")


def test_names_of_models_and_cameras_are_text(
    browser: Browser, served: Served, listener: Listener, tmp_path: Path
) -> None:
    name = nasty(listener)
    model = tmp_path / f"{name}.onnx"
    shutil.copy(models_folder() / "emotion_gray48.onnx", model)
    verdict = json.loads((models_folder() / "emotion_gray48.evaluation.json").read_text())
    verdict |= {"model": name, "model_sha256": sha256_of(model), "dataset": name}
    model.with_suffix(".evaluation.json").write_text(json.dumps(verdict))
    with visit(browser, served, "model") as page:
        field = page.get_by_role("textbox", name="Model")
        field.fill(str(model.with_name(f"no {name}.onnx")))
        field.press("Enter")
        page.get_by_role("alert").filter(has_text=f"no {name}.onnx").wait_for(timeout=20_000)
        field.fill(str(model))
        field.press("Enter")
        shows(page, f"{name} on 2,854 faces of {name}, valid.")
        page.get_by_role("link", name="Live").click()
        page.get_by_text("Address of a camera").click()
        field = page.get_by_label("Address", exact=True)
        path = f"![x](http://{listener.host}/c.png)"
        field.fill(f"rtsp://127.0.0.1:1/{path}")
        field.press("Enter")
        page.get_by_role("alert").filter(has_text=f"rtsp://127.0.0.1:1/{path}: ").wait_for(timeout=40_000)


def test_the_policy_lets_a_page_load_nothing_from_elsewhere(
    browser: Browser, served: Served, listener: Listener, tmp_path: Path
) -> None:
    model = tmp_path / "mine.onnx"
    shutil.copy(models_folder() / "emotion_gray48.onnx", model)
    model.with_suffix(".md").write_text(f"# A card\n\n![x](http://{listener.host}/card.png) the card's text\n")
    context = browser.new_context()
    try:
        page = context.new_page()
        answer = page.goto(f"{served.address}/model")
        assert answer is not None
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        field = page.get_by_role("textbox", name="Model")
        field.fill(str(model))
        field.press("Enter")
        page.get_by_role("tab", name="Card").click()
        page.get_by_text("the card's text").wait_for(timeout=20_000)
        loaded = page.evaluate(
            """async (host) => {
              const tried = (tag, key, address) => new Promise((resolve) => {
                const made = document.createElement(tag);
                made.onload = () => resolve(true);
                made.onerror = () => resolve(false);
                made[key] = address;
                document.body.append(made);
              });
              const said = (loaded) => loaded ? "loaded" : "refused";
              const fetched = await fetch(`http://${host}/d`, { mode: "no-cors" }).then(() => true, () => false);
              const inline = document.createElement("script");
              inline.textContent = "window.ran = true";
              document.body.append(inline);
              setTimeout("window.evaluated = true");
              try { new WebSocket(`ws://${host}/e`); } catch {}
              const image = await tried("img", "src", `http://${host}/f.png`);
              const script = await tried("script", "src", `http://${host}/g.js`);
              return [fetched, image, script, window.evaluated, window.ran].map(said);
            }""",
            listener.host,
        )
    finally:
        context.close()
    assert loaded == ["refused"] * 5
