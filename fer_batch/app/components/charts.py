"""Charts: an emotion's probability as bars; confusion matrix and calibration of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from fer_batch.app.components.widgets import show_caption
from fer_batch.emotions import EMOTIONS, hex_colour
from fer_batch.inference.registry import find_model, sha256_of


def stored_verdict(model: str) -> dict[str, Any] | None:
    """What was measured when the model was made: the file ``<model>.evaluation.json`` beside it, if there is one."""
    path = find_model(model)
    try:
        values = json.loads(path.with_suffix(".evaluation.json").read_text(encoding="utf-8"))
        # Figures of another training say nothing about this one.
        return dict(values) if values["model_sha256"] == sha256_of(path) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def show_verdict(values: dict[str, Any]) -> None:
    """Shows all figures.

    Args:
        values: of :meth:`fer_batch.evaluation.metrics.Result.to_dict`, and of what it was measured on.
    """
    split = f", {values['split']}" if values.get("split") else ""
    show_caption(f"{values['model']} on {values['n']:,} faces of {Path(values['dataset']).name}{split}.")
    with st.container(horizontal=True):
        for name, key in (("right", "accuracy"), ("right, balanced", "balanced_accuracy")):
            st.metric(name, f"{values[key]:.1%}", border=True, width="content")
        st.metric("calibration error", f"{values['ece']:.3f}", border=True, width="content")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("What is taken for what")
        st.altair_chart(_confusion(values), width="stretch")
    with right:
        st.subheader("How sure, and how often right")
        st.altair_chart(_calibration(values), width="stretch")
    st.subheader("Each emotion")
    table = pd.DataFrame.from_dict(values["per_class"], orient="index").rename_axis("emotion").reset_index()
    st.dataframe(
        table[["emotion", "precision", "recall", "f1", "support"]],
        hide_index=True,
        column_config={
            **{name: st.column_config.NumberColumn(name, format="percent") for name in ("precision", "recall")},
            "f1": st.column_config.NumberColumn("F1", format="%.3f"),
            "support": "faces",
        },
    )


def _confusion(values: dict[str, Any]) -> alt.LayerChart:
    labels = values["labels"]
    cells = [
        {"true": true, "answer": answer, "faces": count, "share": count / max(1, values["per_class"][true]["support"])}
        for true, row in zip(labels, values["confusion"], strict=True)
        for answer, count in zip(labels, row, strict=True)
    ]
    base = alt.Chart(pd.DataFrame(cells)).encode(
        x=alt.X("answer:N", sort=labels, title="the model's answer", axis=alt.Axis(labelAngle=-40)),
        y=alt.Y("true:N", sort=labels, title="the label"),
    )
    ground = base.mark_rect().encode(
        color=alt.Color("share:Q", scale=alt.Scale(scheme="blues", domain=[0, 1]), legend=None),
        tooltip=["true:N", "answer:N", "faces:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    ink = alt.condition(alt.datum.share > 0.5, alt.value("white"), alt.value("#222"))
    return (ground + base.mark_text(fontSize=11).encode(text=alt.Text("share:Q", format=".0%"), color=ink)).properties(
        height=380
    )


def _calibration(values: dict[str, Any]) -> alt.LayerChart:
    bins = pd.DataFrame(values["reliability"], columns=["confidence", "right", "faces"])
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("confidence:Q", scale=scale, title="probability of the answer", axis=alt.Axis(format="%"))
    line = alt.Chart(bins).encode(
        x=x,
        y=alt.Y("right:Q", scale=scale, title="share that is right", axis=alt.Axis(format="%")),
        tooltip=[alt.Tooltip("confidence:Q", format=".1%"), alt.Tooltip("right:Q", format=".1%"), "faces:Q"],
    )
    ideal = alt.Chart(pd.DataFrame({"confidence": [0.0, 1.0], "right": [0.0, 1.0]}))
    diagonal = ideal.mark_line(strokeDash=[4, 4], color="#999").encode(x=x, y="right:Q")
    # Where few faces are, what is measured is mostly chance.
    dots = line.mark_circle(color="#0072b2", opacity=1).encode(size=alt.Size("faces:Q", legend=None))
    return (diagonal + line.mark_line(color="#0072b2") + dots).properties(height=380)


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
