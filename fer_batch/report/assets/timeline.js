/* The timelines of all tracks below each other, with one view, one cursor, and an overview of the whole above. */

const STEPS_S = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
const LABEL_PX = 72; // What a time on the axis needs.
const SHORTEST_S = 0.2; // The shortest view: some frames.
const CLICK_PX = 4; // A pointer that moved less meant a click.

class Timeline {
  /** `on.seek(seconds)` for a click or key; `on.hover(track, time, event)` with null when the pointer leaves. */
  constructor(tracks, on) {
    Object.assign(this, { tracks, on, view: { from: meta.from_s, to: meta.to_s }, time: meta.from_s });
    this.mode = "stacked";
    this.rows = tracks.map((track) => this.row(track));
    $("tracks").append(...this.rows.map((row) => row.element));
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) this.rows[entry.target.dataset.place].visible = entry.isIntersecting;
      this.draw([]);
    }, { rootMargin: "200px" });
    this.rows.forEach((row, place) => {
      row.element.dataset.place = place;
      seen.observe(row.element);
    });
    new ResizeObserver(() => this.draw()).observe($("overview"));
    this.listen();
  }

  row(track) {
    const canvas = made("canvas", { role: "img", "aria-label": described(track) });
    const name = made("div", { className: "who" }, ...named(track));
    return { track, canvas, visible: false, element: made("div", { className: "track" }, name, canvas) };
  }

  get width() {
    return $("axis").clientWidth;
  }

  get whole() {
    return meta.to_s - meta.from_s;
  }

  /** Draws once before the next picture, however often it is asked for: these rows, or all. */
  draw(rows = this.rows) {
    for (const row of rows) row.stale = true;
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      const style = getComputedStyle(document.documentElement);
      const look = Object.fromEntries(
        ["ground", "surface", "rule", "edge", "text", "muted", "accent"].map((name) => [name, themed(style, name)]),
      );
      for (const row of this.rows) {
        if (!row.visible || !row.stale) continue;
        drawTrack(row.canvas, row.track, this.view, this.mode, look);
        row.stale = false;
      }
      this.drawAxis(look);
      this.drawOverview(look);
      this.placeCursor();
      const { from, to } = this.view;
      $("range").textContent = `${clock(from)} – ${clock(to)}`;
    });
  }

  drawAxis(look) {
    const { context, width, height } = cleared($("axis"));
    const { from, to } = this.view;
    const scale = width / (to - from);
    const step = STEPS_S.find((each) => each * scale >= LABEL_PX) ?? STEPS_S.at(-1);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    for (let count = Math.ceil(from / step); count * step <= to; count++) {
      const x = Math.round((count * step - from) * scale) + 0.5;
      context.fillStyle = look.rule;
      context.fillRect(x, height - 6, 1, 6);
      const text = clock(count * step, step < 0.1 ? 2 : step < 1 ? 1 : 0);
      const left = Math.min(x + 3, width - context.measureText(text).width);
      context.fillStyle = look.muted;
      context.fillText(text, left, height / 2);
    }
  }

  /** Everybody's episodes in thin lines, and where the view is. */
  drawOverview(look) {
    const { context, width, height } = cleared($("overview"));
    const scale = width / this.whole;
    const place = (time) => (time - meta.from_s) * scale;
    context.drawImage(this.everybody(width, height, place, look), 0, 0, width, height);
    const [left, right] = [place(this.view.from), place(this.view.to)];
    context.fillStyle = look.surface;
    context.globalAlpha = 0.65;
    context.fillRect(0, 0, left, height);
    context.fillRect(right, 0, width - right, height);
    context.globalAlpha = 1;
    context.strokeStyle = look.accent;
    context.lineWidth = 2;
    context.strokeRect(left + 1, 1, Math.max(4, right - left - 2), height - 2);
    context.fillStyle = look.text;
    context.fillRect(place(this.time) - 0.75, 0, 1.5, height);
  }

  /** The overview's picture, made once for a size and theme: there may be thousands of episodes. */
  everybody(width, height, place, look) {
    const { width: columns, height: rows } = $("overview");
    const made = `${columns} ${rows} ${look.rule}`;
    if (this.picture?.made === made) return this.picture.canvas;
    const canvas = new OffscreenCanvas(columns, rows);
    const context = canvas.getContext("2d");
    context.scale(columns / width, rows / height);
    const line = (height - 4) / Math.max(1, this.tracks.length);
    this.tracks.forEach((track, at) => {
      const y = 2 + line * at;
      const tall = Math.max(0.75, line - (line > 3 ? 1 : 0));
      context.fillStyle = look.rule;
      track.starts_s.forEach((start, run) => {
        context.fillRect(place(start), y, Math.max(0.75, place(track.ends_s[run]) - place(start)), tall);
      });
      for (const [emotion, start, end] of track.episodes) {
        context.fillStyle = meta.colours[emotion];
        context.fillRect(place(start), y, Math.max(0.75, place(end) - place(start)), tall);
      }
    });
    this.picture = { made, canvas };
    return canvas;
  }

  placeCursor() {
    const x = ((this.time - this.view.from) / (this.view.to - this.view.from)) * this.width;
    const cursor = $("cursor");
    cursor.hidden = x < 0 || x > this.width;
    cursor.style.transform = `translateX(${x}px)`;
  }

  /** Moves the cursor; while playing the view turns over like a page when it reaches the end. */
  show(time, playing) {
    this.time = time;
    const { from, to } = this.view;
    if (playing && to - from < this.whole && (time > to || time < from)) this.look(time, time + to - from);
    else this.placeCursor();
    $("seek").setAttribute("aria-valuetext", clock(time));
    if (Math.abs(time - (this.overviewed ?? -1)) * (this.width / this.whole) > 0.5) {
      this.overviewed = time;
      this.draw([]);
    }
  }

  /** Sets the view, kept within the recording. */
  look(from, to) {
    const span = Math.min(this.whole, Math.max(Math.min(SHORTEST_S, this.whole), to - from));
    const start = Math.max(meta.from_s, Math.min(meta.to_s - span, from));
    this.view = { from: start, to: start + span };
    this.draw();
  }

  zoom(factor, around = this.time) {
    const { from, to } = this.view;
    const centre = Math.max(from, Math.min(to, around));
    this.look(centre - (centre - from) * factor, centre + (to - centre) * factor);
  }

  pan(share) {
    const { from, to } = this.view;
    this.look(from + share * (to - from), to + share * (to - from));
  }

  timeAt(event) {
    const box = $("axis").getBoundingClientRect();
    return this.view.from + ((event.clientX - box.left) / box.width) * (this.view.to - this.view.from);
  }

  listen() {
    const area = $("timeline");
    area.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    area.addEventListener("pointerdown", (event) => this.press(event));
    area.addEventListener("pointermove", (event) => this.hover(event));
    area.addEventListener("pointerleave", () => this.on.hover(null));
    area.addEventListener("dblclick", (event) => this.inCharts(event) && this.zoom(0.25, this.timeAt(event)));
    area.addEventListener("keydown", (event) => this.key(event));
    const overview = $("overview");
    const centre = (event) => {
      const box = overview.getBoundingClientRect();
      const time = meta.from_s + ((event.clientX - box.left) / box.width) * this.whole;
      const span = this.view.to - this.view.from;
      if (span < this.whole * 0.999) this.look(time - span / 2, time + span / 2);
      else this.on.seek(time);
    };
    overview.addEventListener("pointerdown", (event) => {
      overview.setPointerCapture(event.pointerId);
      centre(event);
      overview.onpointermove = centre;
    });
    overview.addEventListener("pointerup", () => (overview.onpointermove = null));
  }

  inCharts(event) {
    return event.target.tagName === "CANVAS";
  }

  wheel(event) {
    if (!this.inCharts(event)) return;
    const [across, along] = [event.deltaX, event.deltaY];
    if (event.shiftKey || Math.abs(across) > Math.abs(along)) {
      event.preventDefault();
      this.pan((across || along) / this.width);
      return;
    }
    // Zooming out of the whole is scrolling the page on.
    if (along > 0 && this.view.to - this.view.from >= this.whole) return;
    event.preventDefault();
    const pixels = event.deltaMode === 1 ? along * 16 : along;
    this.zoom(Math.exp(Math.max(-120, Math.min(120, pixels)) * 0.0035), this.timeAt(event));
  }

  press(event) {
    if (event.button !== 0 || !this.inCharts(event)) return;
    const start = { x: event.clientX, ...this.view };
    const perPixel = (this.view.to - this.view.from) / this.width;
    let moved = false;
    const move = (now) => {
      const distance = now.clientX - start.x;
      moved ||= Math.abs(distance) > CLICK_PX;
      if (moved) {
        area.classList.add("dragged");
        this.look(start.from - distance * perPixel, start.to - distance * perPixel);
      }
    };
    const release = (now) => {
      area.removeEventListener("pointermove", move);
      area.removeEventListener("pointerup", release);
      area.removeEventListener("pointercancel", release);
      area.classList.remove("dragged");
      if (!moved && now.type === "pointerup") this.on.seek(this.timeAt(now));
    };
    const area = $("timeline");
    area.setPointerCapture(event.pointerId);
    area.addEventListener("pointermove", move);
    area.addEventListener("pointerup", release);
    area.addEventListener("pointercancel", release);
  }

  hover(event) {
    const row = this.rows.find((each) => each.canvas === event.target);
    this.on.hover(row?.track ?? null, this.timeAt(event), event);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const span = this.view.to - this.view.from;
    const step = (share) => () => (event.shiftKey ? this.pan(10 * share) : this.on.seek(this.time + share * span));
    const done = {
      ArrowLeft: step(-0.01),
      ArrowRight: step(0.01),
      PageUp: () => this.pan(-0.8),
      PageDown: () => this.pan(0.8),
      Home: () => this.on.seek(meta.from_s),
      End: () => this.on.seek(meta.to_s),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.look(meta.from_s, meta.to_s),
    }[event.key];
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
    done();
  }
}

/** A colour of the theme as the canvas understands it. */
function themed(style, name) {
  return style.getPropertyValue(`--canvas-${name}`).trim();
}

/** A track in words, for those who cannot see its chart. */
function described(track) {
  const parts = meta.kind === "photo" ? track.means : track.shares;
  const shares = EMOTIONS.map((name, emotion) => [name, parts[emotion]])
    .filter(([, share]) => share > 0.005)
    .sort(([, one], [, other]) => other - one)
    .map(([name, share]) => `${name} ${percent(share)}`);
  const seen = meta.kind === "photo" ? "" : `, seen for ${clock(track.seen_s)}`;
  return `Track ${track.track}${seen}: ${shares.join(", ") || "nothing"}`;
}

function named(track) {
  const leading = track.shares.indexOf(Math.max(...track.shares));
  const swatch = made("span", { className: `swatch ${EMOTIONS[leading]}`, "aria-hidden": "true" });
  const person = track.person === null ? null : made("span", { className: "muted" }, ` person ${track.person}`);
  return [
    track.thumbnail ? made("img", { src: track.thumbnail, alt: `Face of track ${track.track}` }) : null,
    made(
      "div",
      {},
      made("strong", {}, `Track ${track.track}`),
      person,
      made("div", { className: "muted" }, `seen ${clock(track.seen_s)}`),
      made("div", {}, swatch, `${EMOTIONS[leading]} ${percent(track.shares[leading])}`),
    ),
  ];
}
