"""Pages as text: templates and scripts of this package, filled in so that nothing in a recording's name can act."""

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

from fer_batch.emotions import EMOTIONS
from fer_batch.palette import hex_colour
from fer_batch.utils.plain import plain
from fer_batch.utils.text import shown
from fer_batch.version import __version__

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


def clock(seconds: float) -> str:
    """As in 1:15, from an hour on 1:01:15; below a minute 15.3 s."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return (
        f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
    )


def _colours() -> str:
    return "".join(f".swatch.{name}, .shares > .{name} {{ background: {hex_colour(name)}; }}\n" for name in EMOTIONS)


@cache
def _asset(name: str) -> str:
    return files("fer_batch.report").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"
