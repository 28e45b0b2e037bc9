/* Draws a track's probabilities and episodes on a canvas. */

const RIBBON = 16; // Pixels that the episodes take above the probabilities.
const LANE_TEXT = "10px system-ui, sans-serif";

/** Black or white, whichever is read better on a colour (the luminance of WCAG 2). */
function inkOn(colour) {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const [red, green, blue] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
}

const INKS = meta.colours.map(inkOn);

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

/** Draws what a view shows of a track; `look` has the theme's colours. */
function drawTrack(canvas, track, view, mode, look) {
  const { context, width, height } = cleared(canvas);
  const scale = width / (view.to - view.from);
  const place = (time) => (time - view.from) * scale;
  drawGround(context, track, place, width, height, look);
  if (track.ready && track.times[0] <= view.to && track.ends_s.at(-1) >= view.from) {
    const samples = sampled(track, view.from, view.to, width);
    context.save();
    context.translate(0, RIBBON + 3);
    ({ stacked: drawStack, lines: drawLines, lanes: drawLanes })[mode](context, samples, height - RIBBON - 4, look);
    context.restore();
    if (mode === "lanes") nameLanes(context, height - RIBBON - 4, look);
  }
  drawEpisodes(context, track, place, width);
}

/** A quiet ground where the face was seen: what is left of it is a gap. */
function drawGround(context, track, place, width, height, look) {
  context.fillStyle = look.ground;
  track.starts_s.forEach((start, run) => {
    const [left, right] = [Math.max(0, place(start)), Math.min(width, place(track.ends_s[run]))];
    if (right > 0 && left < width) context.fillRect(left, RIBBON + 2, Math.max(1, right - left), height - RIBBON - 2);
  });
}

function drawStack(context, samples, height) {
  const { count, mean } = samples;
  const tops = EMOTIONS.map(() => new Float32Array(count));
  for (let at = 0; at < count; at++) {
    let whole = 0;
    for (let emotion = 0; emotion < COUNT; emotion++) whole += mean[emotion][at];
    let sum = 0;
    for (let emotion = 0; emotion < COUNT; emotion++) {
      sum += mean[emotion][at];
      tops[emotion][at] = whole ? sum / whole : 0;
    }
  }
  // From the back to the front, so that no background shines through between two areas.
  for (let emotion = COUNT - 1; emotion >= 0; emotion--) {
    context.fillStyle = meta.colours[emotion];
    fillBelow(context, samples, tops[emotion], height, 0);
  }
}

/** Fills from a curve in 0 to 1 down to the bottom of a band. */
function fillBelow(context, { x, stretches, starts, count }, values, height, top) {
  context.beginPath();
  stretches.call({ starts, count }, (first, end) => {
    context.moveTo(x[first], top + height);
    for (let at = first; at < end; at++) context.lineTo(x[at], top + height * (1 - values[at]));
    context.lineTo(x[end - 1], top + height);
    context.closePath();
  });
  context.fill();
}

function traced(context, { x, stretches, starts, count }, values, height) {
  context.beginPath();
  stretches.call({ starts, count }, (first, end) => {
    context.moveTo(x[first], height * (1 - values[first]));
    for (let at = first + 1; at < end; at++) context.lineTo(x[at], height * (1 - values[at]));
  });
}

/** Each mean as a line, and as a band around it from the lowest to the highest value. */
function drawLines(context, samples, height, look) {
  const { x, low, high, mean } = samples;
  context.strokeStyle = look.rule;
  context.lineWidth = 1;
  for (const part of [0, 0.5, 1]) {
    context.beginPath();
    context.moveTo(0, Math.round(height * part) + 0.5);
    context.lineTo(context.canvas.clientWidth, Math.round(height * part) + 0.5);
    context.stroke();
  }
  context.lineJoin = "round";
  for (let emotion = 0; emotion < COUNT; emotion++) {
    context.fillStyle = `${meta.colours[emotion]}66`;
    context.beginPath();
    samples.stretches((first, end) => {
      for (let at = first; at < end; at++) context.lineTo(x[at], height * (1 - high[emotion][at]));
      for (let at = end - 1; at >= first; at--) context.lineTo(x[at], height * (1 - low[emotion][at]));
      context.closePath();
      context.moveTo(x[end] ?? 0, 0);
    });
    context.fill();
  }
  for (let emotion = 0; emotion < COUNT; emotion++) {
    traced(context, samples, mean[emotion], height);
    // A dark edge: yellow is not seen on white without one.
    context.strokeStyle = look.edge;
    context.lineWidth = 2.6;
    context.stroke();
    context.strokeStyle = meta.colours[emotion];
    context.lineWidth = 1.6;
    context.stroke();
  }
}

/** A band for each emotion: full colour up to the mean, pale up to the highest value. */
function drawLanes(context, samples, height, look) {
  const lane = height / COUNT;
  for (let emotion = 0; emotion < COUNT; emotion++) {
    const top = lane * emotion;
    context.fillStyle = `${meta.colours[emotion]}77`;
    fillBelow(context, samples, samples.high[emotion], lane - 1, top);
    context.fillStyle = meta.colours[emotion];
    fillBelow(context, samples, samples.mean[emotion], lane - 1, top);
    context.fillStyle = look.rule;
    context.fillRect(0, Math.round(top + lane) - 1, context.canvas.clientWidth, 1);
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
    const [from, to] = [Math.max(-4, left), Math.min(width + 4, right)];
    context.fillStyle = meta.colours[emotion];
    context.beginPath();
    context.roundRect(from, 0, Math.max(1.5, to - from - 1), RIBBON - 1, Math.min(3, (to - from) / 3));
    context.fill();
    const visible = Math.min(width, right) - Math.max(0, left);
    if (visible > 20 && context.measureText(EMOTIONS[emotion]).width + 10 < visible) {
      context.fillStyle = INKS[emotion];
      context.fillText(EMOTIONS[emotion], Math.max(0, left) + 5, RIBBON / 2);
    }
  }
}
