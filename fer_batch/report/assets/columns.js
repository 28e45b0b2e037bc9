/* A track as columns of pixels: of each emotion the mean, the lowest and the highest value of the rows in a column. */

class Columns {
  constructor(count) {
    this.count = count;
    this.seen = new Uint8Array(count);
    [this.mean, this.low, this.high] = [0, 1, 2].map(() => EMOTIONS.map(() => new Float32Array(count)));
  }

  /** Every row counts and none is skipped; between rows that lie further apart than a column values go over evenly. */
  static of(track, from, to, count) {
    const columns = new Columns(count);
    const scale = count / (to - from);
    const last = above(track.starts_s, to);
    for (let run = Math.max(0, above(track.starts_s, from) - 1); run < last; run++) {
      columns.add(track, run, from, scale);
    }
    return columns;
  }

  /** One stretch without a gap, at least a column wide. */
  add(track, run, from, scale) {
    const { times, extremes } = track;
    const first = track.first_rows[run];
    const end = track.first_rows[run + 1] ?? track.rows;
    const left = Math.floor((track.starts_s[run] - from) * scale);
    const right = Math.min(this.count, Math.max(left + 1, Math.round((track.ends_s[run] - from) * scale)));
    let row = Math.max(first, Math.min(end, above(times, from + Math.max(0, left) / scale - 1e-9)));
    for (let column = Math.max(0, left); column < right; column++) {
      const next = Math.min(end, above(times, from + (column + 1) / scale - 1e-9, row));
      this.seen[column] = 1;
      if (next > row) {
        for (let emotion = 0; emotion < COUNT; emotion++) {
          const one = extremes[emotion];
          one.look(row, next);
          this.put(emotion, column, one.mean, one.low, one.high);
        }
        row = next;
        continue;
      }
      const [before, after] = [Math.max(first, row - 1), Math.min(end - 1, row)];
      const span = times[after] - times[before];
      const part = span > 0 ? Math.max(0, (from + (column + 0.5) / scale - times[before]) / span) : 0;
      for (let emotion = 0; emotion < COUNT; emotion++) {
        const values = track.values[emotion];
        const value = values[before] + (values[after] - values[before]) * Math.min(1, part);
        this.put(emotion, column, value, value, value);
      }
    }
  }

  put(emotion, column, mean, low, high) {
    this.mean[emotion][column] = mean / 255;
    this.low[emotion][column] = low / 255;
    this.high[emotion][column] = high / 255;
  }
}
