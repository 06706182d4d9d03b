// The anatomy's charts: what one state looks like, and what every layer did. Colours come from the style sheet.
import { decades, Plot, tag } from "./charts.js";
import { REACH } from "./moments.js";
import { minus } from "./page.js";

const LETTERS = { scale: "S", rows: "R", mixture: "T", mix: "W", coupling: "C", gain: "G" };
const SMALL = 0.003; // nats per dimension: from there on the axis of log |det J| is logarithmic
const TICKS = [0.01, 0.1, 1];

const signedLog = (value) => Math.sign(value) * Math.log10(1 + Math.abs(value) / SMALL);

const letterOf = ({ kind }) => LETTERS[kind];

class BarPlot extends Plot {
  // One bar per value from the base line on; a bar can be chosen, and is marked as the current one.
  bars(values, base, current) {
    const half = 0.36 * (this.x(1) - this.x(0));
    values.forEach((value, k) => {
      const [top, bottom] = [this.y(Math.max(value, base)), this.y(Math.min(value, base))];
      const at = { x: (this.x(k) - half).toFixed(1), y: top.toFixed(1), width: (2 * half).toFixed(1) };
      this.parts.push(
        tag("rect", { class: k === current ? "bar now" : "bar", ...at, height: Math.max(bottom - top, 1).toFixed(1) }),
      );
    });
  }

  // Invisible columns over the whole height, so that a thin bar can be hit.
  targets(count, offset = 0) {
    const width = this.x(1) - this.x(0);
    for (let k = 0; k < count; k++) {
      const box = { x: (this.x(k) - width / 2).toFixed(1), y: 0, width: width.toFixed(1), height: 210 };
      this.parts.push(tag("rect", { class: "target", "data-stage": k + offset, ...box }));
    }
  }
}

export function stateHistogram(element, { density, sigma, kurtosis }) {
  const plot = new Plot(element, [-REACH, REACH], [-4, 0.2]);
  plot.axes(
    [-4, -2, 0, 2, 4].map((v) => [v, minus(v)]),
    decades([-4, 0.2]),
    "value, in σ of this state",
  );
  const gauss = (scale) =>
    Array.from({ length: 101 }, (_, k) => {
      const u = REACH * (k / 50 - 1);
      return [u, Math.log10((scale * Math.exp(-0.5 * (u * scale) ** 2)) / Math.sqrt(2 * Math.PI))];
    });
  const points = [...density].map((value, k, all) => [
    REACH * ((2 * k + 1) / all.length - 1),
    Math.log10(Math.max(value, 1e-9)),
  ]);
  plot.area(points, "state");
  plot.line(gauss(sigma), "true", "thick");
  plot.line(gauss(1), "true", "dashed");
  plot.line(points, "noise_flow");
  const figures = `σ ${sigma.toPrecision(3)}, excess kurtosis ${kurtosis.toFixed(2)}`;
  plot.into(element, `Histogram of this state, log scale, against Gaussians. ${figures}.`);
}

export function stateCorrelation(element, { rows, columns }) {
  const all = [...rows, ...columns];
  const [low, high] = [Math.min(-0.1, ...all) * 1.15, Math.max(0.25, ...all) * 1.15];
  const plot = new Plot(element, [0.7, 8.3], [low, high]);
  const step = high > 0.6 ? 0.2 : 0.1;
  const count = Math.floor(high / step) - Math.ceil(low / step) + 1;
  const ticks = Array.from({ length: count }, (_, k) => (Math.ceil(low / step) + k) * step);
  plot.axes(
    [1, 2, 3, 4, 5, 6, 7, 8].map((v) => [v, v]),
    ticks.map((v) => [v, minus(v.toFixed(1))]),
    "distance in Bayer cells",
  );
  for (const [values, kind] of [
    [rows, "noise_flow"],
    [columns, "camera_nlf"],
  ]) {
    const points = values.map((value, k) => [k + 1, value]);
    plot.line(points, kind);
    plot.dots(points, kind, 3);
  }
  const [next, below] = [rows[0], columns[0]].map((value) => minus(value.toFixed(2)));
  plot.into(element, `Autocorrelation. Next neighbour along rows ${next}, along columns ${below}.`);
}

// Correlation of the planes at one place, as a square of numbers.
export function planeSquare(element, { planes }, names) {
  const cells = [...planes].map((value, at) => {
    const share = at % 5 ? Math.min(Math.abs(value), 1) : 0;
    const shown = at % 5 ? minus(value.toFixed(2)) : "1";
    return `<td class="${value < 0 ? "below" : "above"}" style="--share:${(100 * share).toFixed(0)}%">${shown}</td>`;
  });
  const row = (r) => `<tr><th scope="row">${names[r]}</th>${cells.slice(4 * r, 4 * r + 4).join("")}</tr>`;
  const head = names.map((name) => `<th scope="col">${name}</th>`).join("");
  element.innerHTML = `<table class="square"><thead><tr><td></td>${head}</tr></thead>
    <tbody>${[0, 1, 2, 3].map(row).join("")}</tbody></table>`;
}

// log |det J| of every layer, in nats per dimension, on an axis that is logarithmic on both sides of zero.
export function ladjBars(element, layers, ladj, current) {
  const ends = [Math.min(-0.02, ...ladj) * 1.3, Math.max(0.02, ...ladj) * 1.3].map(signedLog);
  const plot = new BarPlot(element, [-0.6, layers.length - 0.4], ends);
  const ticks = [...TICKS.map((v) => -v).reverse(), 0, ...TICKS].filter(
    (v) => signedLog(v) > ends[0] && signedLog(v) < ends[1],
  );
  plot.axes(
    layers.map((layer, k) => [k, letterOf(layer)]),
    ticks.map((v) => [signedLog(v), minus(v)]),
    "layer, from noise to base",
  );
  plot.bars(ladj.map(signedLog), 0, current);
  plot.targets(layers.length, 1);
  const said = ladj.map((value, k) => `${letterOf(layers[k])} ${minus(value.toFixed(4))}`);
  plot.into(element, `log |det J| of every layer in nats per dimension: ${said.join(", ")}.`);
}

// NLL if the flow ended after each layer; the raw noise is far above the others, and only named.
export function nllSteps(element, layers, nll, stage) {
  const shown = nll.slice(1);
  const room = Math.max(Math.max(...shown) - Math.min(...shown), 0.02);
  const range = [Math.min(...shown) - 0.12 * room, Math.max(...shown) + 0.2 * room];
  const plot = new BarPlot(element, [-0.6, layers.length - 0.4], range);
  const digits = room < 0.1 ? 3 : 2;
  const ticks = [0, 0.5, 1].map((share) => Math.min(...shown) + share * room).map((v) => [v, minus(v.toFixed(digits))]);
  plot.axes(
    layers.map((layer, k) => [k, letterOf(layer)]),
    ticks,
    "flow cut after this layer",
  );
  plot.line(
    shown.map((value, k) => [k, value]),
    "noise_flow",
  );
  plot.dots(
    shown.map((value, k) => [k, value]),
    "noise_flow",
    3,
  );
  if (stage) plot.dots([[stage - 1, nll[stage]]], "noise_flow", 7);
  plot.targets(layers.length, 1);
  const said = shown.map((value, k) => `${letterOf(layers[k])} ${minus(value.toFixed(3))}`);
  const before = minus(nll[0].toFixed(3));
  const after = said.join(", ");
  plot.into(element, `NLL in nats per dimension if the flow ended there: before all layers ${before}, after ${after}.`);
}
