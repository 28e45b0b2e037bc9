"""The index of a study: one row a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fer_batch.emotions import EMOTIONS
from fer_batch.report.html import LIMITS, bar, clock, facts, legend, page, text

_HEADS = {
    "recording": "ascending",
    "status": "ascending",
    "length": "descending",
    "with a face": "descending",
    "tracks": "descending",
    "persons": "descending",
    "showing": "ascending",
    "mostly": "ascending",
    "episodes": "descending",
}
"""Columns, and in which direction each is sorted at first; numbers from the largest."""
_ALIGNED = {"descending": " data-number"}


def index_page(recordings: pd.DataFrame, links: Mapping[str, str], title: str) -> str:
    """HTML.

    Args:
        recordings: the table of :func:`fer_batch.summary`.
        links: to the page of each recording that has one.
        title: the study's name.
    """
    rows = recordings.to_dict("records")
    heads = "".join(
        f'<th scope="col" aria-sort="{"ascending" if name == "recording" else "none"}"{_ALIGNED.get(first, "")}>'
        f'<button type="button" data-first="{first}">{name}</button></th>'
        for name, first in _HEADS.items()
    )
    values = {
        "title": text(title),
        "facts": facts(_facts(recordings)),
        "legend": legend(),
        "heads": heads,
        "rows": "\n".join(_row(row, links.get(row["recording"])) for row in rows),
        "failed": _failed(rows),
        "limits": text(LIMITS),
    }
    return page("index.html", ("dom.js", "index.js"), values)


def _facts(recordings: pd.DataFrame) -> dict[str, str]:
    statuses = recordings["status"].value_counts()
    said = {"recordings": str(len(recordings))}
    said |= {name: str(statuses[name]) for name in ("done", "partial", "failed", "unreadable") if name in statuses}
    lengths, seen = recordings["duration_s"].sum(), recordings["seen_s"].sum()
    episodes = int(recordings[[f"{name}_episodes" for name in EMOTIONS]].sum().sum())
    return {
        **said,
        "recorded": clock(float(lengths)),
        "with a face": clock(float(seen)),
        "tracks": str(int(recordings["tracks"].sum())),
        "episodes": str(episodes),
    }


def _row(row: dict[str, Any], link: str | None) -> str:
    known = {name: (None if pd.isna(value) else value) for name, value in row.items()}
    name = text(known["recording"])
    # Not escaped by hand: the link is percent-encoded, and is quoted here.
    named = f'<a href="{text(link)}">{name}</a>' if link else name
    shares = {emotion: float(known[f"{emotion}_share"] or 0) for emotion in EMOTIONS}
    mostly = max(shares, key=lambda emotion: shares[emotion]) if any(shares.values()) else ""
    episodes = None if known["seen_s"] is None else sum(int(known[f"{emotion}_episodes"] or 0) for emotion in EMOTIONS)
    seconds = {key: known[key] for key in ("duration_s", "seen_s")}
    # Faces of a photo are seen for no time.
    timed = known["kind"] != "photo"
    cells = [
        _cell(known["recording"], named),
        _cell(known["status"], f'<span class="chip {text(known["status"])}">{text(known["status"])}</span>'),
        *(_number(value if timed else None, clock) for value in seconds.values()),
        *(_number(known[key], lambda value: f"{value:.0f}") for key in ("tracks", "persons")),
        _cell(EMOTIONS.index(mostly) + 1 - shares[mostly] if mostly else "", bar(shares, "Shares") if mostly else ""),
        _cell(mostly, f"{mostly} {shares[mostly]:.0%}" if mostly else ""),
        _number(episodes if timed else None, str),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(key: object, content: str, name: str = "") -> str:
    return f'<td data-key="{text(key)}"{name}>{content}</td>'


def _number(value: Any, said: Any) -> str:
    return _cell("", "", ' class="number"') if value is None else _cell(value, text(said(value)), ' class="number"')


def _failed(rows: list[dict[str, Any]]) -> str:
    """What is not done, and why."""
    told = [row for row in rows if row["status"] != "done" and not pd.isna(row["error"])]
    if not told:
        return ""
    entries = "".join(f"<dt>{text(row['recording'])}</dt><dd>{text(row['error'])}</dd>" for row in told)
    return (
        '<section class="card made" aria-labelledby="failed-title"><h2 id="failed-title">Not done</h2>'
        f"<dl>{entries}</dl></section>"
    )
