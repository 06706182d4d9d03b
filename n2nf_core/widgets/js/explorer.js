// The lambda explorer: every point of the sweep, one of them looked at closely.
import { choice } from "./controls.js";
import { curves } from "./curves.js";
import { fromBase64, make, minus, zoomButtons } from "./page.js";
import { decodePng } from "./image.js";
import { Lens, Panel } from "./panels.js";
import { bent, BENT_TICKS, landscape, LOSSES, sweep, valley, weightText } from "./sweep.js";

const TITLES = {
  noisy: "Noisy",
  pretrained: "Pretrained",
  cross_sample: "Cross-sample",
  self_sample: "Self-sample",
  reference: "Reference",
  photon_transfer: "Photon transfer",
};

const SETTINGS = (seeds) => `
  <label class="slider weight"><span>λ, Noise2Noise weight</span><output></output>
    <input type="range" name="weight" min="0" step="1"></label>
  <fieldset class="switch"><legend>Loss in the picture</legend>${LOSSES.map((loss) => choice("loss", loss, TITLES[loss])).join("")}</fieldset>
  <fieldset class="switch"><legend>Seed</legend>${seeds.map((seed) => choice("seed", seed, seed)).join("")}</fieldset>
  <fieldset class="switch"><legend>Show</legend>${choice("view", "picture", "D(y)")}${choice("view", "removed", "y − D(y)")}</fieldset>`;

// Title, hint and how it is drawn: (element, explorer).
const CHARTS = [
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
    "The loss that it went down",
    "Loss f(a) above f(0), nats per dimension. Dots: where training ended.",
    (at, { chosen }) => landscape(at, chosen),
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

const said = (point, what, key) =>
  `${what} in training, ending at ${LOSSES.map((loss) => `${TITLES[loss]} ${point.losses[loss].curve[key].at(-1).toFixed(2)}`).join(", ")}.`;

class Explorer {
  constructor(model, el) {
    this.model = model;
    this.points = model.get("points");
    this.limit = model.get("point_of_no_return");
    this.settings = { ...model.get("settings") };
    this.grid = [...new Set(this.points.map(({ weight }) => weight))].sort((a, b) => a - b);
    this.seeds = [...new Set(this.points.map(({ seed }) => seed))].sort((a, b) => a - b);
    this.pictures = {};
    this.root = make("section", "n2nf explorer");
    this.root.setAttribute("aria-label", "Lambda explorer");
    this.lens = new Lens(() => Object.values(this.panels).forEach((panel) => panel.canvas.isConnected && panel.draw()));
    this.build();
    el.append(this.root);
    this.resized = new ResizeObserver(() => this.show());
    this.resized.observe(this.root);
  }

  build() {
    this.form = make("form", "controls fields");
    this.form.innerHTML = SETTINGS(this.seeds);
    this.form.elements.weight.max = this.grid.length - 1;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", ({ target }) => this.read(target));
    this.panels = Object.fromEntries(
      ["noisy", "pretrained", ...LOSSES, "reference"].map((kind) => [kind, new Panel(this.lens, kind, TITLES[kind])]),
    );
    this.row = make("div", "panels");
    this.status = Object.assign(make("p", "status"), { role: "status" });
    const under = make("div", "under");
    under.append(this.status, ...zoomButtons(this.lens));
    this.table = make("div", "scores");
    const charts = make("div", "charts");
    this.charts = CHARTS.map(([title, hint, draw]) => {
      const element = make("div", "chart");
      const at = make("div", "plot");
      element.append(make("div", "title", title), at, make("div", "hint", hint));
      charts.append(element);
      return { at, draw };
    });
    const legend = make("p", "legend");
    legend.innerHTML =
      LOSSES.map((loss) => `<span data-kind="${loss}">${TITLES[loss]}</span>`).join("") +
      `<span class="dotted">critical λ = 2/σ²</span>`;
    charts.addEventListener("click", (event) => this.pick(event));
    this.root.append(this.form, this.row, under, this.table, legend, charts);
  }

  read({ name, value }) {
    if (name === "weight") this.choose({ weight: this.grid[Number(value)] });
    else this.choose({ [name]: name === "seed" ? Number(value) : value });
  }

  // The mark nearest to a click, if it is near.
  pick({ target, clientX, clientY }) {
    const marks = [...(target.closest("svg")?.querySelectorAll(".mark") ?? [])];
    const far = (one) => {
      const { left, right, top, bottom } = one.getBoundingClientRect();
      return Math.hypot((left + right) / 2 - clientX, (top + bottom) / 2 - clientY);
    };
    const near = marks.filter((one) => far(one) < 30).sort((a, b) => far(a) - far(b))[0];
    if (!near) return;
    const { weight, seed } = this.points[near.dataset.index];
    this.choose({ weight, seed, loss: near.dataset.kind });
  }

  choose(change) {
    Object.assign(this.settings, change);
    this.settings.seed = this.point.seed;
    this.model.set("settings", { ...this.settings });
    this.model.save_changes();
    this.show();
  }

  // The chosen point; where its seed was not run at this lambda, the first that was.
  get point() {
    const here = this.points.filter(({ weight }) => weight === this.settings.weight);
    return here.find(({ seed }) => seed === this.settings.seed) ?? here[0] ?? this.points[0];
  }

  get chosen() {
    return { point: this.point, loss: this.settings.loss };
  }

  show() {
    this.write();
    this.status.textContent = verdict(this.point);
    this.table.innerHTML = scoresOf(this.point, this.settings.loss);
    this.charts.forEach(({ at, draw }) => draw(at, this));
    return this.paint();
  }

  write() {
    const { weight, seed, loss, view } = { ...this.settings, weight: this.point.weight, seed: this.point.seed };
    const text = weight ? `${weightText(weight)} = ${weight.toLocaleString("en")}` : "0";
    const slider = this.form.elements.weight;
    slider.value = this.grid.indexOf(weight);
    slider.setAttribute("aria-valuetext", `lambda ${weight}`);
    this.form.querySelector("output").value = text;
    const known = this.points.filter((point) => point.weight === weight).map((point) => String(point.seed));
    for (const radio of this.form.querySelectorAll("input[type=radio]")) {
      radio.checked = radio.value === String({ seed, loss, view }[radio.name]);
      if (radio.name === "seed") radio.disabled = !known.includes(radio.value);
    }
  }

  async paint() {
    const {
      chosen: { point, loss },
      settings: { view },
    } = this;
    const kinds = ["noisy", "pretrained", loss, "reference"];
    if (!point.pictures[loss]) {
      this.row.replaceChildren(
        make("p", "missing", "No pictures are stored with this point: it was run before points kept them."),
      );
    } else {
      const shown = await Promise.all(kinds.map((kind) => this.picture(point.pictures[kind])));
      if (this.chosen.point !== point || this.chosen.loss !== loss || this.settings.view !== view) return;
      if (kinds.some((kind, k) => this.row.children[k] !== this.panels[kind].element))
        this.row.replaceChildren(...kinds.map((kind) => this.panels[kind].element));
      kinds.forEach((kind, k) =>
        this.panels[kind].show(
          shown[k].width,
          shown[k].height,
          painter(shown, k, view),
          psnrOf(point, kind),
          view === "removed" && k ? "what was removed" : "picture",
        ),
      );
    }
    this.root.dataset.shown = [point.weight, point.seed, loss, view].join("/");
  }

  picture(key) {
    this.pictures[key] ??= decodePng(fromBase64(this.model.get("pictures")[key]));
    return this.pictures[key];
  }

  stop() {
    this.resized.disconnect();
    this.root.remove();
  }
}

// Fills RGBA with a picture, or with what it lacks of the noisy one about grey, on the scale of the noise.
function painter(shown, k, view) {
  const [noisy, reference] = [shown[0].data, shown.at(-1).data];
  const deviation = Math.sqrt(noisy.reduce((sum, value, i) => sum + (value - reference[i]) ** 2, 0) / noisy.length);
  const { data } = shown[k];
  const grey = view === "removed" && k ? (i) => 128 + (38 / deviation) * (noisy[i] - data[i]) : (i) => 255 * data[i];
  return (pixels) => data.forEach((_, i) => pixels.set([grey(i), grey(i), grey(i), 255], 4 * i));
}

const decibels = (value) => `${value.toFixed(2)} dB`;
const psnrOf = (point, kind) =>
  ({ noisy: decibels(point.noisy), pretrained: decibels(point.pretrained), reference: "" })[kind] ??
  decibels(point.losses[kind].psnr);

const outcome = ({ collapse }, steps) => (collapse === null ? "held" : `collapsed at step ${collapse} of ${steps}`);

function verdict(point) {
  const ratio = point.weight / point.critical;
  const where = point.weight ? `, ${ratio < 10 ? ratio.toPrecision(2) : ratio.toFixed(0)} times the critical λ` : "";
  const ends = LOSSES.map((loss) => `${TITLES[loss].toLowerCase()} ${outcome(point.losses[loss], point.steps)}`);
  return `λ = ${weightText(point.weight)}${where}: ${ends.join(", ")}.`;
}

function scoresOf(point, chosen) {
  const rows = LOSSES.map((loss) => {
    const { nll, psnr, leak, collapse } = point.losses[loss];
    return [loss, nll.toFixed(3), psnr.toFixed(2), leak.toFixed(3), collapse ?? "held"];
  });
  rows.push(
    ["photon_transfer", point.photon.toFixed(3), "–", "–", "–"],
    ["pretrained", "–", point.pretrained.toFixed(2), "–", "–"],
    ["noisy", "–", point.noisy.toFixed(2), "–", "–"],
  );
  const cells = rows.map(
    ([kind, ...values]) =>
      `<tr data-kind="${kind}"${kind === chosen ? ' class="chosen"' : ""}><th scope="row">${TITLES[kind]}</th>${values.map((v) => `<td>${minus(String(v))}</td>`).join("")}</tr>`,
  );
  return `<table><caption>λ = ${weightText(point.weight)}, seed ${point.seed}, profile ${point.profile}: on unseen frames</caption>
    <thead><tr><th scope="col">Model</th><th scope="col">NLL <small>nats/dim</small></th><th scope="col">PSNR <small>dB</small></th>
    <th scope="col">leak <small>at the end</small></th><th scope="col">collapse <small>at step</small></th></tr></thead><tbody>${cells.join("")}</tbody></table>`;
}

function render({ model, el }) {
  const explorer = new Explorer(model, el);
  return () => explorer.stop();
}

export default { render };
