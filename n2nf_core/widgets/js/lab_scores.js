// What the lab says of its frames: their names, a note under each, and the table of scores.
import { headingOf } from "./labels.js";
import { minus } from "./page.js";

const KIND = { true: "true_noise", clean: "clean_signal" }; // what a panel's kind is called in the table of labels
export const nameOf = (kind) => headingOf(KIND[kind] ?? kind);

export const noteOf = (kind, { stats, milliseconds }) =>
  ({ true: `σ ${(1000 * stats.sigma).toFixed(2)} ‰`, clean: "no noise" })[kind] ??
  `KL ${stats.kl.toFixed(4)}, ${milliseconds.toFixed(0)} ms`;

export function scores(frames) {
  const models = Object.entries(frames).filter(([kind]) => kind !== "true");
  const least = (key) => Math.min(...models.map(([, { stats }]) => stats[key]));
  const best = { kl: least("kl"), nll: least("nll") };
  const cell = (stats, key, digits) =>
    `<td${stats[key] === best[key] ? ' class="best"' : ""}>${minus(stats[key].toFixed(digits))}</td>`;
  const { stats: truth } = frames.true;
  const row = ([kind, { stats }]) => `<tr data-kind="${kind}"><th scope="row">${nameOf(kind)}</th>
    ${cell(stats, "kl", 4)}${cell(stats, "nll", 3)}<td>${(stats.sigma / truth.sigma).toFixed(3)}</td>
    <td>${minus((stats.correlation[0] ?? NaN).toFixed(3))}</td></tr>`;
  return `<table><caption>How near each model comes to the true noise of this frame</caption>
    <thead><tr><th scope="col">Model</th><th scope="col">KL <small>nats</small></th>
    <th scope="col">NLL <small>nats/dim</small></th><th scope="col">σ <small>/ true σ</small></th>
    <th scope="col">correlation <small>of neighbours</small></th></tr></thead>
    <tbody><tr data-kind="true"><th scope="row">True, 2nd frame</th><td>${truth.kl.toFixed(4)} <small>floor</small></td>
    <td>–</td><td>1</td><td>${(truth.correlation[0] ?? NaN).toFixed(3)}</td></tr>
    ${models.map(row).join("")}</tbody></table>`;
}
