"""Pages of the report as HTML: one a recording, and the index of the study."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

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
    packed = {"frames": what.packed.frames, **{f"rows-{n}": block for n, block in enumerate(what.packed.blocks)}}
    analysis, counts = _provenance(what)
    values = {
        "title": record.id,
        "kind": meta["kind"],
        "index": index,
        "status": record.status,
        "error": record.error,
        "recording_facts": _facts(record, meta, total),
        "shares": _shares(total),
        "tracks": meta["tracks"],
        "analysis": analysis,
        "counts": counts,
        "meta": script_data(meta),
        "blocks": {name: Markup(block) for name, block in packed.items()},  # noqa: S704 - base64
    }
    return _page("page.html", _SCRIPTS, values)


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


def _shares(total: Mapping[str, Any]) -> dict[str, float]:
    """Share of the time in which each emotion led."""
    shares = {name: total[f"{name}_share"] for name in EMOTIONS}
    return {name: 0.0 if pd.isna(share) else float(share) for name, share in shares.items()}


def _provenance(what: PageData) -> tuple[dict[str, object], dict[str, object]]:
    """Settings of the analysis, and what it counted."""
    record, settings = what.record, what.record.settings
    rows = record.counts.get("rows", 0)
    analysis = {
        "recording": record.source,
        "model": f"{record.model.get('name', '')} (sha256 {record.model.get('sha256', '')})",
        "detector": settings.get("detector"),
        "minimum score": settings.get("minimum_score"),
        "persons recognised": {True: "yes", False: "no"}.get(settings.get("persons", False)),
        "frames analysed": _selected(settings.get("selection", {})),
    }
    counts = {
        **{name.replace("_", " "): count for name, count in record.counts.items()},
        "rows interpolated": f"{what.interpolated} ({what.interpolated / rows:.1%})" if rows else "0",
        "versions": ", ".join(f"{name} {version}" for name, version in record.versions.items() if version),
    }
    return analysis, counts


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


def index_page(recordings: pd.DataFrame, links: Mapping[str, str], title: str) -> str:
    """HTML.

    Args:
        recordings: the table of :func:`fer_batch.summary`.
        links: to the page of each recording that has one.
        title: the study's name.
    """
    rows = recordings.to_dict("records")
    values = {
        "title": title,
        "study_facts": _study_facts(recordings),
        "heads": _HEADS,
        "rows": [_row(row, links.get(row["recording"])) for row in rows],
        "failed": [row for row in rows if row["status"] != "done" and not pd.isna(row["error"])],
    }
    return _page("index.html", ("dom.js", "index.js"), values)


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


def _row(row: Mapping[str, Any], link: str | None) -> dict[str, Any]:
    """Cells of a row: what is shown, and by what it is sorted."""
    values = {name: (None if pd.isna(value) else value) for name, value in row.items()}
    shares = _shares(row)
    mostly = max(shares, key=lambda emotion: shares[emotion]) if any(shares.values()) else ""
    episodes = (
        None if values["seen_s"] is None else sum(int(values[f"{emotion}_episodes"] or 0) for emotion in EMOTIONS)
    )
    # Faces of a photo are seen for no time.
    timed = values["kind"] != "photo"
    return {
        "recording": values["recording"],
        "link": link,
        "status": values["status"],
        "numbers": {
            **{name: _number(values[name] if timed else None, clock) for name in ("duration_s", "seen_s")},
            **{name: _number(values[name], lambda value: f"{value:.0f}") for name in ("tracks", "persons")},
            "episodes": _number(episodes if timed else None, str),
        },
        "shares": _bar(shares),
        "rank": EMOTIONS.index(mostly) + 1 - shares[mostly] if mostly else "",
        "mostly": mostly,
        "mostly_text": f"{mostly} {shares[mostly]:.0%}" if mostly else "",
    }


def _number(value: Any, wording: Callable[[Any], str]) -> tuple[Any, str] | None:
    return None if value is None else (value, wording(value))


def _bar(shares: Mapping[str, float]) -> dict[str, Any]:
    """Shares of the emotions as parts of a bar of width 100, and in words."""
    parts, start = [], 0.0
    for name, share in shares.items():
        parts.append((name, f"{100 * start:.2f}", f"{100 * share:.2f}", f"{share:.0%}"))
        start += share
    return {
        "parts": parts,
        "words": ", ".join(f"{name} {shares[name]:.0%}" for name in EMOTIONS if shares[name] >= 0.005),
    }


LIMITS = (
    "The numbers say what a face shows to people who look at it, as crowd workers have labelled photographs. They do "
    "not say what a person feels, and expressions differ between people, cultures and situations. Disgust and fear "
    "are often taken for anger, surprise or sadness; faces that look away, are covered, blurred or smaller than 24 "
    "pixels are missed or misread more often; single frames are noisy, so look at half a second or more. The network "
    "learnt from photographs of the web, with their biases in age, skin colour and culture: measure it on your own "
    "faces before you compare groups. A person number comes from face recognition and can be wrong. Never decide "
    "about people by this, and keep the page as carefully as the recordings: it shows personal data."
)
"""In every page: what such measurements cannot do."""


def script_data(value: Any) -> Markup:
    """Return JSON within a script element, which no text in it can end; NaN is null."""
    text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704


def _page(template: str, scripts: Iterable[str], values: Mapping[str, Any]) -> str:
    """Fill in a template; its policy lets nothing run but these scripts, and nothing load but files of this machine.

    Args:
        template: name of an HTML file of this package.
        scripts: names of its scripts, in their order.
        values: for the template, which escapes all text.
    """
    # One scope: each file may use what those before it define, and nothing becomes global.
    script = '(() => {\n"use strict";\n' + "\n".join(_asset(name) for name in scripts) + "})();\n"
    colours = {name: hex_colour(name) for name in EMOTIONS}
    style = _asset("report.css") + "".join(
        f".swatch.{name}, .shares > .{name} {{ background: {colour}; }}\n" for name, colour in colours.items()
    )
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src 'self' file: data:; media-src 'self' file: blob:; base-uri 'none'; form-action 'none'"
    )
    own = {"script": Markup(script), "style": Markup(style), "policy": Markup(policy)}  # noqa: S704 - no user's text
    return (
        _environment()
        .get_template(template)
        .render(**values, **own, colours=colours, limits=LIMITS, version=__version__)
    )


@cache
def _environment() -> Environment:
    """Templates of this package; what would act on a terminal or turn the direction of writing is spelt out."""
    return Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: shown(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@cache
def _asset(name: str) -> str:
    return files("fer_batch.report").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"
