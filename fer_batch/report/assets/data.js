/* What the page carries: JSON, and columns of numbers that are unpacked when they are needed. */

const meta = JSON.parse(document.getElementById("meta").textContent);
const EMOTIONS = meta.emotions;
const COUNT = EMOTIONS.length;

/** The bytes of a block: base64 of zlib's format. The text is given up, so that it does not stay in memory. */
async function unpacked(id) {
  const element = document.getElementById(id);
  const text = atob(element.textContent);
  element.remove();
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = text.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** Sums up differences in place; the array's own type takes care of overflow. */
function summed(differences) {
  for (let at = 1; at < differences.length; at++) differences[at] += differences[at - 1];
  return differences;
}

/** The first place in sorted numbers, from `low` on, whose value is above the one given. */
function above(sorted, value, low = 0) {
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The analysed frames with faces: their times in seconds and their numbers in the recording. */
class Frames {
  static async read() {
    const frames = new Frames();
    const buffer = await unpacked("frames");
    const count = buffer.byteLength / 8;
    frames.times = Float64Array.from(summed(new Uint32Array(buffer, 0, count)), (ticks) => ticks * meta.tick_s);
    frames.numbers = summed(new Uint32Array(buffer, count * 4, count));
    return frames;
  }
}

/** One face through time: what is known of it at once, and its rows once they are unpacked. */
class Track {
  constructor(about) {
    Object.assign(this, about);
    this.ready = false;
  }

  take(columns, frames) {
    const rows = (column) => column.subarray(this.at, this.at + this.rows);
    this.frames = rows(columns.frame);
    this.times = Float64Array.from(this.frames, (frame) => frames.times[frame]);
    this.box = columns.box.map(rows);
    this.values = columns.values.map(rows);
    this.interpolated = rows(columns.interpolated);
    this.ready = true;
  }

  /** Minima, maxima and sums of each emotion over any rows, made when they are first drawn. */
  get extremes() {
    this.made ??= this.values.map((values) => new Extremes(values));
    return this.made;
  }

  /** The run that a time lies in: a stretch in which the face was seen without a gap. */
  runAt(time) {
    const place = above(this.starts_s, time + 1e-3) - 1;
    return place >= 0 && (time < this.ends_s[place] || meta.kind === "photo") ? place : -1;
  }

  /** The row that is shown at a time, -1 where the face was not seen. A millisecond forgives rounding. */
  rowAt(time) {
    return this.ready && this.runAt(time) >= 0 ? above(this.times, time + 1e-3) - 1 : -1;
  }

  probabilities(row) {
    return this.values.map((values) => values[row] / 255);
  }

  rectangle(row) {
    return this.box.map((side) => side[row] / meta.box_scale);
  }
}

/** Unpacks block after block; the browser may do other things in between. */
async function unpackRows(tracks, onBlock) {
  const frames = await Frames.read();
  for (let block = 0; block < meta.blocks.length; block++) {
    const buffer = await unpacked(`rows-${block}`);
    const count = meta.blocks[block];
    const bytes = (place) => new Uint8Array(buffer, count * (12 + place), count);
    const columns = {
      frame: summed(new Uint32Array(buffer, 0, count)),
      box: [0, 1, 2, 3].map((side) => summed(new Int16Array(buffer, count * (4 + 2 * side), count))),
      values: EMOTIONS.map((_, place) => bytes(place)),
      interpolated: bytes(COUNT),
    };
    for (const track of tracks) if (track.block === block) track.take(columns, frames);
    onBlock(block);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return frames;
}
