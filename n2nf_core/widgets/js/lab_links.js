// What a reader points at: a pixel of a panel, a bar of the histogram or a point of the variance, and where the same
// values are in the other places. The green pixels of the red rows stand for their Bayer cells.
import { tag } from "./charts.js";
import { nameOf } from "./lab_scores.js";
import { fixed } from "./page.js";
import { signalBin } from "./stats.js";

export class Links {
  // lab: {panels, shown, frames, charts: [histogram, variance, ...], cleans}; said: the element that says it.
  constructor(lab, said) {
    Object.assign(this, { lab, said });
    lab.panels.addEventListener("pointermove", (event) => !event.buttons && this.pixel(event));
    lab.panels.addEventListener("pointerleave", () => this.clear());
    const [histogram, variance] = lab.charts.map(({ at }) => at);
    histogram.addEventListener("pointermove", (event) => this.bar(histogram, event));
    variance.addEventListener("pointermove", (event) => this.point(variance, event));
    for (const at of [histogram, variance]) at.addEventListener("pointerleave", () => this.clear());
  }

  clear() {
    this.lab.everyPanel((panel) => panel.mark(null));
    for (const { at } of this.lab.charts) at.querySelector(".pointer")?.remove();
    this.said.textContent = "";
  }

  // Noise and signal of the green pixels of a panel; null while it is not drawn.
  greens(kind) {
    const frame = this.lab.frames[kind === "clean" ? "true" : kind];
    const clean = frame && this.lab.cleans[frame.noise.length];
    if (!clean) return null;
    const size = clean.length / 4;
    return { noise: frame.noise.subarray(size, 2 * size), clean: clean.subarray(size, 2 * size) };
  }

  pixel(event) {
    const kind = event.target.closest(".panel")?.dataset.kind;
    const values = kind && event.target.tagName === "CANVAS" && this.greens(kind);
    if (!values) return;
    const { x, y, index } = this.lab.shown[kind].pixelAt(event);
    const [signal, noise] = [values.clean[index], values.noise[index] / this.lab.frames.true.stats.sigma];
    const sign = noise < 0 ? "" : "+";
    this.said.textContent =
      `${nameOf(kind)}, column ${x}, row ${y}: signal ${signal.toPrecision(3)}` +
      (kind === "clean" ? "" : `, noise ${sign}${fixed(noise, 2)} σ`);
    this.mark(0, kind === "clean" ? null : noise);
    this.mark(1, Math.log10(Math.max(signal, 1e-4)));
  }

  // A line in a chart at a value of its horizontal axis.
  mark(number, value) {
    const { at } = this.lab.charts[number];
    at.querySelector(".pointer")?.remove();
    const svg = at.querySelector("svg");
    if (!svg || value === null) return;
    const [low, high] = at.plot.xRange;
    const x = at.plot.x(Math.min(Math.max(value, low), high)).toFixed(1);
    svg.insertAdjacentHTML("beforeend", tag("line", { class: "pointer", x1: x, x2: x, y1: 24, y2: 190 }));
  }

  // The value of a chart's horizontal axis under the pointer.
  valueAt({ plot }, { clientX }, svg) {
    const [low, high] = plot.xRange;
    const x = clientX - svg.getBoundingClientRect().left;
    return low + ((x - plot.x(low)) / (plot.x(high) - plot.x(low))) * (high - low);
  }

  bar(at, event) {
    const svg = at.querySelector("svg");
    const { stats } = this.lab.frames.true ?? {};
    if (!svg || !stats) return;
    const bins = stats.density.length;
    const reach = stats.limit / stats.sigma;
    const bin = Math.floor(((this.valueAt(at, event, svg) / reach + 1) / 2) * bins);
    const edges = [bin, bin + 1].map((k) => stats.limit * ((2 * k) / bins - 1));
    this.mark(0, reach * ((2 * bin + 1) / bins - 1));
    this.show((values, i) => values.noise[i] >= edges[0] && values.noise[i] < edges[1]);
    const [from, to] = edges.map((edge) => fixed(edge / stats.sigma, 1));
    this.said.textContent = `Marked: pixels with noise from ${from} to ${to} σ of the true noise.`;
  }

  point(at, event) {
    const svg = at.querySelector("svg");
    if (!svg || !this.lab.frames.true?.stats.variance.length) return;
    const wanted = this.valueAt(at, event, svg);
    const far = ({ signal }) => Math.abs(Math.log10(signal) - wanted);
    const near = this.lab.frames.true.stats.variance.reduce((a, b) => (far(b) < far(a) ? b : a));
    this.mark(1, Math.log10(near.signal));
    this.show((values, i) => signalBin(values.clean[i]) === near.bin);
    this.said.textContent =
      `Marked: pixels with a signal about ${near.signal.toPrecision(2)}; ` +
      `true noise of ${fixed(1000 * Math.sqrt(near.variance), 2)} ‰ there.`;
  }

  show(has) {
    for (const [kind, panel] of Object.entries(this.lab.shown)) {
      const values = this.greens(kind);
      if (values && panel.picture.width * panel.picture.height === values.clean.length)
        panel.mark((i) => has(values, i));
    }
  }
}
