// The lab's settings in the address of the page, so that a link leads to what a reader sees: #lab:rows is a preset, and
// #lab:camera=S6&iso=800 names what differs from the start.

const ANCHOR = "#lab:";

// What the text of a page refers to.
export const PRESETS = {
  rows: ["Rows", { camera: "banded", scene: "Rocket", iso: 1600, exposure: -3, view: "noise" }],
  photons: ["Photons", { camera: "Canon 70D", scene: "Greys", iso: 3200, exposure: 0, view: "noise" }],
  phone: ["Phone", { camera: "S6", scene: "Cat", iso: 800, exposure: -2, view: "picture", amplification: 2 }],
  telegraph: ["Telegraph", { camera: "telegraph", scene: "Coffee", iso: 1600, exposure: -4, view: "noise" }],
};

// Is the page ours to write an address into? JupyterLab's is not.
const ours = () => !("jpThemeLight" in document.body.dataset);

function typed(text, like) {
  if (Array.isArray(like)) return text ? text.split(",") : [];
  if (typeof like !== "number") return text;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : undefined;
}

// The settings that the address names, over those of the start; null where it names none.
export function fromAddress(start, hash = location.hash) {
  if (!hash.startsWith(ANCHOR)) return null;
  const text = decodeURIComponent(hash.slice(ANCHOR.length));
  if (text in PRESETS) return { ...start, ...PRESETS[text][1] };
  const found = { ...start };
  for (const [name, value] of new URLSearchParams(text))
    if (name in start) found[name] = typed(value, start[name]) ?? start[name];
  return found;
}

export function addressOf(settings, start) {
  const short = (value) => (typeof value === "number" ? Number(value.toPrecision(5)) : value);
  const changed = Object.entries(settings).filter(
    ([name, value]) => name in start && String(short(value)) !== String(short(start[name])),
  );
  return changed.length ? ANCHOR + new URLSearchParams(changed.map(([name, value]) => [name, short(value)])) : "";
}

// Writes the address without a step in the history. A browser that refuses keeps the old one.
export function toAddress(settings, start) {
  if (!ours()) return;
  const hash = addressOf(settings, start);
  if (hash === location.hash || (!hash && !location.hash.startsWith(ANCHOR))) return;
  try {
    history.replaceState(history.state, "", hash || location.pathname + location.search);
  } catch {}
}
