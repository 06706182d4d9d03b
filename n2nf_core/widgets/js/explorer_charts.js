// The explorer's charts: how the chosen point was trained, and every point of the sweep.
import { curves } from "./curves.js";
import { headingOf } from "./labels.js";
import { BENT_TICKS, bent, LOSSES, sweep, valley } from "./sweep.js";

// Title, hint and how it is drawn: (element, explorer).
export const CHARTS = [
  [
    "Training: NLL of the residuals",
    "Nats per dimension. No likelihood of real noise is better than the entropy floor.",
    (at, { chosen, point }) =>
      curves(at, {
        ...training(point, chosen.loss, "nll"),
        levels: [[point.floor, "entropy floor"]],
        label: said(point, "NLL of the residuals", "nll"),
      }),
  ],
  [
    "Training: the leak",
    "Share of a frame’s own noise that D lets through.",
    (at, { chosen, point, limit }) =>
      curves(at, {
        ...training(point, chosen.loss, "leak"),
        levels: [
          [limit, "point of no return", "start"],
          [0, ""],
        ],
        label: said(point, "leak", "leak"),
      }),
  ],
  [
    "All λ: NLL of unseen noise",
    "Above photon transfer’s, nats per dimension; crosses have collapsed.",
    (at, { points, chosen }) =>
      sweep(at, points, {
        value: (p, loss) => bent(p.losses[loss].nll - p.photon),
        chosen,
        ticks: BENT_TICKS,
        zero: 0,
        label: "NLL of unseen noise above photon transfer's, over lambda.",
      }),
  ],
  [
    "All λ: PSNR of unseen frames",
    "Above the start’s, dB. Click a mark to look at it.",
    (at, { points, chosen }) =>
      sweep(at, points, {
        value: (p, loss) => p.losses[loss].psnr - p.pretrained,
        chosen,
        zero: 0,
        label: "PSNR above that before joint training, over lambda.",
      }),
  ],
  [
    "All λ: the leak at the end",
    "Long dashes: the valley that theory gives self-sample.",
    (at, { points, chosen }) =>
      sweep(at, points, {
        value: (p, loss) => p.losses[loss].leak,
        chosen,
        theory: valley(chosen.point.critical),
        zero: 0,
        label: "Leak at the end of training, over lambda, with the theory of the self-sample loss.",
      }),
  ],
];

function training(point, chosen, key) {
  const line = (loss) => point.losses[loss].curve.step.map((step, k) => [step, point.losses[loss].curve[key][k]]);
  const series = LOSSES.map((loss) => ({ kind: loss, points: line(loss), more: loss === chosen ? "" : "faint" }));
  const at = (loss) => line(loss).filter(([step]) => step === point.losses[loss].collapse);
  return { series, dots: LOSSES.map((loss) => ({ kind: loss, points: at(loss) })), xLabel: "step (dot: collapsed)" };
}

function said(point, what, key) {
  const last = (loss) => point.losses[loss].curve[key].at(-1).toFixed(2);
  const ends = LOSSES.map((loss) => `${headingOf(loss)} ${last(loss)}`);
  return `${what} in training, ending at ${ends.join(", ")}.`;
}
