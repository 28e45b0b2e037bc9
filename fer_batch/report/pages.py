"""The page of one recording."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fer_batch.emotions import EMOTIONS
from fer_batch.palette import hex_colour
from fer_batch.report.html import LIMITS, clock, data, definitions, facts, page, swatch, text
from fer_batch.report.page_data import PageData
from fer_batch.results.record import RecordingRecord

_SCRIPTS = (
    "dom.js",
    "data.js",
    "extremes.js",
    "columns.js",
    "chart.js",
    "overlay.js",
    "player.js",
    "timeline.js",
    "page.js",
)
"""In the order in which they need each other."""


def recording_page(what: PageData, total: dict[str, Any], index: str | None) -> str:
    """HTML.

    Args:
        what: the recording.
        total: its row in the table ``recordings`` of :func:`fer_batch.summary`.
        index: link to the index; None where there is none.
    """
    record, meta = what.record, what.meta
    photo = meta["kind"] == "photo"
    blocks = {"frames": what.packed.frames, **{f"rows-{n}": block for n, block in enumerate(what.packed.blocks)}}
    values = {
        "title": text(record.id),
        "kind": meta["kind"],
        "nav": "" if index is None else f'<a class="home" href="{text(index)}">All recordings</a>',
        "status": _chip(record.status),
        "notices": f'<p class="notice">{text(record.error)}</p>' if record.error else "",
        "facts": facts(_facts(record, meta, total)),
        "side": "Faces together" if photo else "All faces together",
        "legend": _shares(total),
        "nobody": "" if meta["tracks"] else '<p class="muted">No face was found.</p>',
        "tracks_title": "Faces" if photo else "Tracks",
        "made": _made(what),
        "limits": text(LIMITS),
        "meta": data(meta),
        "blocks": "\n".join(
            f'<script type="application/octet-stream" id="{name}">{block}</script>' for name, block in blocks.items()
        ),
    }
    return page("page.html", _SCRIPTS, values)


def _chip(status: str) -> str:
    return f'<span class="chip {text(status)}">{text(status)}</span>'


def _facts(record: RecordingRecord, meta: dict[str, Any], total: dict[str, Any]) -> dict[str, str]:
    probe = record.probe
    said = {"pixels": f"{meta['width']} x {meta['height']}"}
    if meta["kind"] == "photo":
        return {"faces": str(len(meta["tracks"])), **said}
    rate = probe.get("frame_rate")
    persons = total.get("persons")
    episodes = sum(int(total[f"{name}_episodes"]) for name in EMOTIONS)
    return {
        "length": clock(probe.get("duration_s") or meta["to_s"] - meta["from_s"]),
        "with a face": clock(float(total["seen_s"])),
        "tracks": str(len(meta["tracks"])),
        **({} if persons is None or pd.isna(persons) else {"persons": str(persons)}),
        "episodes": str(episodes),
        **said,
        **({"frames a second": f"{rate:.4g}"} if rate else {}),
        "analysed": record.finished_at.strftime("%Y-%m-%d %H:%M UTC"),
    }


def _shares(total: dict[str, Any]) -> str:
    """How much of the time each emotion led, as bars with numbers."""
    rows = []
    for name in EMOTIONS:
        share = total[f"{name}_share"]
        share = 0.0 if pd.isna(share) else float(share)
        picture = (
            '<svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect class="ground" width="100" '
            f'height="1"/><rect width="{100 * share:.2f}" height="1" fill="{hex_colour(name)}"/></svg>'
        )
        rows.append(f'<li><span>{swatch(name)}{name}</span>{picture}<span class="number">{share:.0%}</span></li>')
    return f'<ul class="legend" aria-label="Share of each emotion">{"".join(rows)}</ul>'


def _made(what: PageData) -> str:
    record = what.record
    counts, selection = record.counts, record.settings.get("selection", {})
    rows = counts.get("rows", 0)
    interpolated = f"{what.interpolated} ({what.interpolated / rows:.1%})" if rows else "0"
    model = f"{record.model.get('name', '')} (sha256 {record.model.get('sha256', '')})"
    left = {
        "recording": record.source,
        "model": model,
        "detector": record.settings.get("detector"),
        "minimum score": record.settings.get("minimum_score"),
        "persons told apart": {True: "yes", False: "no"}.get(record.settings.get("persons", False)),
        "frames analysed": _selected(selection),
    }
    right = {
        **{name.replace("_", " "): count for name, count in counts.items()},
        "rows interpolated": interpolated,
        "versions": ", ".join(f"{name} {version}" for name, version in record.versions.items() if version),
    }
    return f'<div class="columns">{definitions(left)}{definitions(right)}</div>'


def _selected(selection: dict[str, Any]) -> str:
    """Which frames the settings chose, in words."""
    every, fps = selection.get("every") or 1, selection.get("fps")
    what = f"at most {fps:g} a second" if fps else "all" if every == 1 else f"every {every}th"
    begin_s, end_s = selection.get("start_s") or 0, selection.get("end_s")
    if begin_s or end_s is not None:
        what += f", from {clock(begin_s)}" + (f" to {clock(end_s)}" if end_s is not None else "")
    return what
