// What the lab says of its frames: their names, a note under each, and the table of scores.
import { headingOf } from "./labels.js";
import { fixed } from "./page.js";

const KIND = { true: "true_noise", clean: "clean_signal" }; // what a panel's kind is called in the table of labels
export const nameOf = (kind) => headingOf(KIND[kind] ?? kind);

// A KL that further frames of the true noise reach, too, says no more than that. floor: [least, greatest] of those.
const klOf = (kl, floor) => (floor && kl <= floor[1] ? "at the floor" : fixed(kl, 4));

export const noteOf = (kind, { stats, milliseconds }, floor) =>
  ({ true: `σ ${fixed(1000 * stats.sigma, 2)} ‰`, clean: "no noise" })[kind] ??
  `KL ${klOf(stats.kl, floor)}, ${milliseconds.toFixed(0)} ms`;

export function scores(frames, floor) {
  const models = Object.entries(frames).filter(([kind]) => kind !== "true");
  const least = (key) => Math.min(...models.map(([, { stats }]) => stats[key]).filter(Number.isFinite));
  const best = { kl: floor ? Math.max(least("kl"), floor[1]) : least("kl"), nll: least("nll") };
  const cell = (isBest, text) => `<td${isBest ? ' class="best"' : ""}>${text}</td>`;
  const { stats: truth } = frames.true;
  const row = ([kind, { stats }]) => `<tr data-kind="${kind}"><th scope="row">${nameOf(kind)}</th>
    ${cell(stats.kl <= best.kl, klOf(stats.kl, floor))}
    ${cell(stats.nll === best.nll, fixed(stats.nll, 3))}<td>${fixed(stats.sigma / truth.sigma, 3)}</td>
    <td>${fixed(stats.correlation[0], 3)}</td></tr>`;
  const range = floor ? `${fixed(floor[0], 4)} to ${fixed(floor[1], 4)}` : "–";
  return `<table><caption>How near each model comes to the true noise of this frame</caption>
    <thead><tr><th scope="col">Model</th><th scope="col">KL <small>nats</small></th>
    <th scope="col">NLL <small>nats/dim</small></th><th scope="col">σ <small>/ true σ</small></th>
    <th scope="col">correlation <small>of neighbours</small></th></tr></thead>
    <tbody><tr data-kind="true"><th scope="row">True, further frames</th><td>${range} <small>floor</small></td>
    <td>–</td><td>1</td><td>${fixed(truth.correlation[0], 3)}</td></tr>
    ${models.map(row).join("")}</tbody></table>`;
}
