// Two frames of one scene: the scene vanishes in their difference, and every exposure gives a point of a line.
import { Plot } from "./charts.js";
import { slider } from "./controls.js";
import { openScene } from "./image.js";
import { headingOf } from "./labels.js";
import { Pacer } from "./pacing.js";
import { bytesOf, fixed, make } from "./page.js";
import { develop, developNoise, Lens, lookOf, Panel } from "./panels.js";
import { lineThrough, pointOf } from "./photon_transfer.js";
import { sensorAt, sensorLine, sensorNoise } from "./sensor.js";

const EXPOSURE = { label: "Exposure", low: -5, high: 0, step: 0.25 };
const FIRST = -2; // the exposure to begin with, stops below the brightest
const BRIGHTEST = 0.9; // of the brightest pixel, at exposure 0
const TITLES = { first: "Frame y₁", second: "Frame y₂", difference: "y₁ − y₂" };
const PAUSE = 160; // ms between exposures of a sweep

class TwoFrames {
  constructor(model, el) {
    this.look = lookOf(model.get("camera_from_srgb"), model.get("srgb_from_camera"));
    this.sensor = sensorAt(model.get("sensor"), model.get("iso"));
    this.full = this.sensor.white - this.sensor.black;
    Object.assign(this, { exposure: FIRST, points: [], seed: 0, pacer: new Pacer(() => this.drawn()) });
    this.root = make("section", "n2nf two-frames");
    this.root.setAttribute("aria-label", "Two frames of one scene");
    this.lens = new Lens(() => Object.values(this.panels).map((panel) => panel.draw()));
    this.build();
    el.append(this.root);
    this.resized = new ResizeObserver(() => this.scene && this.paint());
    this.start(bytesOf(model.get("scene")));
  }

  build() {
    this.panels = Object.fromEntries(
      Object.entries(TITLES).map(([kind, title]) => [kind, new Panel(this.lens, kind, title)]),
    );
    const panels = make("div", "panels");
    panels.append(...Object.values(this.panels).map(({ element }) => element));
    this.form = make("form", "controls");
    this.form.innerHTML = `<div class="fields">${slider("exposure", EXPOSURE)}
      <button type="button" name="sweep">Sweep it</button><button type="button" name="clear">Clear</button></div>`;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    const { exposure, sweep, clear } = this.form.elements;
    exposure.addEventListener("input", () => this.expose(Number(exposure.value)));
    sweep.addEventListener("click", () => this.sweep());
    clear.addEventListener("click", () => {
      this.points = [];
      this.expose(this.exposure);
    });
    this.chart = make("div", "plot");
    this.status = Object.assign(make("p", "status"), { role: "status" });
    const side = make("div", "beside");
    side.append(make("div", "title", headingOf("photon_transfer")), this.chart, this.status);
    const both = make("div", "both");
    both.append(panels, side);
    this.root.append(this.form, both);
  }

  async start(png) {
    this.scene = await openScene(png);
    const most = this.scene.planes.reduce((a, b) => Math.max(a, b), 0);
    this.scene.planes = this.scene.planes.map((value) => (value * BRIGHTEST) / most);
    this.expose(this.exposure);
    this.resized.observe(this.root);
  }

  sweep() {
    clearTimeout(this.timer);
    this.points = [];
    const step = (exposure) => {
      this.expose(exposure);
      if (exposure < EXPOSURE.high) this.timer = setTimeout(() => step(exposure + 0.5), PAUSE);
    };
    step(EXPOSURE.low);
  }

  expose(exposure) {
    this.exposure = exposure;
    const field = this.form.elements.exposure;
    const text = exposure ? `${fixed(exposure, 2)} EV` : "brightest";
    field.value = exposure;
    field.setAttribute("aria-valuetext", text);
    field.closest("label").querySelector("output").value = text;
    delete this.root.dataset.drawn;
    this.pacer.ask("frames", () => this.take());
  }

  // Two new frames, and their point in place of an earlier one of the same exposure.
  take() {
    const { planes, height, width } = this.scene;
    const clean = planes.map((value) => value * 2 ** this.exposure);
    this.seed++;
    const [first, second] = [1, 2].map((stream) =>
      sensorNoise(this.sensor, { clean, height, width }, this.seed, stream).map((noise, i) => clean[i] + noise),
    );
    this.frames = { first, second, difference: first.map((value, i) => value - second[i]) };
    const { signal, variance } = pointOf(first, second);
    const point = { exposure: this.exposure, signal: this.full * signal, variance: this.full ** 2 * variance };
    this.points = [...this.points.filter(({ exposure }) => exposure !== this.exposure), point];
    this.paint();
  }

  paint() {
    for (const kind of Object.keys(this.panels)) this.pacer.ask(kind, () => this.show(kind));
    this.pacer.ask("chart", () => this.plot());
  }

  show(kind) {
    const { height, width } = this.scene;
    const values = this.frames[kind];
    const gain = 0.95 / (BRIGHTEST * 2 ** this.exposure);
    const { signal, variance } = this.points.at(-1);
    const deviation = Math.sqrt(2 * variance) / this.full;
    const paint = (pixels) =>
      kind === "difference"
        ? developNoise(values, height * width, 0.3 / deviation, pixels)
        : develop(values, height * width, this.look, gain, pixels);
    const note = kind === "difference" ? "noise alone" : `mean ${fixed(signal, 0)} DN`;
    this.panels[kind].show(width, height, paint, note, kind === "difference" ? "noise alone" : "a noisy picture");
  }

  plot() {
    const { shot, read } = sensorLine(this.sensor);
    const brightest = this.full * this.scene.planes.reduce((sum, value) => sum + value / this.scene.planes.length, 0);
    const top = shot * this.full * brightest + read * this.full ** 2;
    const plot = new Plot(this.chart, [0, 1.06 * brightest], [0, 1.15 * top]);
    const ticks = (end) => {
      const step = 10 ** Math.floor(Math.log10(end));
      const by = end / step < 2 ? step / 2 : end / step < 5 ? step : 2 * step;
      return Array.from({ length: Math.floor(end / by) + 1 }, (_, k) => [k * by, (k * by).toLocaleString("en")]);
    };
    plot.axes(ticks(brightest), ticks(top), "mean signal, DN", "½ mean (y₁ − y₂)², DN²");
    const line = lineThrough(this.points);
    const ends = [0, 1.06 * brightest];
    if (line)
      plot.line(
        ends.map((x) => [x, line.slope * x + line.offset]),
        "photon_transfer",
      );
    plot.dots(
      this.points.map(({ signal, variance }) => [signal, variance]),
      "photon_transfer",
      4,
    );
    const { signal, variance } = this.points.at(-1);
    plot.dots([[signal, variance]], "photon_transfer", 6);
    const said = this.said(line);
    this.status.textContent = said;
    plot.into(this.chart, `Variance of the noise against the mean signal, ${this.points.length} exposures. ${said}`);
  }

  said(line) {
    const count = this.points.length;
    if (!line) return "One exposure, one point. Drag the exposure: the points will lie on a line.";
    const read = line.offset > 0 ? `${fixed(Math.sqrt(line.offset), 0)} DN` : "cannot be told from 0 yet";
    const truth = Math.sqrt(sensorLine(this.sensor).read) * this.full;
    return (
      `${count} exposures. Slope: ${fixed(line.slope, 1)} DN per electron (truth: ` +
      `${fixed(this.sensor.gain, 1)}). Read noise: ${read} (truth: ${fixed(truth, 0)} DN).`
    );
  }

  drawn() {
    this.root.dataset.drawn = String(this.exposure);
  }

  stop() {
    clearTimeout(this.timer);
    this.pacer.stop();
    this.resized.disconnect();
    this.root.remove();
  }
}

function render({ model, el }) {
  const frames = new TwoFrames(model, el);
  return () => frames.stop();
}

export default { render };
