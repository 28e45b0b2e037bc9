/* Small helpers for both pages. Text from recordings only ever becomes text. */

function $(id) {
  return document.getElementById(id);
}

/** An element with properties, attributes (those with a dash, and role) and children: elements or text. */
function made(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role" || key === "scope") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** What the reader chose before, on any page of a report; without storage it lasts as long as the page. */
const remembered = {
  get(key, usual) {
    try {
      return localStorage.getItem(`fer-batch.${key}`) ?? usual;
    } catch {
      return usual;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`fer-batch.${key}`, value);
    } catch {
      // Not allowed here.
    }
  },
};

/** 75.25 as 1:15.3, from an hour on 1:01:15; with `digits` after the point. */
function clock(seconds, digits = 1) {
  const unit = 10 ** digits;
  const all = Math.max(0, Math.round(seconds * unit));
  const [whole, part] = [Math.floor(all / unit), all % unit];
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = two(whole % 60) + (digits ? `.${String(part).padStart(digits, "0")}` : "");
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

function percent(share) {
  return share === null || Number.isNaN(share) ? "–" : `${Math.round(100 * share)} %`;
}

/** Light, dark or as the system has it. */
function chooseTheme(button, onChange) {
  const names = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
  const order = Object.keys(names);
  const apply = (theme) => {
    document.documentElement.dataset.theme = theme;
    button.textContent = names[theme];
    onChange();
  };
  const next = () => {
    const theme = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
    remembered.set("theme", theme);
    apply(theme);
  };
  button.addEventListener("click", next);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  apply(order.includes(remembered.get("theme")) ? remembered.get("theme") : "auto");
}
