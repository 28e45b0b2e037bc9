"""Probabilities and shares in the colours of the emotions, as they are in every picture that fer-batch makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from fer_batch.emotions import EMOTIONS
from fer_batch.palette import hex_colour


def probability_bars(values: Mapping[Any, float]) -> str:
    """HTML: a bar for each emotion, 0 to 1, with its number."""
    rows = []
    for name in EMOTIONS:
        share = float(values[name])
        rows.append(
            '<div style="display:grid;grid-template-columns:5rem 1fr 3.2rem;gap:.6rem;align-items:center;'
            f'line-height:1.5"><span>{name}</span>'
            '<div style="height:.7rem;border-radius:.2rem;background:rgba(128,128,128,.2);overflow:hidden">'
            f'<div style="height:100%;width:{100 * share:.1f}%;background:{hex_colour(name)}"></div></div>'
            f'<span style="text-align:right;font-variant-numeric:tabular-nums">{share:.0%}</span></div>'
        )
    return f'<div role="group" aria-label="Probabilities">{"".join(rows)}</div>'


def colour_key() -> str:
    """HTML: the emotions with their colours, on as many lines as they need."""
    entries = [
        '<span style="display:inline-flex;align-items:center;gap:.35rem">'
        f'<i style="width:.8rem;height:.8rem;border-radius:.2rem;background:{hex_colour(name)}"></i>{name}</span>'
        for name in EMOTIONS
    ]
    return f'<div style="display:flex;flex-wrap:wrap;gap:.2rem 1rem">{"".join(entries)}</div>'


def share_chart(table: pd.DataFrame, label: str, title: str) -> alt.Chart:
    """Stacked bars, one a row of a table.

    Args:
        table: with a column of text and the shares ``<emotion>_share``, 0 to 1.
        label: that column.
        title: what it holds.
    """
    shares = [f"{name}_share" for name in EMOTIONS]
    long = table.melt([label], shares, "emotion", "share").dropna(subset=["share"])
    long["emotion"] = long["emotion"].str.removesuffix("_share")
    long["place"] = long["emotion"].map(EMOTIONS.index)
    # Plain types: extension types of pandas are not understood by every version of the chart's.
    long = long.astype({label: "object", "share": "float64", "emotion": "object", "place": "int64"})
    colours = alt.Scale(domain=list(EMOTIONS), range=[hex_colour(name) for name in EMOTIONS])
    return (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=alt.X(
                "share:Q", title="share of the time seen", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])
            ),
            y=alt.Y(f"{label}:N", title=None, sort=list(table[label]), axis=alt.Axis(labelLimit=220)),
            color=alt.Color("emotion:N", scale=colours, legend=None),
            order=alt.Order("place:Q"),
            tooltip=[alt.Tooltip(f"{label}:N", title=title), "emotion:N", alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(height=alt.Step(26))
    )
