/* Draws a track's probabilities and episodes on a canvas. */

const RIBBON = 16; // Pixels that the episodes take above the probabilities.
const FAINT = 2.2; // Contrast below which a line needs an edge.
const LANE_TEXT = "10px system-ui, sans-serif";

/** Luminance of #rrggbb by WCAG 2, 0 to 1. */
function luminance(colour) {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const [red, green, blue] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast of two colours by WCAG 2, 1 to 21. */
function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** For text on each emotion's colour: black or white, whichever is read better. */
const INKS = meta.colours.map((colour) => (contrast(colour, "#000000") > contrast(colour, "#ffffff") ? "#000" : "#fff"));

/** The canvas's context with a pixel of CSS as its unit, cleared. */
function cleared(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Pixels of a part of a canvas, painted column by column: shapes of thousands of corners would take much longer. */
class Pixels {
  constructor(columns, rows) {
    this.image = new ImageData(columns, rows);
    this.bytes = this.image.data;
    this.words = new Uint32Array(this.bytes.buffer);
    [this.width, this.height] = [columns, rows];
  }

  /** A column from `top` to `bottom`, fractions of pixels blended with what is there. */
  paint(column, top, bottom, colour, alpha = 1) {
    const from = top > 0 ? top : 0;
    const to = bottom < this.height ? bottom : this.height;
    if (from >= to) return;
    const [first, last] = [Math.ceil(from), Math.floor(to)];
    if (first > last) {
      this.blend((last * this.width + column) * 4, colour, alpha * (to - from));
      return;
    }
    if (first > from) this.blend(((first - 1) * this.width + column) * 4, colour, alpha * (first - from));
    if (last < to) this.blend((last * this.width + column) * 4, colour, alpha * (to - last));
    const end = last * this.width + column;
    if (alpha === 1) {
      for (let at = first * this.width + column; at < end; at += this.width) this.words[at] = colour.word;
    } else {
      for (let at = first * this.width + column; at < end; at += this.width) this.blend(at * 4, colour, alpha);
    }
  }

  blend(at, colour, share) {
    const { bytes } = this;
    bytes[at] += (colour.red - bytes[at]) * share;
    bytes[at + 1] += (colour.green - bytes[at + 1]) * share;
    bytes[at + 2] += (colour.blue - bytes[at + 2]) * share;
    bytes[at + 3] = 255;
  }
}

/** #rrggbb as numbers, and as the word that a little-endian machine keeps of an opaque pixel. */
function parsed(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return { red, green, blue, word: ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0 };
}

const COLOURS = meta.colours.map(parsed);

/** Draws what a view shows of a track; `look` has the theme's colours. */
function drawTrack(canvas, track, view, mode, look) {
  const { context, width, height } = cleared(canvas);
  const ratio = canvas.height / height;
  const top = Math.round((RIBBON + 3) * ratio);
  const columns = track.ready ? Columns.of(track, view.from, view.to, canvas.width) : new Columns(canvas.width);
  const pixels = new Pixels(canvas.width, canvas.height - top);
  ({ stacked: paintStack, lines: paintLines, lanes: paintLanes })[mode](pixels, columns, look, ratio);
  context.putImageData(pixels.image, 0, top);
  if (mode === "lanes") nameLanes(context, height - RIBBON - 3, look);
  const scale = width / (view.to - view.from);
  drawEpisodes(context, track, (time) => (time - view.from) * scale, width);
}

/** Areas on top of each other, the first emotion at the bottom. */
function paintStack(pixels, { count, seen, mean }) {
  const { height } = pixels;
  for (let column = 0; column < count; column++) {
    if (!seen[column]) continue;
    let whole = 0;
    for (let emotion = 0; emotion < COUNT; emotion++) whole += mean[emotion][column];
    let sum = whole;
    for (let emotion = COUNT - 1; emotion >= 0; emotion--) {
      const top = height * (1 - sum / whole);
      sum -= mean[emotion][column];
      // Down to the whole pixel, of which the next one covers its part.
      pixels.paint(column, top, emotion ? Math.ceil(height * (1 - sum / whole)) : height, COLOURS[emotion]);
    }
  }
}

/** A quiet ground where the face was seen: what is left of it is a gap. */
function paintGround(pixels, { count, seen }, look) {
  const { word } = parsed(look.ground);
  for (let left = seen.indexOf(1); left >= 0; ) {
    const end = seen.indexOf(0, left);
    const right = end < 0 ? count : end;
    for (let row = 0; row < pixels.height; row++) pixels.words.fill(word, row * count + left, row * count + right);
    left = end < 0 ? -1 : seen.indexOf(1, end);
  }
}

/** Each mean as a line, and as a band around it from the lowest to the highest value. */
function paintLines(pixels, columns, look, ratio) {
  const { count, seen, mean, low, high } = columns;
  const half = 0.9 * ratio;
  const room = pixels.height - 2 * half;
  const place = (value) => half + room * (1 - value);
  const [rule, edge] = [parsed(look.rule), parsed(look.edge)];
  paintGround(pixels, columns, look);
  for (let column = 0; column < count; column++) {
    if (!seen[column]) continue;
    pixels.paint(column, place(0.5), place(0.5) + 1, rule);
    for (let emotion = 0; emotion < COUNT; emotion++) {
      const [top, bottom] = [place(high[emotion][column]), place(low[emotion][column])];
      if (bottom - top > 1) pixels.paint(column, top, bottom, COLOURS[emotion], 0.4);
    }
  }
  for (let emotion = 0; emotion < COUNT; emotion++) {
    // Yellow is not seen on white without an edge.
    const faint = contrast(meta.colours[emotion], look.ground) < FAINT;
    const strokes = faint ? [[edge, half + 0.6 * ratio, 0.6], [COLOURS[emotion], half, 1]] : [[COLOURS[emotion], half, 1]];
    for (const [colour, thick, alpha] of strokes) {
      for (let column = 0; column < count; column++) {
        if (!seen[column]) continue;
        const here = mean[emotion][column];
        const before = column && seen[column - 1] ? (mean[emotion][column - 1] + here) / 2 : here;
        const after = column + 1 < count && seen[column + 1] ? (mean[emotion][column + 1] + here) / 2 : here;
        const top = place(Math.max(before, here, after)) - thick;
        pixels.paint(column, top, place(Math.min(before, here, after)) + thick, colour, alpha);
      }
    }
  }
}

/** A band for each emotion: full colour up to the mean, pale up to the highest value. */
function paintLanes(pixels, columns, look) {
  const { count, seen, mean, high } = columns;
  const lane = pixels.height / COUNT;
  const rule = parsed(look.rule);
  paintGround(pixels, columns, look);
  for (let emotion = 0; emotion < COUNT; emotion++) {
    const bottom = Math.round(lane * (emotion + 1)) - 1;
    for (let column = 0; column < count; column++) {
      if (!seen[column]) continue;
      const top = bottom - (lane - 2) * mean[emotion][column];
      pixels.paint(column, bottom - (lane - 2) * high[emotion][column], top, COLOURS[emotion], 0.45);
      pixels.paint(column, top, bottom, COLOURS[emotion]);
      pixels.paint(column, bottom, bottom + 1, rule);
    }
  }
}

function nameLanes(context, height, look) {
  context.font = LANE_TEXT;
  context.textBaseline = "middle";
  EMOTIONS.forEach((name, emotion) => {
    const y = RIBBON + 3 + (height / COUNT) * (emotion + 0.5);
    context.strokeStyle = look.surface;
    context.lineWidth = 3;
    context.strokeText(name, 4, y);
    context.fillStyle = look.text;
    context.fillText(name, 4, y);
  });
}

function drawEpisodes(context, track, place, width) {
  context.font = LANE_TEXT;
  context.textBaseline = "middle";
  for (const [emotion, start, end] of track.episodes) {
    const [left, right] = [place(start), place(end)];
    if (right < 0 || left > width) continue;
    const from = Math.max(-4, left);
    const wide = Math.min(width + 4, right) - from;
    context.fillStyle = meta.colours[emotion];
    if (wide < 8) {
      context.fillRect(from, 0, Math.max(1, wide - (wide > 3 ? 1 : 0)), RIBBON - 1);
      continue;
    }
    context.beginPath();
    context.roundRect(from, 0, wide - 1, RIBBON - 1, 3);
    context.fill();
    const visible = Math.min(width, right) - Math.max(0, left);
    if (visible > nameWidth(context, emotion) + 10) {
      context.fillStyle = INKS[emotion];
      context.fillText(EMOTIONS[emotion], Math.max(0, left) + 5, RIBBON / 2);
    }
  }
}

const nameWidths = [];

function nameWidth(context, emotion) {
  return (nameWidths[emotion] ??= context.measureText(EMOTIONS[emotion]).width);
}
