// What lambda does: charts over all points of a sweep, whose marks can be chosen, and the loss that explains them.
import { Plot, superscript, tag } from "./charts.js";
import { around, level, roundTicks } from "./curves.js";
import { minus } from "./page.js";

export const LOSSES = ["cross_sample", "self_sample"];
export const weightText = (weight) => (weight ? `2${superscript(Math.round(100 * Math.log2(weight)) / 100)}` : "0");

// Lambda = 0 has a place of its own, two octaves left of the least.
const placeOf = (grid) => {
  const least = Math.log2(grid.find((weight) => weight > 0) ?? 1);
  return (weight) => (weight > 0 ? Math.log2(weight) : least - 2);
};

// Even steps near 0, octaves of ten away from it; for numbers that go over several decades on both sides.
const NEAR = 0.01;
export const bent = (value) =>
  Math.abs(value) < NEAR ? value / NEAR : Math.sign(value) * (1 + Math.log10(Math.abs(value) / NEAR));
export const BENT_TICKS = [-0.01, 0, 0.01, 0.1, 1, 10].map((value) => [bent(value), minus(String(value))]);

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function mark(x, y, held, attributes) {
  const at = Object.entries(attributes);
  const data = Object.fromEntries(at.map(([name, value]) => [`data-${name}`, value]));
  if (held) return tag("circle", { class: "mark", cx: x.toFixed(1), cy: y.toFixed(1), r: 4, ...data });
  const d = `M${x - 4} ${y - 4}L${x + 4} ${y + 4}M${x - 4} ${y + 4}L${x + 4} ${y - 4}`;
  return tag("path", { class: "mark cross", d, ...data });
}

// value(point, loss) -> number to plot; chosen: {point, loss}; theory: lambda -> number, for the self-sample loss.
export function sweep(element, points, { value, chosen, ticks, theory, zero, label }) {
  const grid = [...new Set(points.map(({ weight }) => weight))].sort((a, b) => a - b);
  const place = placeOf(grid);
  const all = points.flatMap((point) => LOSSES.map((loss) => value(point, loss)));
  const heights = zero === undefined ? all : [...all, zero];
  const plot = new Plot(element, around(grid.map(place), 0.05), around(heights, 0.08));
  const shown = grid.filter((weight, k) => !k || plot.x(place(weight)) - plot.x(place(grid[k - 1])) > 17);
  const inside = ([y]) => y >= plot.yRange[0] && y <= plot.yRange[1];
  plot.axes(
    shown.map((w) => [place(w), w ? String(Math.round(Math.log2(w))) : "λ=0"]),
    (ticks ?? roundTicks(plot.yRange)).filter(inside),
    "log₂ λ",
  );
  upright(plot, place(chosen.point.weight), "column");
  upright(plot, Math.log2(mean(points.map(({ critical }) => critical))), "critical");
  if (zero !== undefined) level(plot, zero, "");
  if (theory)
    plot.line(
      theory.filter(([w]) => place(w) <= plot.xRange[1]).map(([w, y]) => [place(w), y]),
      "self_sample",
      "theory",
    );
  for (const loss of LOSSES) {
    const of = (weight) => mean(points.filter((point) => point.weight === weight).map((point) => value(point, loss)));
    plot.line(
      grid.map((weight) => [place(weight), of(weight)]),
      loss,
      loss === chosen.loss ? "" : "faint",
    );
  }
  for (const [index, point] of points.entries()) {
    for (const loss of LOSSES) {
      const [x, y] = [plot.x(place(point.weight)), plot.y(value(point, loss))];
      const ring = { class: "ring", "data-kind": loss, cx: x, cy: y, r: 9 };
      if (point === chosen.point && loss === chosen.loss) plot.parts.push(tag("circle", ring));
      plot.parts.push(mark(x, y, point.losses[loss].collapse === null, { kind: loss, index }));
    }
  }
  plot.into(element, label);
}

function upright(plot, x, kind) {
  const [bottom, top] = plot.yRange.map(plot.y);
  plot.parts.push(
    tag("line", { class: kind, x1: plot.x(x).toFixed(1), x2: plot.x(x).toFixed(1), y1: top, y2: bottom }),
  );
}

// The minimum of the self-sample loss, a (1 - a) = 1 / (2 lambda sigma^2) with a <= 1/2, from the critical lambda on.
export function valley(critical) {
  return Array.from({ length: 60 }, (_, k) => {
    const ratio = 2 ** (k / 5);
    return [ratio * critical, (1 - Math.sqrt(1 - 1 / ratio)) / 2];
  });
}

const landscapes = {
  self_sample: (share, strength) => Math.log(1 - share) + strength * share ** 2,
  cross_sample: (share, strength) => Math.log(1 + share ** 2) / 2 + strength * share ** 2,
};
const slopes = {
  self_sample: (share, strength) => -1 / (1 - share) + 2 * strength * share,
  cross_sample: (share, strength) => share / (1 + share ** 2) + 2 * strength * share,
};

// f(a) of a loss above f(0), and its slope, for the share a and the strength lambda sigma^2.
export const heightOf = (loss, share, strength) => landscapes[loss](share, strength);
export const slopeOf = (loss, share, strength) => slopes[loss](share, strength);

// {valley, barrier}: the shares of the self-sample loss's minimum and maximum; null below the critical lambda.
export function barrierOf(strength) {
  if (strength < 2) return null;
  const half = Math.sqrt(1 - 2 / strength) / 2;
  return { valley: 0.5 - half, barrier: 0.5 + half };
}

// Both losses over the share of its own noise that D lets through: small dots where training ended, a large one at the
// reader's share.
export function landscape(element, { point, loss }, share) {
  const strength = point.weight * point.variance;
  const [low, high] = [-2, 2];
  const plot = new Plot(element, [0, 1], [low, high]);
  plot.axes(roundTicks([0, 1]), roundTicks([low, high], 4), "share a of its own noise let through", "f(a) − f(0)");
  const height = (name, a) => Math.min(Math.max(heightOf(name, a, strength), low), high);
  for (const name of LOSSES) {
    const curve = Array.from({ length: 199 }, (_, k) => [k / 200, heightOf(name, k / 200, strength)]);
    const end = curve.findIndex(([, y]) => y > high || y < low);
    plot.line(end < 0 ? curve : curve.slice(0, end + 1), name, name === loss ? "" : "faint");
  }
  level(plot, 0, "");
  const turns = loss === "self_sample" && barrierOf(strength);
  if (turns) upright(plot, turns.barrier, "critical");
  for (const name of LOSSES) {
    const end = Math.min(Math.max(point.losses[name].leak, 0), 0.995);
    plot.dots([[end, height(name, end)]], name, 3.5);
  }
  plot.dots([[share, height(loss, Math.min(share, 0.995))]], loss, 8);
  const end = point.losses[loss].leak.toFixed(2);
  plot.into(
    element,
    `The loss f(a) of both losses at λ = ${point.weight}; you are at a = ${share.toFixed(2)}, training ended at ${end}.`,
  );
}
