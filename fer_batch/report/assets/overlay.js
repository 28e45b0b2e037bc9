/* Draws the faces of a moment over the picture: boxes, numbers and emotions, and the seven probabilities. */

/** The part of the stage that the picture fills: as large as fits, in the middle. */
function pictureIn(width, height) {
  const scale = Math.min(width / meta.width, height / meta.height);
  return { scale, left: (width - meta.width * scale) / 2, top: (height - meta.height * scale) / 2 };
}

/** `faces` are {track, row}; `wanted` says what to draw. */
function drawFaces(canvas, faces, wanted) {
  const { context, width, height } = cleared(canvas);
  if (!wanted.boxes && !wanted.bars) return;
  const picture = pictureIn(width, height);
  const em = Math.max(12, Math.min(16, Math.round((Math.min(meta.width, meta.height) * picture.scale) / 32)));
  context.font = `600 ${em}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const taken = [];
  const placed = faces.map(({ track, row }) => {
    const [x, y, w, h] = track.rectangle(row).map((side) => side * picture.scale);
    const probabilities = track.probabilities(row);
    const emotion = probabilities.indexOf(Math.max(...probabilities));
    const box = { x: x + picture.left, y: y + picture.top, w, h };
    taken.push(box);
    return { track, row, box, probabilities, emotion };
  });
  if (wanted.boxes) {
    for (const face of placed) drawBox(context, face);
    const tags = [];
    for (const face of placed) tags.push(drawTag(context, face, em, width, tags, taken));
    taken.push(...tags);
  }
  if (wanted.bars) for (const face of placed) drawBars(context, face, em, width, height, taken);
}

function drawBox(context, { track, row, box, emotion }) {
  const radius = Math.min(8, box.w / 8);
  // A face whose place was worked out from the frames around has a broken line.
  context.setLineDash(track.interpolated[row] ? [6, 5] : []);
  for (const [colour, line] of [["rgba(0, 0, 0, 0.55)", 5], [meta.colours[emotion], 2.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.beginPath();
    context.roundRect(box.x, box.y, box.w, box.h, radius);
    context.stroke();
  }
  context.setLineDash([]);
}

/** Above the box, else below or inside it: where it hides no other face, or at least no other tag. */
function drawTag(context, { track, box, probabilities, emotion }, em, width, tags, boxes) {
  const text = `#${track.track} ${EMOTIONS[emotion]} ${Math.round(100 * probabilities[emotion])}%`;
  const [w, h] = [context.measureText(text).width + em, em * 1.6];
  const fit = (x) => Math.max(0, Math.min(x, width - w));
  const tops = [box.y - h - 3, box.y + box.h + 3, box.y + 3].filter((top) => top >= 0);
  const places = tops.flatMap((y) => [box.x, box.x + box.w - w].map((x) => ({ x: fit(x), y, w, h })));
  const free = places.filter((each) => !tags.some((other) => meets(each, other)));
  const place =
    free.find((each) => !boxes.some((other) => other !== box && meets(each, other))) ?? free[0] ?? places[0];
  context.fillStyle = meta.colours[emotion];
  context.beginPath();
  context.roundRect(place.x, place.y, w, h, 4);
  context.fill();
  context.fillStyle = INKS[emotion];
  context.fillText(text, place.x + em / 2, place.y + h / 2 + 0.5);
  return place;
}

function meets(one, other) {
  return one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;
}

const sides = new Map(); // Where each track's bars stood last, so that they do not jump about while a face moves.

/** The bars stand where they cover no face: right, left, below or above; a large face gets them inside. */
function placeBars(track, box, w, h, width, height, taken) {
  const y = Math.max(2, Math.min(box.y, height - h - 2));
  const x = Math.max(2, Math.min(box.x, width - w - 2));
  const places = [
    { x: box.x + box.w + 8, y },
    { x: box.x - w - 8, y },
    { x, y: box.y + box.h + 8 },
    { x, y: box.y - h - 8 },
  ].map((corner) => ({ ...corner, w, h }));
  const inside = ({ x: left, y: top }) => left >= 0 && top >= 0 && left + w <= width && top + h <= height;
  const free = (place) => inside(place) && !taken.some((other) => other !== box && meets(place, other));
  const before = sides.get(track.track);
  const side = before !== undefined && free(places[before]) ? before : places.findIndex(free);
  if (side >= 0) {
    sides.set(track.track, side);
    return places[side];
  }
  return box.w * box.h > 5 * w * h ? { x: box.x + box.w - w - 6, y: box.y + box.h - h - 6, w, h } : null;
}

function drawBars(context, { track, box, probabilities, emotion }, em, width, height, taken) {
  const size = Math.max(10, em * 0.78);
  context.font = `600 ${size}px system-ui, sans-serif`;
  const name = Math.max(...EMOTIONS.map((text) => context.measureText(text).width)) + size * 1.2;
  const [step, bar] = [size * 1.35, size * 5];
  const place = placeBars(track, box, name + bar + size * 0.7, step * COUNT + size, width, height, taken);
  if (place) {
    taken.push(place);
    paintBars(context, place, probabilities, emotion, { size, name, step, bar });
  }
  context.font = `600 ${em}px system-ui, sans-serif`;
}

function paintBars(context, place, probabilities, emotion, { size, name, step, bar }) {
  context.fillStyle = "rgba(12, 14, 18, 0.72)";
  context.beginPath();
  context.roundRect(place.x, place.y, place.w, place.h, 6);
  context.fill();
  EMOTIONS.forEach((text, at) => {
    const y = place.y + size / 2 + step * at;
    context.font = `${at === emotion ? 600 : 400} ${size}px system-ui, sans-serif`;
    context.fillStyle = at === emotion ? "#fff" : "rgba(255, 255, 255, 0.78)";
    context.fillText(text, place.x + size * 0.7, y + step / 2);
    context.fillStyle = "rgba(255, 255, 255, 0.14)";
    context.fillRect(place.x + name, y + step * 0.24, bar, step * 0.52);
    context.fillStyle = meta.colours[at];
    context.fillRect(place.x + name, y + step * 0.24, bar * probabilities[at], step * 0.52);
  });
}
