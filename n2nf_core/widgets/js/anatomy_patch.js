// The patch that the anatomy pushes through a flow: where it comes from, and how its planes are shown.
import { diverging } from "./colours.js";
import { make } from "./page.js";
import { brightness, develop } from "./panels.js";

export const SIDE = 64; // Bayer cells
export const GAP = 3; // pixels between the planes of a panel

// A grey card as the camera sees it.
export const flat = ({ white }) =>
  Float32Array.from({ length: 4 * SIDE ** 2 }, (_, i) => white[[0, 1, 1, 2][Math.floor(i / SIDE ** 2)]]);

// The middle of a picture, SIDE cells along either side.
export function cropped({ planes, height, width }) {
  const out = new Float32Array(4 * SIDE * SIDE);
  const [top, left] = [height - SIDE, width - SIDE].map((rest) => Math.max(Math.floor(rest / 2), 0));
  for (let i = 0; i < out.length; i++) {
    const [plane, pixel] = [Math.floor(i / SIDE ** 2), i % SIDE ** 2];
    const [y, x] = [(top + Math.floor(pixel / SIDE)) % height, (left + (pixel % SIDE)) % width];
    out[i] = planes[(plane * height + y) * width + x];
  }
  return out;
}

export function atLevel(planes, level) {
  const mean = planes.reduce((sum, value) => sum + value, 0) / planes.length;
  return planes.map((value) => Math.min((value * level) / mean, 1));
}

export function thumbnail(planes, look) {
  const canvas = Object.assign(make("canvas"), { width: SIDE, height: SIDE });
  const pixels = new ImageData(SIDE, SIDE);
  develop(planes, SIDE ** 2, look, 0.7 * brightness(planes), pixels.data);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

// Four planes, two above two.
export function tiled(values, full, pixels) {
  const side = 2 * SIDE + GAP;
  for (let i = 0; i < values.length; i++) {
    const [plane, pixel] = [Math.floor(i / SIDE ** 2), i % SIDE ** 2];
    const y = Math.floor(pixel / SIDE) + (plane >> 1) * (SIDE + GAP);
    const x = (pixel % SIDE) + (plane & 1) * (SIDE + GAP);
    diverging(values[i] / full, pixels, 4 * (y * side + x));
  }
}
