// The panels: noise on the picture or alone, zoomed and moved together.
import { srgbFromLinear } from "./srgb.js";

const CURVE = Uint8ClampedArray.from({ length: 4097 }, (_, k) => Math.round(255 * srgbFromLinear(k / 4096)));
export const developed = (value) => CURVE[Math.max(0, Math.min(4096, (value * 4096) | 0))];

// How camera colours become sRGB: white balance first, cut there so that highlights stay white, then the colour matrix.
export function lookOf(cameraFromSrgb, srgbFromCamera) {
  const white = cameraFromSrgb.map((row) => row.reduce((sum, value) => sum + value));
  return { white, matrix: srgbFromCamera.flatMap((row) => row.map((value, c) => value * white[c])) };
}

// The gain that shows all but the brightest hundredth.
export function brightness(planes) {
  const some = Float32Array.from({ length: Math.ceil(planes.length / 31) }, (_, k) => planes[31 * k]).sort();
  return 0.95 / Math.max(some[Math.floor(0.99 * some.length)], 1e-6);
}

// Planes plus so many times the noise.
export function noisy(planes, amplification, noise) {
  const out = new Float32Array(planes.length);
  for (let i = 0; i < out.length; i++) out[i] = planes[i] + amplification * noise[i];
  return out;
}

// Planes to RGB pixels, one per Bayer cell, with the tone curve that the eye is used to.
export function develop(planes, size, { white, matrix: m }, gain, out) {
  const [red, green, blue] = white.map((value) => gain / value);
  for (let i = 0; i < size; i++) {
    const r = Math.min(red * planes[i], 1);
    const g = Math.min((green * (planes[size + i] + planes[2 * size + i])) / 2, 1);
    const b = Math.min(blue * planes[3 * size + i], 1);
    out[4 * i] = developed(m[0] * r + m[1] * g + m[2] * b);
    out[4 * i + 1] = developed(m[3] * r + m[4] * g + m[5] * b);
    out[4 * i + 2] = developed(m[6] * r + m[7] * g + m[8] * b);
    out[4 * i + 3] = 255;
  }
}

// Noise of R, G, B about grey; 1 / scale is full contrast.
export function developNoise(noise, size, scale, out) {
  for (let i = 0; i < size; i++) {
    out[4 * i] = 128 + 127 * scale * noise[i];
    out[4 * i + 1] = 128 + (127 * scale * (noise[size + i] + noise[2 * size + i])) / Math.SQRT2;
    out[4 * i + 2] = 128 + 127 * scale * noise[3 * size + i];
    out[4 * i + 3] = 255;
  }
}

// Grey pixels, value(i) in [0, 255].
export function greys(size, value, out) {
  for (let i = 0; i < size; i++) {
    out[4 * i] = out[4 * i + 1] = out[4 * i + 2] = value(i);
    out[4 * i + 3] = 255;
  }
}

// What all panels show of the picture: centre in [0, 1], magnification from 1 (all of it) on.
export class Lens {
  constructor(changed) {
    Object.assign(this, { x: 0.5, y: 0.5, zoom: 1, changed });
  }

  zoomBy(factor, x = this.x, y = this.y) {
    const zoom = Math.min(Math.max(this.zoom * factor, 1), 32);
    const stay = this.zoom / zoom;
    this.move(x + (this.x - x) * stay, y + (this.y - y) * stay, zoom);
  }

  move(x, y, zoom = this.zoom) {
    const half = 0.5 / zoom;
    const inside = (v) => Math.min(Math.max(v, half), 1 - half);
    Object.assign(this, { x: inside(x), y: inside(y), zoom });
    this.changed();
  }
}

const MARKED = [255, 60, 190, 255]; // a colour that no picture of noise has

const KEYS = {
  ArrowLeft: (lens, step) => lens.move(lens.x - step, lens.y),
  ArrowRight: (lens, step) => lens.move(lens.x + step, lens.y),
  ArrowUp: (lens, step) => lens.move(lens.x, lens.y - step),
  ArrowDown: (lens, step) => lens.move(lens.x, lens.y + step),
  "+": (lens) => lens.zoomBy(1.5),
  "=": (lens) => lens.zoomBy(1.5),
  "-": (lens) => lens.zoomBy(1 / 1.5),
  0: (lens) => lens.move(0.5, 0.5, 1),
};

export class Panel {
  constructor(lens, kind, title) {
    Object.assign(this, { lens, title, width: 0, height: 0 });
    this.element = document.createElement("div");
    this.element.className = "panel";
    this.element.dataset.kind = kind;
    this.element.innerHTML = `<canvas tabindex="0" role="img"></canvas><div class="caption"><b></b><span></span></div>`;
    this.element.querySelector("b").textContent = title;
    this.canvas = this.element.querySelector("canvas");
    this.canvas.setAttribute("aria-label", `${title}: not drawn yet`);
    this.picture = document.createElement("canvas");
    this.marks = null;
    new ResizeObserver(([{ contentRect }]) => this.resize(contentRect)).observe(this.canvas);
    this.listen();
  }

  // paint(pixels) fills RGBA; note and label: under the picture, and read aloud.
  show(width, height, paint, note, label) {
    if (this.pixels?.width !== width || this.pixels.height !== height) {
      Object.assign(this.picture, { width, height });
      this.pixels = new ImageData(width, height);
      this.canvas.style.aspectRatio = `${width} / ${height}`;
    }
    paint(this.pixels.data.fill(0));
    this.picture.getContext("2d").putImageData(this.pixels, 0, 0);
    this.marks = null;
    this.say(note);
    this.canvas.setAttribute(
      "aria-label",
      `${this.title}: ${label}. Arrow keys move, plus and minus zoom, 0 shows all.`,
    );
    this.draw();
  }

  say(note) {
    if (note !== this.note) this.element.querySelector("span").textContent = note;
    this.note = note;
  }

  // The size on the screen is told, not asked for: to ask for it makes the browser lay out the page anew.
  resize({ width, height }) {
    Object.assign(this, { width, height });
    this.draw();
  }

  draw() {
    const { canvas, picture, lens } = this;
    const sharp = window.devicePixelRatio || 1;
    const [width, height] = [this.width, this.height].map((side) => Math.max(1, Math.round(side * sharp)));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const brush = canvas.getContext("2d");
    brush.clearRect(0, 0, width, height); // a picture may be transparent in places
    for (const layer of this.marks ? [picture, this.marks] : [picture]) {
      const [w, h] = [layer.width / lens.zoom, layer.height / lens.zoom];
      brush.imageSmoothingEnabled = layer === picture && width < 3 * w;
      brush.drawImage(layer, lens.x * layer.width - w / 2, lens.y * layer.height - h / 2, w, h, 0, 0, width, height);
    }
  }

  // Marks pixels of the picture: has(i) for pixel i; without has, takes the marks away.
  mark(has) {
    const { width, height } = this.picture;
    if (!has && !this.marks) return;
    this.marks = has && Object.assign(document.createElement("canvas"), { width, height });
    if (has) {
      const pixels = new ImageData(width, height);
      for (let i = 0; i < width * height; i++) if (has(i)) pixels.data.set(MARKED, 4 * i);
      this.marks.getContext("2d").putImageData(pixels, 0, 0);
    }
    this.draw();
  }

  // The pixel of the picture under a pointer.
  pixelAt({ clientX, clientY }) {
    const { lens, picture } = this;
    const box = this.canvas.getBoundingClientRect();
    const at = (share, centre, size) =>
      Math.floor(Math.min(Math.max(centre + (share - 0.5) / lens.zoom, 0), 0.9999) * size);
    const x = at((clientX - box.left) / box.width, lens.x, picture.width);
    const y = at((clientY - box.top) / box.height, lens.y, picture.height);
    return { x, y, index: y * picture.width + x };
  }

  listen() {
    const { canvas, lens } = this;
    const fingers = new Map();
    canvas.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
      fingers.set(event.pointerId, event);
      const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
      const share = (other ? 0.5 : 1) / lens.zoom;
      lens.move(lens.x - (dx / canvas.clientWidth) * share, lens.y - (dy / canvas.clientHeight) * share);
      if (other) lens.zoomBy(apart(event, other) / Math.max(apart(before, other), 1));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
    }
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("dblclick", () => lens.move(0.5, 0.5, 1));
    canvas.addEventListener("keydown", (event) => {
      const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key];
      if (!act) return;
      event.preventDefault();
      act(lens, 0.1 / lens.zoom);
    });
  }

  // The page scrolls as ever until a reader has zoomed in, or holds Ctrl.
  wheel(event) {
    const { canvas, lens } = this;
    if (lens.zoom === 1 && !event.ctrlKey) return;
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    const at = (position, start, length, centre) => centre + ((position - start) / length - 0.5) / lens.zoom;
    const x = at(event.clientX, box.left, box.width, lens.x);
    const y = at(event.clientY, box.top, box.height, lens.y);
    lens.zoomBy(Math.exp(-event.deltaY / 400), x, y);
  }
}

const apart = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
