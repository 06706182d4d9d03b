// Three charts as SVG: histogram, variance against signal, autocorrelation. Colours come from the style sheet.

const MARGIN = { left: 46, right: 10, top: 24, bottom: 34 };
const HEIGHT = 224;

export const tag = (name, attributes, text = "") => {
  const written = Object.entries(attributes).map(([key, value]) => `${key}="${value}"`);
  return `<${name} ${written.join(" ")}>${text}</${name}>`;
};

// A linear map of [from, to] to pixels.
const linear =
  ([from, to], [start, end]) =>
  (value) =>
    start + ((value - from) / (to - from || 1)) * (end - start);

export class Plot {
  constructor(element, xRange, yRange) {
    this.width = Math.max(220, element.clientWidth || 300);
    this.x = linear(xRange, [MARGIN.left, this.width - MARGIN.right]);
    this.y = linear(yRange, [HEIGHT - MARGIN.bottom, MARGIN.top]);
    [this.xRange, this.yRange] = [xRange, yRange];
    this.parts = [];
  }

  // The title of the vertical axis stands above it, where it can be read.
  axes(xTicks, yTicks, xLabel, yLabel = "") {
    const bottom = HEIGHT - MARGIN.bottom;
    for (const [value, text] of yTicks) {
      const y = this.y(value).toFixed(1);
      this.parts.push(tag("line", { class: "rule", x1: MARGIN.left, x2: this.width - MARGIN.right, y1: y, y2: y }));
      this.parts.push(tag("text", { x: MARGIN.left - 6, y: Number(y) + 4, "text-anchor": "end" }, text));
    }
    for (const [value, text] of xTicks) {
      this.parts.push(tag("text", { x: this.x(value).toFixed(1), y: bottom + 15, "text-anchor": "middle" }, text));
    }
    const middle = (MARGIN.left + this.width - MARGIN.right) / 2;
    this.parts.push(tag("text", { class: "axis", x: middle, y: HEIGHT - 4, "text-anchor": "middle" }, xLabel));
    if (yLabel) this.parts.push(tag("text", { class: "axis", x: 2, y: 12 }, yLabel));
  }

  path(points) {
    const [low, high] = this.yRange;
    const clipped = points.map(([x, y]) => [this.x(x), this.y(Math.min(Math.max(y, low), high))]);
    return clipped.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  }

  line(points, kind, more = "") {
    this.parts.push(tag("path", { class: `series ${more}`, "data-kind": kind, d: this.path(points) }));
  }

  area(points, kind) {
    const [low] = this.yRange;
    const [first, last] = [points[0][0], points.at(-1)[0]];
    this.parts.push(
      tag("path", { class: "area", "data-kind": kind, d: this.path([[first, low], ...points, [last, low]]) }),
    );
  }

  dots(points, kind, radius) {
    for (const [x, y] of points) {
      const at = { cx: this.x(x).toFixed(1), cy: this.y(y).toFixed(1), r: radius };
      this.parts.push(tag("circle", { class: "dot", "data-kind": kind, ...at }));
    }
  }

  into(element, label) {
    const box = {
      viewBox: `0 0 ${this.width} ${HEIGHT}`,
      width: this.width,
      height: HEIGHT,
      role: "img",
      "aria-label": label,
    };
    element.innerHTML = tag("svg", box, this.parts.join(""));
    element.plot = this; // for those who point at something in it
  }
}

export const superscript = (power) => String(power).replace(/[-\d]/g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
export const decades = ([low, high]) => {
  const powers = Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 }, (_, k) => Math.ceil(low) + k);
  const ticks = powers.map((power) => [power, `10${superscript(power)}`]);
  if (ticks.length > 2) return ticks;
  const thirds = [powers[0] - 1, ...powers].map((power) => [power + Math.log10(3), `3·10${superscript(power)}`]);
  return [...ticks, ...thirds.filter(([value]) => value > low && value < high)];
};

// frames: {kind: {stats}}, "true" among them; widths in deviations of the true noise.
export function histogram(element, frames, nameOf) {
  const { limit, sigma, density } = frames.true.stats;
  const reach = limit / sigma;
  const points = ({ stats }) =>
    [...stats.density].map((value, k, all) => [
      reach * ((2 * k + 1) / all.length - 1),
      Math.log10(Math.max(value * sigma, 1e-9)),
    ]);
  const top = Math.log10(Math.max(...density) * sigma) + 0.35;
  const plot = new Plot(element, [-reach, reach], [-4, Math.max(top, 0)]);
  plot.axes(
    [-4, -2, 0, 2, 4].map((v) => [v, String(v).replace("-", "−")]),
    decades([-4, Math.max(top, 0)]),
    "noise, in σ of the true noise",
    "density, in 1/σ",
  );
  plot.area(points(frames.true), "true");
  each(frames, (kind, frame) => plot.line(points(frame), kind));
  const said = ranked(frames, "kl").map(([kind, value]) => `${nameOf(kind)} ${value.toFixed(4)}`);
  plot.into(element, `Histograms of the noise, log scale. KL in nats: ${said.join(", ")}.`);
}

export function variance(element, frames) {
  const { line, stats } = frames.true;
  const logs = (points) =>
    points
      .filter(({ variance }) => variance > 0)
      .map(({ signal, variance }) => [Math.log10(signal), Math.log10(variance)]);
  const all = logs(stats.variance);
  if (!all.length) {
    element.textContent = "Too few pixels.";
    return;
  }
  const range = (values) => [Math.min(...values) - 0.25, Math.max(...values) + 0.25];
  const plot = new Plot(element, range(all.map(([x]) => x)), range(all.map(([, y]) => y)));
  plot.axes(decades(plot.xRange), decades(plot.yRange), "signal, 0 black to 1 white", "variance of the noise");
  const steps = Array.from({ length: 40 }, (_, k) => plot.xRange[0] + (k / 39) * (plot.xRange[1] - plot.xRange[0]));
  plot.line(
    steps.map((x) => [x, Math.log10(line.shot * 10 ** x + line.read)]),
    "true",
    "dashed",
  );
  plot.dots(all, "true", 5);
  each(frames, (kind, frame) =>
    plot.dots(
      logs(frame.stats.variance).filter(([, y]) => y > plot.yRange[0] && y < plot.yRange[1]),
      kind,
      3,
    ),
  );
  plot.into(element, "Variance of the noise against the signal, both logarithmic, with the line of the true noise.");
}

export function correlation(element, frames, nameOf) {
  const known = Object.fromEntries(
    Object.entries(frames).filter(([, { stats }]) => Number.isFinite(stats.correlation[0])),
  );
  const points = ({ stats }) => stats.correlation.map((value, k) => [k + 1, value]);
  const all = Object.values(known).flatMap(({ stats }) => stats.correlation);
  const high = Math.max(0.1, ...all) * 1.15;
  const low = Math.min(-0.02, ...all) * 1.15;
  const plot = new Plot(element, [0.7, 8.3], [low, high]);
  const step = high > 0.6 ? 0.2 : high > 0.25 ? 0.1 : 0.05;
  const ticks = Array.from({ length: Math.floor(high / step) + 1 }, (_, k) => [k * step, (k * step).toFixed(2)]);
  plot.axes(
    [1, 2, 3, 4, 5, 6, 7, 8].map((v) => [v, v]),
    ticks,
    "distance in Bayer cells",
    "correlation",
  );
  if (known.true) plot.line(points(known.true), "true", "thick");
  each(known, (kind, frame) => plot.line(points(frame), kind));
  each(known, (kind, frame) => plot.dots(points(frame), kind, 2.5));
  const said = Object.entries(known).map(([kind, { stats }]) => `${nameOf(kind)} ${stats.correlation[0]?.toFixed(2)}`);
  plot.into(element, `Autocorrelation of the noise along rows. Next neighbour: ${said.join(", ")}.`);
}

function each(frames, act) {
  for (const [kind, frame] of Object.entries(frames)) if (kind !== "true") act(kind, frame);
}

const ranked = (frames, key) =>
  Object.entries(frames)
    .filter(([kind]) => kind !== "true")
    .map(([kind, { stats }]) => [kind, stats[key]])
    .sort(([, a], [, b]) => a - b);
