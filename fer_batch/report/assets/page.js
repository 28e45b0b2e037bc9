/* The page of one recording: joins player, overlay, timelines and tables. */

const tracks = meta.tracks.map((about) => new Track(about));
const wanted = { boxes: remembered.get("boxes", "yes") === "yes", bars: remembered.get("bars", "yes") === "yes" };
let frames = null;
let shownAt = meta.from_s;

function facesAt(time) {
  const faces = [];
  for (const track of tracks) {
    const row = track.rowAt(time);
    if (row >= 0) faces.push({ track, row });
  }
  return faces;
}

/** Draws over the picture that is shown now, and says in words what is there. */
function drawMoment() {
  const annotated = player?.kind === "annotated" && player.loaded;
  const faces = facesAt(shownAt);
  drawFaces($("overlay"), faces, annotated ? {} : wanted);
  const stage = $("stage");
  stage.dataset.time = shownAt.toFixed(4);
  stage.dataset.faces = faces.length;
  const frame = frames && faces.length ? frames.numbers[faces[0].track.frames[faces[0].row]] : null;
  $("now").textContent = meta.kind === "photo" ? "" : `${clock(shownAt, 2)} / ${clock(meta.to_s, 0)}`;
  $("frame").textContent = frame === null || meta.kind === "photo" ? "" : `frame ${frame}`;
}

// ---- the player ----

function makePlayer() {
  const one = new Player($("video"), {
    time(time, shown) {
      if (shown) shownAt = time;
      $("seek").value = time;
      timeline.show(time, one.playing);
      markEpisode(time);
      if (shown) drawMoment();
    },
    state() {
      const button = $("play");
      button.textContent = one.playing ? "Pause" : "Play";
      button.setAttribute("aria-pressed", one.playing);
      $("mute").hidden = !one.loaded || !meta.sound;
      $("mute").textContent = $("video").muted ? "Unmute" : "Mute";
      for (const kind of ["recording", "annotated"]) $(kind).setAttribute("aria-pressed", one.kind === kind);
      for (const name of ["boxes", "bars"]) $(name).disabled = one.kind === "annotated" && one.loaded;
      $("stage").dataset.source = one.loaded ? one.kind : "none";
      if (one.loaded && one.kind === "recording") $("trouble").hidden = true;
      drawMoment();
    },
    trouble(kind) {
      tellTrouble(kind);
      if (kind === "recording" && meta.media.annotated.length) one.choose("annotated");
    },
  });
  return one;
}

/** Why there is no picture, and what can be done. */
function tellTrouble(kind) {
  const instead = kind === "recording" && meta.media.annotated.length > 0;
  const what = kind === "recording" ? "The recording" : "The annotated copy";
  const places = meta.media[kind].map((source) => source.name);
  const why = places.length
    ? `${what} cannot be played: it is not where it was (${places[0]}), or this browser does not know its format.`
    : `${what} is not there.`;
  const then = instead ? " Its annotated copy is shown instead." : " The timeline works without it.";
  const choose = made("label", { className: "button" }, "Choose the recording…", picker());
  $("trouble").replaceChildren(why, then, " ", choose);
  $("trouble").hidden = false;
}

function picker() {
  const input = made("input", { type: "file", accept: "video/*", className: "out-of-sight" });
  input.addEventListener("change", () => input.files.length && player.open(input.files[0]));
  return input;
}

function step(count) {
  player.pause();
  if (!frames) return;
  const last = above(frames.times, player.time + 1e-3) - 1;
  const place = Math.max(0, Math.min(frames.times.length - 1, last + count));
  player.seek(frames.times[place]);
}

/** The beginning of the next or the last episode of any track. */
function toEpisode(direction) {
  const starts = tracks.flatMap((track) => track.episodes.map(([, start]) => start)).sort((one, other) => one - other);
  const place = direction > 0 ? above(starts, player.time + 0.02) : above(starts, player.time - 0.3) - 1;
  if (starts[place] !== undefined) player.seek(starts[place]);
}

function listenToPlayer() {
  $("play").addEventListener("click", () => player.toggle());
  $("stage").addEventListener("click", (event) => event.target.closest("button, label") || player.toggle());
  $("back").addEventListener("click", () => step(-1));
  $("on").addEventListener("click", () => step(1));
  $("mute").addEventListener("click", () => ($("video").muted = !$("video").muted));
  $("full").addEventListener("click", () =>
    document.fullscreenElement ? document.exitFullscreen() : $("screen").requestFullscreen(),
  );
  $("seek").addEventListener("input", () => player.seek(Number($("seek").value)));
  $("speed").addEventListener("change", () => player.setRate(Number($("speed").value)));
  for (const kind of ["recording", "annotated"]) {
    $(kind).hidden = !meta.media.recording.length || !meta.media.annotated.length;
    $(kind).addEventListener("click", () => player.choose(kind));
  }
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, summary");
    if (event.ctrlKey || event.metaKey || event.altKey || typing) return;
    const done = {
      " ": () => player.toggle(),
      k: () => player.toggle(),
      ",": () => step(-1),
      ".": () => step(1),
      "[": () => toEpisode(-1),
      "]": () => toEpisode(1),
      ArrowLeft: () => player.seek(player.time - 5),
      ArrowRight: () => player.seek(player.time + 5),
    }[event.key];
    if (!done || (event.key === " " && event.target.closest("button, a"))) return;
    event.preventDefault();
    done();
  });
}

function listenToOverlay() {
  for (const name of ["boxes", "bars"]) {
    const box = $(name);
    box.checked = wanted[name];
    box.addEventListener("change", () => {
      wanted[name] = box.checked;
      remembered.set(name, box.checked ? "yes" : "no");
      drawMoment();
    });
  }
  new ResizeObserver(drawMoment).observe($("stage"));
}

// ---- the timelines ----

function tellHover(track, time, event) {
  const tip = $("tip");
  const row = track ? track.rowAt(time) : -1;
  tip.hidden = row < 0;
  if (row < 0) return;
  const lines = track
    .probabilities(row)
    .map((value, emotion) => [value, emotion])
    .sort(([one], [other]) => other - one)
    .slice(0, 3)
    .map(([value, emotion]) =>
      made("div", {}, made("span", { className: `swatch ${EMOTIONS[emotion]}` }), `${EMOTIONS[emotion]} ${percent(value)}`),
    );
  const guessed = track.interpolated[row] ? made("div", { className: "muted" }, "place worked out") : null;
  const wall = meta.clock_ms === null ? null : new Date(meta.clock_ms + 1000 * time).toISOString().replace("T", " ");
  tip.replaceChildren(
    made("strong", {}, clock(time, 2)),
    ...(wall ? [made("div", { className: "muted" }, `${wall.slice(0, 19)} UTC`)] : []),
    ...lines,
    ...(guessed ? [guessed] : []),
  );
  const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.transform = `translate(${left}px, ${event.clientY + 16}px)`;
}

function listenToTimeline() {
  const modes = ["stacked", "lines", "lanes"];
  const set = (mode) => {
    timeline.mode = mode;
    remembered.set("mode", mode);
    for (const each of modes) $(each).setAttribute("aria-pressed", each === mode);
    timeline.draw();
  };
  for (const mode of modes) $(mode).addEventListener("click", () => set(mode));
  set(modes.includes(remembered.get("mode")) ? remembered.get("mode") : "stacked");
  $("in").addEventListener("click", () => timeline.zoom(0.5));
  $("out").addEventListener("click", () => timeline.zoom(2));
  $("fit").addEventListener("click", () => timeline.look(meta.from_s, meta.to_s));
}

// ---- episodes and details ----

let episodeButtons = [];

const MOST_EPISODES = 400; // In the list beside the picture: the tracks' own lists have all.

function listEpisodes() {
  const all = tracks
    .flatMap((track) => track.episodes.map((episode) => ({ track, episode })))
    .sort((one, other) => one.episode[1] - other.episode[1]);
  const several = tracks.length > 1;
  episodeButtons = all.slice(0, MOST_EPISODES).map(({ track, episode: [emotion, start, end] }) => {
    const button = made(
      "button",
      { type: "button", className: "episode" },
      made("span", { className: `swatch ${EMOTIONS[emotion]}`, "aria-hidden": "true" }),
      made("span", { className: "grow" }, EMOTIONS[emotion], several ? made("small", {}, ` #${track.track}`) : null),
      made("span", { className: "muted" }, `${clock(start)} – ${clock(end)}`),
    );
    button.addEventListener("click", () => player.seek(start));
    return { button, start, end };
  });
  const more = all.length - episodeButtons.length;
  $("episodes").replaceChildren(
    ...episodeButtons.map(({ button }) => made("li", {}, button)),
    ...(more > 0 ? [made("li", { className: "muted" }, `and ${more} more, under the tracks below`)] : []),
    ...(all.length ? [] : [made("li", { className: "muted" }, "No emotion led for long enough.")]),
  );
}

function markEpisode(time) {
  for (const { button, start, end } of episodeButtons) button.classList.toggle("current", start <= time && time < end);
}

/** A bar of shares with its numbers in words. */
function shareBar(shares) {
  const words = EMOTIONS.map((name, emotion) => `${name} ${percent(shares[emotion])}`).join(", ");
  const parts = EMOTIONS.map((name, emotion) => {
    const part = made("span", { className: name, title: `${name} ${percent(shares[emotion])}` });
    part.style.width = `${100 * shares[emotion]}%`;
    return part;
  });
  return made("div", { className: "shares", role: "img", "aria-label": words }, ...parts);
}

function table(caption, heads, rows) {
  const head = made("tr", {}, ...heads.map((text) => made("th", { scope: "col" }, text)));
  return made(
    "table",
    {},
    made("caption", {}, caption),
    made("thead", {}, head),
    made("tbody", {}, ...rows.map((cells) => made("tr", {}, ...cells))),
  );
}

function cell(content, name = "") {
  return made("td", { className: name }, content);
}

function sharesTable(track) {
  const rows = EMOTIONS.map((name, emotion) => [
    made("th", { scope: "row" }, made("span", { className: `swatch ${name}` }), name),
    cell(percent(track.shares[emotion]), "number"),
    cell(track.means[emotion].toFixed(2), "number"),
    cell(String(track.episodes.filter(([each]) => each === emotion).length), "number"),
  ]);
  const share = meta.kind === "photo" ? "of faces" : "of the time";
  return table("What it showed", ["emotion", share, "mean", "episodes"], rows);
}

/** How often one emotion followed another. */
function transitionsTable(track) {
  const counts = EMOTIONS.map(() => EMOTIONS.map(() => 0));
  for (const [from, to, count] of track.transitions) counts[from][to] = count;
  const most = Math.max(1, ...counts.flat());
  const rows = EMOTIONS.map((name, from) => [
    made("th", { scope: "row" }, made("span", { className: `swatch ${name}` }), name),
    ...EMOTIONS.map((_, to) => {
      const one = cell(counts[from][to] ? String(counts[from][to]) : "·", "heat");
      one.style.setProperty("--heat", `${Math.round((60 * counts[from][to]) / most)}%`);
      return one;
    }),
  ]);
  return table("From one episode (row) to the next (column)", ["from / to", ...EMOTIONS], rows);
}

function episodesTable(track) {
  const rows = track.episodes.map(([emotion, start, end, peak_s, peak, mean]) => {
    const seek = made("button", { type: "button", className: "link" }, clock(start));
    seek.addEventListener("click", () => player.seek(start));
    const name = made("span", {}, made("span", { className: `swatch ${EMOTIONS[emotion]}` }), EMOTIONS[emotion]);
    const numbers = [clock(end), (end - start).toFixed(1), `${peak.toFixed(2)} at ${clock(peak_s)}`, mean.toFixed(2)];
    return [cell(name), cell(seek, "number"), ...numbers.map((text) => cell(text, "number"))];
  });
  return table("Episodes", ["emotion", "from", "to", "seconds", "peak", "mean"], rows);
}

/** The tables of a track are made when they are opened: there may be many tracks and episodes. */
function detail(track) {
  const summary = made(
    "summary",
    {},
    track.thumbnail ? made("img", { src: track.thumbnail, alt: "" }) : null,
    made("strong", {}, `Track ${track.track}`),
    made(
      "span",
      { className: "muted" },
      meta.kind === "photo"
        ? described(track).split(": ")[1]
        : `${clock(track.starts_s[0])} – ${clock(track.ends_s.at(-1))}, seen ${clock(track.seen_s)}, ${track.rows} faces`,
    ),
    // A photo lasts no time: its shares would only name the leading emotion.
    shareBar(meta.kind === "photo" ? track.means : track.shares),
  );
  const element = made("details", { className: "card detail" }, summary);
  element.addEventListener("toggle", () => {
    if (!element.open || element.querySelector(".tables")) return;
    const tables = [sharesTable(track)];
    if (meta.kind !== "photo") tables.push(transitionsTable(track), episodesTable(track));
    element.append(made("div", { className: "tables" }, ...tables));
  });
  if (tracks.length === 1) element.open = true;
  return element;
}

// ---- photos ----

function showPhoto() {
  const image = $("photo");
  const left = [...meta.media.recording, ...meta.media.annotated];
  const next = () => {
    const source = left.shift();
    image.hidden = !source;
    if (source) {
      image.src = source.href;
      $("stage").dataset.source = meta.media.annotated.includes(source) ? "annotated" : "recording";
      return;
    }
    $("trouble").textContent = "The photo is not where it was, or this browser does not know its format.";
    $("trouble").hidden = false;
  };
  image.addEventListener("error", next);
  image.addEventListener("load", () => {
    if ($("stage").dataset.source === "annotated") Object.assign(wanted, { boxes: false, bars: false });
    drawMoment();
  });
  next();
}

// ---- all together ----

document.documentElement.style.setProperty("--aspect", `${meta.width} / ${meta.height}`);
let player = null;
let timeline = null;
$("details").append(...tracks.map(detail));
if (meta.kind === "photo") {
  showPhoto();
} else {
  $("seek").min = meta.from_s;
  $("seek").max = meta.to_s;
  timeline = new Timeline(tracks, { seek: (time) => player.seek(time), hover: tellHover });
  player = makePlayer();
  listEpisodes();
  listenToPlayer();
  listenToTimeline();
  // A live source leaves nothing but its annotated copy.
  player.choose(meta.media.recording.length || !meta.media.annotated.length ? "recording" : "annotated");
}
listenToOverlay();
chooseTheme($("theme"), () => timeline?.draw());
unpackRows(tracks, (block) => {
  timeline?.draw(timeline.rows.filter(({ track }) => track.block === block));
  drawMoment();
}).then(
  (read) => {
    frames = read;
    drawMoment();
    document.documentElement.dataset.ready = Math.round(performance.now());
  },
  (error) => {
    $("trouble").textContent = `The timeline cannot be unpacked (${error}): this takes a browser of 2023 or later.`;
    $("trouble").hidden = false;
  },
);
