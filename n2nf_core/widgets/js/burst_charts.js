// The charts of one's own burst: what is measured of it, and how a training on it goes.
import { Plot, superscript } from "./charts.js";
import { around, curves } from "./curves.js";
import { headingOf, labelOf } from "./labels.js";
import { minus } from "./page.js";

const PLANES = ["R", "Gr", "Gb", "B"];

const nllNow = (rows) => last(rows, "held_nll_nats_per_dim", 4);

// A number as 3.3·10⁻⁵, for where its size alone matters.
export function scientific(value, digits = 3) {
  const power = Math.floor(Math.log10(Math.abs(value)));
  return value ? `${minus((value / 10 ** power).toFixed(digits - 1))}·10${superscript(power)}` : "0";
}

// [title, hint, (element, about, rows)]; those of training are empty before it.
export const CHARTS = [
  [
    headingOf("photon_transfer"),
    "Variance of the noise against the signal, both logarithmic; the line is the fit.",
    ({ at, about }) => transfer(at, about.photon),
  ],
  [
    "Drift",
    "Mean of every frame over that of all, per plane R Gr Gb B. Photon transfer matches frames that drift.",
    ({ at, about }) =>
      curves(at, {
        series: about.drift.map((row, plane) => ({ kind: PLANES[plane], points: numbered(row) })),
        levels: [[1, ""]],
        xLabel: "frame",
        label: "Mean of every frame over the mean of all, per plane.",
      }),
  ],
  [
    "Saturation",
    "Share of the values at or above white, per frame; these are left out of photon transfer.",
    ({ at, about }) =>
      curves(at, {
        series: [{ kind: "saturated", points: numbered(about.saturated) }],
        levels: [
          [0, ""],
          [0.01, "1 %"],
        ],
        xLabel: "frame",
        within: [0, 1],
        label: `Saturated share per frame, at most ${Math.max(...about.saturated).toPrecision(2)}.`,
      }),
  ],
  [
    "NLL of unseen noise",
    "Of held-out differences of frames, nats per dimension. Dashed: photon transfer.",
    ({ at, rows }) =>
      rows.length &&
      curves(at, {
        series: [
          of(rows, "held_nll_nats_per_dim", "noise_flow"),
          of(rows, "photon_nll_nats_per_dim", "true", "dashed"),
        ],
        xLabel: "step",
        label: `NLL of the Noise Flow on unseen noise, now ${nllNow(rows)} nats per dimension.`,
      }),
  ],
  [
    "PSNR of an unseen piece",
    "Against the mean of its other frames, or the known signal, dB. Dashed: the noisy frame.",
    ({ at, rows, about }) =>
      rows.length &&
      curves(at, {
        series: [of(rows, "held_psnr_db", "denoiser")],
        levels: [[about.noisy_psnr_db, labelOf("noisy")]],
        xLabel: "step",
        label: `PSNR of the denoiser, now ${last(rows, "held_psnr_db", 2)} dB.`,
      }),
  ],
];

const numbered = (values) => values.map((value, k) => [k + 1, value]);
const of = (rows, key, kind, more = "") => ({ kind, more, points: rows.map((row) => [row.step, row[key]]) });
const last = (rows, key, digits) => minus(rows.at(-1)[key].toFixed(digits));

// 1, 2 and 5 times powers of ten inside a range of logarithms; of wide ranges the powers alone.
function logTicks([low, high]) {
  const powers = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, k) => Math.floor(low) + k);
  const factors = high - low > 2.5 ? [1] : [1, 2, 5];
  const ticks = powers.flatMap((power) =>
    factors.map((factor) => [power + Math.log10(factor), `${factor}·10${superscript(power)}`]),
  );
  return ticks.filter(([value]) => value > low && value < high);
}

function transfer(element, { points, shot, read }) {
  const logs = points.filter(([x, y]) => x > 0 && y > 0).map((point) => point.map(Math.log10));
  const along = (axis) => logs.map((point) => point[axis]);
  const ranges = [around(along(0), 0.08), around(along(1), 0.08)];
  const plot = new Plot(element, ...ranges);
  plot.axes(logTicks(ranges[0]), logTicks(ranges[1]), "signal, [0, 1] units");
  plot.dots(logs, "photon_transfer", 2.2);
  const [from, to] = ranges[0];
  const signals = Array.from({ length: 60 }, (_, k) => from + (k / 59) * (to - from));
  const line = signals.map((x) => [x, shot * 10 ** x + read]).filter(([, y]) => y > 0);
  plot.line(
    line.map(([x, y]) => [x, Math.log10(y)]),
    "fit",
  );
  plot.into(element, `Photon transfer: shot ${scientific(shot)}, read ${scientific(read)}.`);
}
