// The lambda explorer: every point of the sweep, one of them looked at closely.
import { choice } from "./controls.js";
import { CHARTS } from "./explorer_charts.js";
import { scoresOf, verdict } from "./explorer_scores.js";
import { decodePng } from "./image.js";
import { headingOf } from "./labels.js";
import { fromBase64, make, zoomButtons } from "./page.js";
import { greys, Lens, Panel } from "./panels.js";
import { LOSSES, weightText } from "./sweep.js";
import { Valley } from "./valley.js";

const LOSS_CHOICES = LOSSES.map((loss) => [loss, headingOf(loss)]);
const VIEW_CHOICES = [
  ["picture", "D(y)"],
  ["removed", "y − D(y)"],
];

// choices: [[value, label]].
const choicesOf = (name, legend, choices) =>
  `<fieldset class="switch"><legend>${legend}</legend>${choices
    .map(([value, label]) => choice(name, value, label))
    .join("")}</fieldset>`;

const formOf = (seedChoices) => `
  <label class="slider weight"><span>λ, Noise2Noise weight</span><output></output>
    <input type="range" name="weight" min="0" step="1"></label>
  ${choicesOf("loss", "Loss in the picture", LOSS_CHOICES)}
  ${choicesOf("seed", "Seed", seedChoices)}
  ${choicesOf("view", "Show", VIEW_CHOICES)}`;

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
    this.lens = new Lens(() => {
      for (const panel of Object.values({ ...this.panels, ...this.valley.panels }))
        if (panel.canvas.isConnected) panel.draw();
    });
    this.build();
    el.append(this.root);
    this.resized = new ResizeObserver(() => this.show());
    this.resized.observe(this.root);
  }

  build() {
    this.form = make("form", "controls fields");
    this.form.innerHTML = formOf(this.seeds.map((seed) => [seed, seed]));
    this.form.elements.weight.max = this.grid.length - 1;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", ({ target }) => this.read(target));
    this.panels = Object.fromEntries(
      ["noisy", "pretrained", ...LOSSES, "reference"].map((kind) => [
        kind,
        new Panel(this.lens, kind, headingOf(kind)),
      ]),
    );
    this.valley = new Valley(this.lens, this.limit);
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
      LOSSES.map((loss) => `<span data-kind="${loss}">${headingOf(loss)}</span>`).join("") +
      `<span class="dotted">critical λ = 2/σ²</span>`;
    charts.addEventListener("click", (event) => this.pick(event));
    this.root.append(
      this.form,
      this.valley.element,
      make("div", "title", "As it was trained"),
      this.row,
      under,
      this.table,
      legend,
      charts,
    );
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
    for (const { at, draw } of this.charts) draw(at, this);
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
      this.valley.show(this.chosen);
      this.row.replaceChildren(
        make("p", "missing", "No pictures are stored with this point: it was run before points kept them."),
      );
    } else {
      const shown = await Promise.all(kinds.map((kind) => this.picture(point.pictures[kind])));
      if (this.chosen.point !== point || this.chosen.loss !== loss || this.settings.view !== view) return;
      this.valley.show(this.chosen, shown[0], shown[3]);
      if (kinds.some((kind, k) => this.row.children[k] !== this.panels[kind].element)) {
        this.row.replaceChildren(...kinds.map((kind) => this.panels[kind].element));
      }
      for (const [k, kind] of kinds.entries()) {
        const { width, height } = shown[k];
        const what = view === "removed" && k ? "what was removed" : "picture";
        this.panels[kind].show(width, height, painter(shown, k, view), psnrOf(point, kind), what);
      }
    }
    this.root.dataset.shown = [point.weight, point.seed, loss, view].join("/");
  }

  picture(key) {
    this.pictures[key] ??= decodePng(fromBase64(this.model.get("pictures")[key]));
    return this.pictures[key];
  }

  stop() {
    this.valley.stop();
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
  return (pixels) => greys(data.length, grey, pixels);
}

const decibels = (value) => `${value.toFixed(2)} dB`;
const psnrOf = (point, kind) =>
  ({ noisy: decibels(point.noisy), pretrained: decibels(point.pretrained), reference: "" })[kind] ??
  decibels(point.losses[kind].psnr);

function render({ model, el }) {
  const explorer = new Explorer(model, el);
  return () => explorer.stop();
}

export default { render };
