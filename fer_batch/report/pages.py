"""Pages of the report as HTML: one a recording, and the index of the study."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import pandas as pd

from fer_batch.emotions import EMOTIONS, hex_colour
from fer_batch.report.page_data import PageData
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.jsonable import plain
from fer_batch.utils.text import clock, shown
from fer_batch.version import __version__

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
    facts = {"pixels": f"{meta['width']} x {meta['height']}"}
    if meta["kind"] == "photo":
        return {"faces": str(len(meta["tracks"])), **facts}
    rate = probe.get("frame_rate")
    persons = total.get("persons")
    episodes = sum(int(total[f"{name}_episodes"]) for name in EMOTIONS)
    return {
        "length": clock(probe.get("duration_s") or meta["to_s"] - meta["from_s"]),
        "with a face": clock(float(total["seen_s"])),
        "tracks": str(len(meta["tracks"])),
        **({} if persons is None or pd.isna(persons) else {"persons": str(persons)}),
        "episodes": str(episodes),
        **facts,
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
    remaining = {
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
    return f'<div class="columns">{definitions(remaining)}{definitions(right)}</div>'


def _selected(selection: dict[str, Any]) -> str:
    """Which frames the settings chose, in words."""
    every, fps = selection.get("every") or 1, selection.get("fps")
    what = f"at most {fps:g} a second" if fps else "all" if every == 1 else f"every {every}th"
    begin_s, end_s = selection.get("start_s") or 0, selection.get("end_s")
    if begin_s or end_s is not None:
        what += f", from {clock(begin_s)}" + (f" to {clock(end_s)}" if end_s is not None else "")
    return what


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
        "facts": facts(_study_facts(recordings)),
        "legend": legend(),
        "heads": heads,
        "rows": "\n".join(_row(row, links.get(row["recording"])) for row in rows),
        "failed": _failed(rows),
        "limits": text(LIMITS),
    }
    return page("index.html", ("dom.js", "index.js"), values)


def _study_facts(recordings: pd.DataFrame) -> dict[str, str]:
    statuses = recordings["status"].value_counts()
    facts = {"recordings": str(len(recordings))}
    facts |= {name: str(statuses[name]) for name in ("done", "partial", "failed", "unreadable") if name in statuses}
    lengths, seen = recordings["duration_s"].sum(), recordings["seen_s"].sum()
    episodes = int(recordings[[f"{name}_episodes" for name in EMOTIONS]].sum().sum())
    return {
        **facts,
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


def _number(value: Any, shown_as: Any) -> str:
    return (
        _cell("", "", ' class="number"') if value is None else _cell(value, text(shown_as(value)), ' class="number"')
    )


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


LIMITS = (
    "The numbers say what a face shows to people who look at it, as crowd workers have labelled photographs. They do "
    "not say what somebody feels, and expressions differ between people, cultures and situations. Disgust and fear "
    "are often taken for anger, surprise or sadness; faces that look away, are covered, blurred or smaller than 24 "
    "pixels are missed or misread more often; single frames are noisy, so look at half a second or more. The network "
    "learnt from photographs of the web, with their biases in age, skin colour and culture: measure it on your own "
    "faces before you compare groups. A person number is a guess from looks. Never decide about people by this, and "
    "keep the page as carefully as the recordings: it shows personal data."
)
"""In every page: what such measurements cannot do."""


def text(value: object) -> str:
    """Text in HTML, also within a quoted attribute; what would act on a terminal or turn its direction is spelt out."""
    return escape(shown(str(value)), quote=True)


def data(value: Any) -> str:
    """JSON within a script element, which no text in it can end; NaN is null."""
    plain_text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return plain_text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def page(template: str, scripts: Iterable[str], values: Mapping[str, str]) -> str:
    """A template filled in; the policy lets nothing run but these scripts, and nothing load but files of this machine.

    Args:
        template: name of an HTML file of this package.
        scripts: names of its scripts, in their order.
        values: HTML for each place in the template.
    """
    # One scope: each file may use what those before it define, and nothing becomes global.
    script = '(() => {\n"use strict";\n' + "\n".join(_asset(name) for name in scripts) + "})();\n"
    style = _asset("report.css") + _colours()
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src 'self' file: data:; media-src 'self' file: blob:; base-uri 'none'; form-action 'none'"
    )
    known = {"policy": policy, "style": style, "script": script, "version": text(__version__)}
    return Template(_asset(template)).substitute({**values, **known})


def swatch(emotion: str) -> str:
    """A small field of the emotion's colour."""
    return f'<span class="swatch {emotion}" aria-hidden="true"></span>'


def legend() -> str:
    """The emotions with their colours."""
    return (
        f'<ul class="keys" aria-label="Colours">{"".join(f"<li>{swatch(name)}{name}</li>" for name in EMOTIONS)}</ul>'
    )


def bar(shares: Mapping[str, float], label: str) -> str:
    """Shares of the emotions, 0 to 1, as a picture with its numbers in words."""
    words = ", ".join(f"{name} {shares[name]:.0%}" for name in EMOTIONS if shares[name] >= 0.005)
    parts, left = [], 0.0
    for name in EMOTIONS:
        place = f'x="{100 * left:.2f}" width="{100 * shares[name]:.2f}"'
        parts.append(
            f'<rect {place} height="1" fill="{hex_colour(name)}"><title>{name} {shares[name]:.0%}</title></rect>'
        )
        left += shares[name]
    opening = f'<svg viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="{text(label)}: {words}">'
    return opening + "".join(parts) + "</svg>"


def facts(values: Mapping[str, str]) -> str:
    """List items of a name and what there is to say."""
    return "".join(f"<li><b>{text(value)}</b><span>{text(name)}</span></li>" for name, value in values.items())


def definitions(values: Mapping[str, object]) -> str:
    """A list of names and values; what is empty is left out."""
    rows = (f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in values.items() if value not in (None, ""))
    return f"<dl>{''.join(rows)}</dl>"


def _colours() -> str:
    return "".join(f".swatch.{name}, .shares > .{name} {{ background: {hex_colour(name)}; }}\n" for name in EMOTIONS)


@cache
def _asset(name: str) -> str:
    return files("fer_batch.report").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"
