"use strict";
// Shows one recording at a time: its pictures as they come, and four times a second how it is doing.
const by = (id) => document.getElementById(id);
const picture = by("picture");
let names = [];
let shown = 0;

function show(number) {
  if (number !== shown) past.clear();
  shown = number;
  picture.src = `picture/${number}?${Date.now()}`;
  picture.alt = `The annotated picture of ${names[number]}`;
  for (const [i, button] of [...by("recordings").children].entries()) {
    button.setAttribute("aria-pressed", String(i === number));
  }
}
// After a break of the server or a limit of viewers.
picture.addEventListener("error", () => setTimeout(() => show(shown), 2000));

function name_buttons(given) {
  if (given.join("\n") === names.join("\n")) return;
  names = given;
  by("recordings").replaceChildren(...names.map((name, i) => {
    const button = document.createElement("button");
    button.textContent = name;
    button.addEventListener("click", () => show(i));
    return button;
  }));
  show(Math.min(shown, names.length - 1));
}

function element(tag, text = "", kind = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = kind;
  return made;
}

// What each track has shown in the last half minute, as often as it was asked for.
const PAST_MS = 30000;
const past = new Map();

function note(faces, now) {
  for (const face of faces) {
    // Who is out of sight for a moment keeps a card, but shows nothing new.
    if (face.strip.at(-1) === null) continue;
    if (!past.has(face.track)) past.set(face.track, []);
    past.get(face.track).push({ at: now, probabilities: face.probabilities });
  }
  for (const [track, samples] of past) {
    while (samples.length && now - samples[0].at > PAST_MS) samples.shift();
    if (!samples.length) past.delete(track);
  }
}

// The seven probabilities stacked, newest at the right, as in reports; the ground shows where the face was not seen.
function timeline(track, emotions, now) {
  const canvas = element("canvas", "", "past");
  canvas.width = 480;
  canvas.height = 80;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "The probabilities of the last half minute");
  const pen = canvas.getContext("2d");
  const x = (at) => canvas.width * (1 - (now - at) / PAST_MS);
  const samples = past.get(track) ?? [];
  for (const [i, one] of samples.entries()) {
    const before = i && one.at - samples[i - 1].at < 1500 ? samples[i - 1].at : one.at - 250;
    let top = canvas.height;
    for (const [n, share] of one.probabilities.entries()) {
      top -= share * canvas.height;
      pen.fillStyle = emotions[n].colour;
      pen.fillRect(x(before), top, x(one.at) - x(before) + 0.5, share * canvas.height + 0.5);
    }
  }
  return canvas;
}

function face_card(face, emotions, now) {
  const card = element("div", "", "face");
  const heading = element("h3", `Track ${face.track} `);
  heading.append(element("span", face.emotion));
  card.append(heading);
  for (const [i, { name, colour }] of emotions.entries()) {
    const share = face.probabilities[i];
    const row = element("div", "", "bar");
    const track = element("div", "", "track");
    const bar = element("div");
    bar.style.width = `${(100 * share).toFixed(1)}%`;
    bar.style.background = colour;
    track.append(bar);
    row.append(element("span", name), track, element("span", `${Math.round(100 * share)} %`));
    card.append(row);
  }
  const strip = element("div", "", "strip");
  strip.setAttribute("role", "img");
  const told = face.strip.filter((one) => one !== null).map((one) => emotions[one].name);
  strip.setAttribute("aria-label", `The last half minute: ${told.join(", ") || "nothing"}`);
  for (const one of face.strip) {
    const cell = element("i");
    if (one !== null) { cell.style.background = emotions[one].colour; cell.title = emotions[one].name; }
    strip.append(cell);
  }
  card.append(strip, timeline(face.track, emotions, now));
  return card;
}

function tell(told) {
  name_buttons(told.recordings.map((one) => one.name));
  const one = told.recordings[shown];
  const state = by("state");
  state.textContent = { connecting: "connecting", live: "live", lost: "connection lost", over: "ended" }[one.state];
  state.className = one.state;
  picture.classList.toggle("stale", one.state !== "live");
  const retry = one.retry_in_s === null ? "" : ` Next attempt in ${Math.ceil(one.retry_in_s)} s.`;
  by("reason").textContent = (one.reason || one.source) + retry;
  by("arrived").textContent = `${one.arrived.toFixed(1)}/s`;
  by("analysed").textContent = `${one.analysed.toFixed(1)}/s`;
  by("dropped").textContent = `${one.dropped.toFixed(1)}/s`;
  by("latency").textContent = one.latency_s === null ? "–" : `${Math.round(1000 * one.latency_s)} ms`;
  by("nobody").hidden = one.faces.length > 0;
  const now = performance.now();
  note(one.faces, now);
  by("faces").replaceChildren(...one.faces.map((face) => face_card(face, told.emotions, now)));
}

async function ask() {
  try {
    const answer = await fetch("state", { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    tell(await answer.json());
  } catch {
    by("state").textContent = "fer-batch does not answer";
    by("state").className = "lost";
    picture.classList.add("stale");
  }
  setTimeout(ask, document.hidden ? 2000 : 250);
}
ask();
