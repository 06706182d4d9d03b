// Lines over steps, frames or signal, with round ticks and labelled levels.
import { Plot, tag } from "./charts.js";
import { minus } from "./page.js";

// About `most` round numbers in a range, each with its text.
export function roundTicks([low, high], most = 5) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((size) => size >= rough * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, k) => {
    const value = (first + k) * step;
    return [value, minus(value.toFixed(Math.min(digits, 6)))];
  });
}

// The range of values, a little wider.
export function around(values, margin = 0.06) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const more = margin * (high - low || Math.abs(high) || 1);
  return [low - more, high + more];
}

// A horizontal dashed line with its name above one of its ends, "start" or "end".
export function level(plot, value, text, end = "end") {
  const [left, right] = plot.xRange.map(plot.x);
  plot.line(
    plot.xRange.map((x) => [x, value]),
    "level",
    "dashed",
  );
  const at = { class: "note", x: end === "end" ? right - 2 : left + 4, y: plot.y(value) - 5, "text-anchor": end };
  plot.parts.push(tag("text", at, text));
}

// series: [{kind, points, more}], more: classes of the line. levels: [[value, name, end]]. dots: [{kind, points}].
// within: a range that the y axis keeps to, where lines may leave it.
export function curves(element, { series, levels = [], dots = [], xLabel, label, within = [-Infinity, Infinity] }) {
  const points = [...series, ...dots].flatMap((one) => one.points);
  const wide = around([...points.map(([, y]) => y), ...levels.map(([value]) => value)]);
  const yRange = [Math.max(wide[0], within[0]), Math.min(wide[1], within[1])];
  const xs = points.map(([x]) => x);
  const plot = new Plot(element, [Math.min(...xs), Math.max(...xs)], yRange);
  plot.axes(roundTicks(plot.xRange, 4), roundTicks(yRange), xLabel);
  for (const { kind, points: line, more } of series) plot.line(line, kind, more);
  for (const { kind, points: some } of dots) plot.dots(some, kind, 4.5);
  for (const [value, name, end] of levels) level(plot, value, name, end);
  plot.into(element, label);
}
