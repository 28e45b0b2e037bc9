/* What of a track is drawn: its rows where there is room for them, else the extremes and the mean of each column. */

class Samples {
  constructor(room) {
    this.count = 0;
    this.starts = []; // Where a stretch without a gap begins.
    this.x = new Float32Array(room);
    [this.low, this.high, this.mean] = [0, 1, 2].map(() => EMOTIONS.map(() => new Float32Array(room)));
  }

  add(x, track, from, to) {
    const at = this.count++;
    this.x[at] = x;
    for (let emotion = 0; emotion < COUNT; emotion++) {
      const extremes = track.extremes[emotion];
      extremes.look(from, to);
      this.low[emotion][at] = extremes.low / 255;
      this.high[emotion][at] = extremes.high / 255;
      this.mean[emotion][at] = extremes.mean / 255;
    }
  }

  /** Calls back with the first place of each stretch and the place after its last. */
  stretches(call) {
    this.starts.forEach((first, place) => call(first, this.starts[place + 1] ?? this.count));
  }
}

/** A track between two times, `width` pixels wide: every row counts, none is skipped. */
function sampled(track, from, to, width) {
  const scale = width / (to - from);
  const first = Math.max(0, above(track.times, from) - 1);
  const last = Math.min(track.rows, above(track.times, to) + 1);
  const firstRun = Math.max(0, above(track.first_rows, first) - 1);
  const lastRun = above(track.first_rows, last - 1) - 1;
  const crowded = last - first > width;
  const rows = last - first;
  const samples = new Samples((crowded ? Math.min(rows, width + 2) : rows) + 2 * (lastRun - firstRun + 1) + 2);
  for (let run = firstRun; run <= lastRun; run++) {
    const end = track.first_rows[run + 1] ?? track.rows;
    samples.starts.push(samples.count);
    let x = 0;
    for (let row = Math.max(first, track.first_rows[run]); row < Math.min(end, last); ) {
      x = (track.times[row] - from) * scale;
      let next = row + 1;
      if (crowded) {
        const column = Math.floor(x);
        next = Math.min(end, Math.max(next, above(track.times, from + (column + 1) / scale - 1e-9)));
        x = column + 0.5;
      }
      samples.add(x, track, row, next);
      row = next;
    }
    // The last row lasts a while too, at least until it can be seen.
    if (end <= last) samples.add(Math.max(x + 1, (track.ends_s[run] - from) * scale), track, end - 1, end);
  }
  return samples;
}
