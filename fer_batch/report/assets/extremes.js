/* Minimum, maximum and mean of any stretch of a column, in a time that hardly grows with the stretch. */

const FAN = 16; // Values in a group: a query looks at some 30 a level, and all levels take a fifteenth of the memory.

class Extremes {
  constructor(values) {
    this.levels = [{ low: values, high: values }];
    for (let last = this.levels[0]; last.low.length > FAN; this.levels.push(last)) last = Extremes.grouped(last);
    this.sums = new Uint32Array(values.length + 1);
    for (let at = 0; at < values.length; at++) this.sums[at + 1] = this.sums[at] + values[at];
  }

  static grouped({ low, high }) {
    const groups = Math.ceil(low.length / FAN);
    const lows = new Uint8Array(groups).fill(255);
    const highs = new Uint8Array(groups);
    for (let at = 0; at < low.length; at++) {
      const group = (at / FAN) | 0;
      if (low[at] < lows[group]) lows[group] = low[at];
      if (high[at] > highs[group]) highs[group] = high[at];
    }
    return { low: lows, high: highs };
  }

  /** Leaves the answer in `low`, `high` and `mean`; rows `from` to before `to`, at least one. */
  look(from, to) {
    this.mean = (this.sums[to] - this.sums[from]) / (to - from);
    this.low = 255;
    this.high = 0;
    for (let level = 0; from < to; level++) {
      if (level === this.levels.length - 1 || to - from < 2 * FAN) {
        this.scan(level, from, to);
        return;
      }
      const first = Math.ceil(from / FAN);
      const last = Math.floor(to / FAN);
      this.scan(level, from, first * FAN);
      this.scan(level, last * FAN, to);
      from = first;
      to = last;
    }
  }

  scan(level, from, to) {
    const { low, high } = this.levels[level];
    for (let at = from; at < to; at++) {
      if (low[at] < this.low) this.low = low[at];
      if (high[at] > this.high) this.high = high[at];
    }
  }
}
