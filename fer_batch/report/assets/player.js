/* Plays the recording, its annotated copy, or nothing but the time when neither can be shown. */

/** A media clock with the recording's times: `time` is a row's time_s, whatever the file's own clock counts. */
class Player {
  /** `on.time(seconds, shown)` for each picture shown and each place sought, `on.state()` when it plays, pauses or loads, `on.trouble(kind)`. */
  constructor(video, on) {
    Object.assign(this, { video, on, kind: null, source: null, loaded: false, rate: 1, time: meta.from_s });
    this.idle = { playing: false };
    for (const name of ["play", "pause", "volumechange", "ratechange"]) video.addEventListener(name, on.state);
    video.addEventListener("ended", () => this.ended());
    video.addEventListener("error", () => this.next());
    video.addEventListener("loadedmetadata", () => (video.videoWidth ? this.begin() : this.next()));
    video.addEventListener("seeked", () => this.frame ?? this.show(video.currentTime));
    if (video.requestVideoFrameCallback) this.watchFrames();
    else this.watchTime();
  }

  /** With the callback each frame tells its own time, so what is drawn is never of another frame. */
  watchFrames() {
    const shown = (_, frame) => {
      this.frame = frame;
      if (this.loaded) this.show(frame.mediaTime);
      this.video.requestVideoFrameCallback(shown);
    };
    this.video.requestVideoFrameCallback(shown);
  }

  watchTime() {
    const shown = () => {
      if (this.loaded && !this.video.paused) this.show(this.video.currentTime);
      requestAnimationFrame(shown);
    };
    requestAnimationFrame(shown);
  }

  show(mediaTime) {
    this.time = mediaTime + this.source.shift_s;
    this.on.time(this.time, true);
  }

  /** Tries one file after another: "recording" or "annotated". */
  choose(kind) {
    this.pause();
    // Of a live source the annotated copy is in parts, one after the other in time.
    this.parts = kind === "annotated" && meta.media.annotated[0]?.from_s !== undefined ? meta.media.annotated : null;
    const left = this.parts ? [this.partAt(this.time)] : [...meta.media[kind]];
    Object.assign(this, { kind, loaded: false, source: null, left });
    this.next();
  }

  /** The part that a time lies in, or else the last one before it. */
  partAt(time) {
    return this.parts.findLast((part) => part.from_s <= time + 1e-3) ?? this.parts[0];
  }

  /** Takes another part; it goes on playing if this one was. */
  turnTo(part, resume) {
    Object.assign(this, { loaded: false, left: [part], resume });
    this.next();
  }

  ended() {
    const next = this.parts?.[this.parts.indexOf(this.source) + 1];
    if (next) {
      this.time = next.from_s;
      this.turnTo(next, true);
    } else this.on.state();
  }

  next() {
    this.source = this.left?.shift() ?? null;
    if (this.source) {
      this.video.hidden = false;
      this.video.src = this.source.href;
      return;
    }
    if (this.left === undefined) return;
    this.video.hidden = true;
    this.video.removeAttribute("src");
    this.on.trouble(this.kind);
    this.on.state();
  }

  /** A file that the reader has chosen: it never leaves the browser. */
  open(file) {
    meta.media.recording.unshift({ href: URL.createObjectURL(file), shift_s: meta.media.shift_s, name: file.name });
    this.choose("recording");
  }

  begin() {
    this.loaded = true;
    this.video.playbackRate = this.rate;
    this.seek(this.time);
    if (this.resume) this.play();
    this.resume = false;
    this.on.state();
  }

  get playing() {
    return this.loaded ? !this.video.paused && !this.video.ended : this.idle.playing;
  }

  setRate(rate) {
    this.rate = rate;
    this.video.playbackRate = rate;
  }

  play() {
    if (this.loaded) {
      this.video.play().catch(() => this.on.state());
      return;
    }
    if (this.time >= meta.to_s) this.time = meta.from_s;
    this.idle.playing = true;
    let before = performance.now();
    const step = (now) => {
      if (!this.idle.playing || this.loaded) return;
      this.time = Math.min(meta.to_s, this.time + ((now - before) / 1000) * this.rate);
      before = now;
      this.on.time(this.time, true);
      if (this.time >= meta.to_s) this.pause();
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
    this.on.state();
  }

  pause() {
    this.idle.playing = false;
    if (this.loaded) this.video.pause();
    this.on.state();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** A millisecond more, so that rounding does not show the frame before. */
  seek(time) {
    this.time = Math.max(meta.from_s, Math.min(meta.to_s, time));
    const part = this.loaded && this.parts ? this.partAt(this.time) : this.source;
    if (part !== this.source) this.turnTo(part, this.playing);
    else if (this.loaded) this.video.currentTime = Math.max(0, this.time - this.source.shift_s + 1e-3);
    // While a picture is awaited only the cursor moves: what is drawn over the picture belongs to it.
    this.on.time(this.time, !this.loaded);
  }
}
