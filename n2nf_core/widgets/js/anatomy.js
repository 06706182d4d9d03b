// Flow anatomy: a patch of noise pushed through a flow layer by layer, both ways, and what each layer does to it.
import { ladjBars, nllSteps, planeSquare, stateCorrelation, stateHistogram } from "./anatomy_charts.js";
import { AnatomyForm } from "./anatomy_form.js";
import { atLevel, cropped, flat, GAP, SIDE, thumbnail, tiled } from "./anatomy_patch.js";
import { explained, titleOf } from "./anatomy_words.js";
import { Engine, KINDS } from "./engine.js";
import { openScene } from "./image.js";
import { headingOf } from "./labels.js";
import { layersOf, runningNll, through } from "./layers.js";
import { measured } from "./moments.js";
import { bytesOf, make, minus } from "./page.js";
import { Lens, lookOf, Panel } from "./panels.js";
import { Random } from "./random.js";
import { deviation } from "./stats.js";

const FULL = 2.8; // deviations of a value that is shown in full colour
const FLAT = "Flat";
const SENSOR = ["R", "Gr", "Gb", "B"];
const MIXED = ["1", "2", "3", "4"];
const CHARTS = [
  ["Histogram", "Log scale. Grey band N(0, 1), dashed the Gaussian of the same variance."],
  ["Autocorrelation", "Red along rows, blue along columns."],
  ["Correlation between planes", "At the same place. Independent planes have none."],
  ["log |det J| of each layer", "Nats per dimension; logarithmic on both sides of zero. Choose a bar."],
  ["Running NLL", "Nats per dimension if the flow ended there; before all layers it is"],
];

class Anatomy {
  constructor(model, el) {
    this.model = model;
    this.cameras = model.get("cameras");
    this.settings = { ...model.get("settings") };
    this.engine = new Engine({ weights: bytesOf(model.get("weights")), cameras: this.cameras });
    this.root = make("section", "n2nf anatomy");
    this.root.setAttribute("aria-label", "Flow anatomy");
    this.lens = new Lens(() => {
      for (const panel of this.panels) panel.draw();
    });
    this.build();
    el.append(this.root);
    this.resized = new ResizeObserver(() => this.chain && this.show());
    this.start();
  }

  build() {
    this.form = new AnatomyForm(this.cameras, this.settings, (name) => this.changed(name));
    this.words = make("div", "words");
    this.panels = [
      ["left", "Noise"],
      ["now", "State"],
      ["right", "Base"],
    ].map(([kind, title]) => new Panel(this.lens, kind, title));
    const panels = make("div", "panels");
    panels.append(...this.panels.map(({ element: panel }) => panel));
    this.status = Object.assign(make("p", "status"), { role: "status" });
    const under = make("div", "under");
    under.append(this.status, make("p", "", "Click a picture, then + and − zoom, arrow keys move."));
    this.plots = CHARTS.map(([title, hint]) => {
      const chart = make("div", "chart");
      chart.innerHTML = `<div class="title">${title}</div><div class="plot"></div><div class="hint">${hint}</div>`;
      return chart;
    });
    const [states, layers] = [make("div", "charts"), make("div", "charts wide")];
    states.append(...this.plots.slice(0, 3));
    layers.append(...this.plots.slice(3));
    layers.addEventListener(
      "click",
      ({ target }) => target.dataset.stage && this.form.set("stage", Number(target.dataset.stage)),
    );
    this.root.append(this.form.element, this.words, panels, under, states, layers);
  }

  async start() {
    const look = lookOf(this.model.get("camera_from_srgb"), this.model.get("srgb_from_camera"));
    this.signals = { [FLAT]: flat(look) };
    for (const { id, png } of this.model.get("scenes")) this.signals[id] = cropped(await openScene(bytesOf(png)));
    for (const [id, planes] of Object.entries(this.signals)) this.form.addSignal(id, id, thumbnail(planes, look));
    this.useCamera();
    this.compute();
    this.resized.observe(this.root);
  }

  get camera() {
    return this.cameras.find(({ id }) => id === this.settings.camera) ?? this.cameras[0];
  }

  useCamera() {
    const kinds = KINDS.filter((kind) => kind in this.camera.models);
    this.form.offer(this.camera, Object.fromEntries(kinds.map((kind) => [kind, headingOf(kind)])));
  }

  changed(name) {
    if (name === "camera") this.useCamera();
    if (name === "direction") this.settings.stage = this.settings.direction === "forward" ? 0 : this.form.count;
    if (name !== "stage") this.dirty = true;
    this.model.set("settings", { ...this.settings });
    this.model.save_changes();
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => (this.dirty ? this.compute() : this.show()));
  }

  // The patch through all layers; what is shown of it later costs little.
  compute() {
    const { camera, iso, level, signal, seed, direction, model } = this.settings;
    const clean = atLevel(this.signals[signal] ?? this.signals[FLAT], level);
    const context = { clean, height: SIDE, width: SIDE, camera, iso };
    const flow = this.engine.models[this.camera.models[model]];
    const backward = direction === "backward";
    const start = backward
      ? new Random(seed, 3).normals(new Float64Array(clean.length))
      : this.engine.truth(this.camera, context, { seed }, 1).noise;
    const layers = layersOf(flow);
    const passed = through(layers, start, context, backward);
    this.chain = {
      layers,
      context,
      ...passed,
      nll: runningNll(passed),
      share: passed.ladj.map((value) => value / clean.length),
    };
    this.dirty = false;
    this.form.limitStages(layers.length);
    this.show();
  }

  // The layer that led to the current state: the one before it, or, from the base, the one after it.
  get passed() {
    return this.settings.direction === "forward" ? this.settings.stage - 1 : this.settings.stage;
  }

  show() {
    const { layers, states, context, share, nll } = this.chain;
    const { stage, direction } = this.settings;
    const found = measured(states[stage], context);
    const layer = layers[this.passed];
    this.words.innerHTML = explained(
      { layer, before: states[this.passed], context, share: share[this.passed] },
      direction,
    );
    const between =
      direction === "forward" ? () => `after ${titleOf(layers[stage - 1])}` : () => `before ${titleOf(layers[stage])}`;
    const place = stage === 0 ? "noise" : stage === layers.length ? "base" : between();
    this.form.say("stage", `${stage} of ${layers.length}: ${place}`);
    this.paint(0, 0, "noise");
    this.paint(1, stage, place);
    this.paint(2, layers.length, "base");
    this.draw(found);
    const figures = [
      `σ ${found.sigma.toPrecision(3)}`,
      `excess kurtosis ${found.kurtosis.toFixed(2)}`,
      `neighbours along rows ${found.rows[0].toFixed(2)}`,
    ];
    this.status.textContent = minus(`${[...figures, `NLL so far ${nll[stage].toFixed(3)} nats/dim`].join(", ")}.`);
    this.root.dataset.stage = String(stage);
    this.root.dataset.drawn = String(Number(this.root.dataset.drawn ?? 0) + 1);
  }

  draw(found) {
    const { layers, share, nll } = this.chain;
    const { stage } = this.settings;
    const at = this.plots.map((chart) => chart.querySelector(".plot"));
    stateHistogram(at[0], found);
    stateCorrelation(at[1], found);
    planeSquare(at[2], found, this.names(stage));
    ladjBars(at[3], layers, share, this.passed);
    nllSteps(at[4], layers, nll, stage);
    this.plots[4].querySelector(".hint").textContent = `${CHARTS[4][1]} ${minus(nll[0].toFixed(2))}.`;
  }

  // Planes are those of the sensor until the first convolution mixes them.
  names(stage) {
    const mixed = this.chain.layers.slice(0, stage).some(({ kind }) => kind === "mix");
    return mixed ? MIXED : SENSOR;
  }

  paint(number, stage, place) {
    const values = this.chain.states[stage];
    const sigma = deviation(values);
    const side = 2 * SIDE + GAP;
    const [a, b, c, d] = this.names(stage);
    const paint = (pixels) => tiled(values, FULL * sigma, pixels);
    this.panels[number].show(
      side,
      side,
      paint,
      `${a} ${b} / ${c} ${d}, σ ${sigma.toPrecision(3)}`,
      `${place}, four planes`,
    );
  }

  stop() {
    this.form.play(false);
    cancelAnimationFrame(this.frame);
    this.resized.disconnect();
    this.root.remove();
  }
}

function render({ model, el }) {
  const anatomy = new Anatomy(model, el);
  return () => anatomy.stop();
}

export default { render };
