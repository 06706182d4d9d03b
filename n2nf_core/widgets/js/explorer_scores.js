// What became of a point of the sweep, in a sentence and as a table.
import { headingOf, labelOf } from "./labels.js";
import { minus } from "./page.js";
import { LOSSES, weightText } from "./sweep.js";

const outcome = ({ collapse }, steps) => (collapse === null ? "held" : `collapsed at step ${collapse} of ${steps}`);

export function verdict(point) {
  const ratio = point.weight / point.critical;
  const where = point.weight ? `, ${ratio < 10 ? ratio.toPrecision(2) : ratio.toFixed(0)} times the critical λ` : "";
  const ends = LOSSES.map((loss) => `${labelOf(loss)} ${outcome(point.losses[loss], point.steps)}`);
  return `λ = ${weightText(point.weight)}${where}: ${ends.join(", ")}.`;
}

export function scoresOf(point, chosen) {
  const rows = LOSSES.map((loss) => {
    const { nll, psnr, leak, collapse } = point.losses[loss];
    return [loss, nll.toFixed(3), psnr.toFixed(2), leak.toFixed(3), collapse ?? "held"];
  });
  rows.push(
    ["photon_transfer", point.photon.toFixed(3), "–", "–", "–"],
    ["pretrained", "–", point.pretrained.toFixed(2), "–", "–"],
    ["noisy", "–", point.noisy.toFixed(2), "–", "–"],
  );
  const line = ([kind, ...values]) => `<tr data-kind="${kind}"${kind === chosen ? ' class="chosen"' : ""}>
    <th scope="row">${headingOf(kind)}</th>${values.map((value) => `<td>${minus(String(value))}</td>`).join("")}</tr>`;
  const place = `λ = ${weightText(point.weight)}, seed ${point.seed}, profile ${point.profile}`;
  return `<table><caption>${place}: on unseen frames</caption><thead><tr><th scope="col">Model</th>
    <th scope="col">NLL <small>nats/dim</small></th><th scope="col">PSNR <small>dB</small></th>
    <th scope="col">leak <small>at the end</small></th><th scope="col">collapse <small>at step</small></th></tr></thead>
    <tbody>${rows.map(line).join("")}</tbody></table>`;
}
