"""Writes the report of a study: a page a recording, and the index."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from fer_batch.analytics.summary import Summary, summary
from fer_batch.errors import FerBatchWarning, InputError
from fer_batch.filesystem.atomic import explained, whole
from fer_batch.filesystem.overwriting import names_us, refuse_overwriting
from fer_batch.filesystem.paths import refuse_links
from fer_batch.report.page_data import Place, page_data
from fer_batch.report.pages import index_page, recording_page
from fer_batch.results.layout import below
from fer_batch.results.reader import select_recordings


def write_report(
    out: Path,
    folder: Path | None = None,
    recordings: Sequence[str] | None = None,
    *,
    with_thumbnails: bool = False,
    tables: Summary | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,  # noqa: ARG005 - called by position
) -> Path:
    """Writes the pages of recordings and the index of all; the index's path.

    A page holds all that it shows but the recording itself, to which it links. Recordings are read one after another,
    each file appears when it is whole, and pages of recordings that are not chosen stay as they are.

    Args:
        out: the folder that ``fer-batch analyze`` wrote.
        folder: where the report goes; ``out/report`` by default.
        recordings: ids, or patterns of ids as for :func:`fer_batch.load`; all by default.
        with_thumbnails: embed a small picture of each face.
        tables: what :func:`fer_batch.summary` gives of the folder, if that is known already.
        on_progress: told how many pages are written, and how many there are to write.

    Raises:
        InputError: when there are no timelines, or a recording is not there.
        OutputError: when a page cannot be written.
    """
    folder = out / "report" if folder is None else folder
    tables = summary(out) if tables is None else tables
    totals = {row["recording"]: row for row in tables.recordings.to_dict("records")}
    shown = [name for name, row in totals.items() if not pd.isna(row["seen_s"])]
    names = select_recordings(out, shown, recordings)
    pages = {name: below(folder / "recordings", name + ".html") for name in shown}
    refuse_links(out if folder.is_relative_to(out) else folder, [folder / "index.html", *pages.values()])
    for page in (folder / "index.html", *(pages[name] for name in names)):
        refuse_overwriting(page, "output", names_us)
    of_tracks = dict(iter(tables.tracks.groupby("recording")))
    for done, name in enumerate(names):
        on_progress(done, len(names))
        sums = of_tracks.get(name, tables.tracks[:0])
        try:
            what = page_data(out, name, sums, pages[name], with_thumbnails=with_thumbnails)
        except InputError as error:
            # Of the whole study the other pages are worth having.
            warnings.warn(f"{error} It has no page.", FerBatchWarning, stacklevel=2)
            continue
        _write(pages[name], recording_page(what, totals[name], _link(folder / "index.html", pages[name])))
    on_progress(len(names), len(names))
    index = folder / "index.html"
    links = {name: _link(path, index) for name, path in pages.items() if path.exists()}
    _write(index, index_page(tables.recordings, links, out.absolute().name or "Recordings"))
    return index


def write_view(out: Path, recording: str, path: Path, place: Place, tables: Summary | None = None) -> None:
    """Writes the page of one recording for a server that gives it to browsers, without a link to an index.

    Args:
        out: the folder that ``fer-batch analyze`` or ``fer-batch live`` wrote.
        recording: its id.
        path: of the page.
        place: tells the addresses of the recording and its annotated copy.
        tables: what :func:`fer_batch.summary` gives of the folder, if that is known already.

    Raises:
        InputError: when the recording is not there or has no timeline, or a file is damaged.
        OutputError: when the page cannot be written.
    """
    tables = summary(out) if tables is None else tables
    total = tables.recordings[tables.recordings["recording"] == recording]
    select_recordings(out, list(total["recording"][total["seen_s"].notna()]), [recording])
    sums = tables.tracks[tables.tracks["recording"] == recording]
    what = page_data(out, recording, sums, place, with_thumbnails=True)
    _write(path, recording_page(what, total.to_dict("records")[0], None))


def _link(to: Path, start: Path) -> str:
    """The way from one page to another, percent-encoded."""
    return quote(os.fsencode(Path(os.path.relpath(to, start.parent)).as_posix()))


def _write(path: Path, html: str) -> None:
    with whole(path) as temporary, explained(path):
        temporary.write_text(html, encoding="utf-8", newline="\n")
