// Your burst: files of the reader's own, looked at and trained on by the kernel; this side shows and asks.
import { Plot, superscript } from "./charts.js";
import { around, curves } from "./curves.js";
import { fromBase64, make, minus, zoomButtons } from "./page.js";
import { decodePng } from "./image.js";
import { Lens, Panel } from "./panels.js";

const TITLES = { first: "Frame 1", second: "Frame 2", difference: "Frame 1 − frame 2" };
const PLANES = ["R", "Gr", "Gb", "B"];
const OPTIONS = [
  ["camera", "Camera"],
  ["iso", "ISO"],
  ["black", "Black level, DN"],
  ["white", "White level, DN"],
  ["cfa", "CFA, as RGGB or MONO"],
];
const STATES = {
  empty: "No burst yet.",
  opening: "Opening …",
  training: "Training",
  stopped: "Stopped; training again goes on from here",
  trained: "Trained",
};

const FORM = `
  <label class="field path"><span>Path of a burst: DNG or RAW folder, TIFF, FITS, NPZ, SIDD</span>
    <input type="text" name="path" spellcheck="false" autocomplete="off"></label>
  <button type="submit" name="open">Open</button>
  <details><summary>What the file does not say, or says wrongly</summary><div class="fields">
    ${OPTIONS.map(([name, label]) => `<label class="field"><span>${label}</span><input type="text" name="${name}" placeholder="as in the file"></label>`).join("")}</div></details>
  <p class="error" role="alert"></p>`;

const TRAIN = `
  <label class="field"><span>Size of the training</span><select name="profile"></select></label>
  <button type="button" name="train">Start training</button><button type="button" name="stop">Stop</button>
  <progress max="1" value="0" aria-label="Progress of the training"></progress><p class="status" role="status"></p>`;

// [title, hint, (element, about, rows)]; those of training are empty before it.
const CHARTS = [
  [
    "Photon transfer",
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
        label: `NLL of the Noise Flow on unseen noise, now ${last(rows, "held_nll_nats_per_dim", 4)} nats per dimension.`,
      }),
  ],
  [
    "PSNR of an unseen piece",
    "Against the mean of its other frames, or the known signal, dB. Dashed: the noisy frame.",
    ({ at, rows, about }) =>
      rows.length &&
      curves(at, {
        series: [of(rows, "held_psnr_db", "denoiser")],
        levels: [[about.noisy_psnr_db, "noisy"]],
        xLabel: "step",
        label: `PSNR of the denoiser, now ${last(rows, "held_psnr_db", 2)} dB.`,
      }),
  ],
];

const numbered = (values) => values.map((value, k) => [k + 1, value]);
const of = (rows, key, kind, more = "") => ({ kind, more, points: rows.map((row) => [row.step, row[key]]) });
const last = (rows, key, digits) => minus(rows.at(-1)[key].toFixed(digits));

// A number as 3.3·10⁻⁵, for where its size alone matters.
function scientific(value, digits = 3) {
  const power = Math.floor(Math.log10(Math.abs(value)));
  return value ? `${minus((value / 10 ** power).toFixed(digits - 1))}·10${superscript(power)}` : "0";
}

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
  const ranges = [0, 1].map((axis) =>
    around(
      logs.map((point) => point[axis]),
      0.08,
    ),
  );
  const plot = new Plot(element, ...ranges);
  plot.axes(logTicks(ranges[0]), logTicks(ranges[1]), "signal, [0, 1] units");
  plot.dots(logs, "photon_transfer", 2.2);
  const [from, to] = ranges[0];
  const line = Array.from({ length: 60 }, (_, k) => from + (k / 59) * (to - from)).map((x) => [
    x,
    shot * 10 ** x + read,
  ]);
  plot.line(
    line.filter(([, y]) => y > 0).map(([x, y]) => [x, Math.log10(y)]),
    "fit",
  );
  plot.into(element, `Photon transfer: shot ${scientific(shot)}, read ${scientific(read)}.`);
}

class YourBurst {
  constructor(model, el) {
    this.model = model;
    this.root = make("section", "n2nf burst");
    this.root.setAttribute("aria-label", "Your burst");
    this.lens = new Lens(() => Object.values(this.panels).forEach((panel) => panel.draw()));
    this.build();
    el.append(this.root);
    this.resized = new ResizeObserver(() => this.show());
    this.resized.observe(this.root);
    this.update = () => this.show();
    for (const name of ["state", "error", "note", "about", "rows"]) model.on(`change:${name}`, this.update);
  }

  build() {
    this.form = Object.assign(make("form", "open"), { innerHTML: FORM });
    this.form.elements.path.value = this.model.get("path");
    for (const [name] of OPTIONS) this.form.elements[name].value = this.model.get("options")[name] ?? "";
    this.form.addEventListener("submit", (event) => this.open(event));
    this.summary = make("p", "summary");
    this.panels = Object.fromEntries(
      Object.entries(TITLES).map(([kind, title]) => [kind, new Panel(this.lens, kind, title)]),
    );
    const row = make("div", "panels");
    row.append(...Object.values(this.panels).map(({ element }) => element));
    const under = make("div", "under");
    under.append(make("p", "", "The middle of plane Gr. Drag, or use the arrow keys."), ...zoomButtons(this.lens));
    this.trainer = Object.assign(make("div", "train"), { innerHTML: TRAIN });
    this.profile = this.trainer.querySelector("select");
    for (const name of this.model.get("profiles")) this.profile.add(new Option(name));
    this.profile.addEventListener("change", () => this.tell({ profile: this.profile.value }));
    for (const act of ["train", "stop"])
      this.trainer.querySelector(`[name=${act}]`).addEventListener("click", () => this.model.send({ act }));
    this.seen = make("div", "seen");
    const charts = make("div", "charts");
    this.charts = CHARTS.map(([title, hint, draw]) => {
      const [element, at] = [make("div", "chart"), make("div", "plot")];
      element.append(make("div", "title", title), at, make("div", "hint", hint));
      charts.append(element);
      return { element, at, draw };
    });
    this.seen.append(this.summary, row, under, this.trainer, charts);
    this.root.append(this.form, this.seen);
  }

  tell(change) {
    for (const [name, value] of Object.entries(change)) this.model.set(name, value);
    this.model.save_changes();
  }

  open(event) {
    event.preventDefault();
    const { elements } = this.form;
    this.tell({
      path: elements.path.value,
      options: Object.fromEntries(OPTIONS.map(([name]) => [name, elements[name].value])),
    });
    this.model.send({ act: "open" });
  }

  show() {
    const [state, error, note, about, rows] = ["state", "error", "note", "about", "rows"].map((name) =>
      this.model.get(name),
    );
    const busy = state === "opening" || state === "training";
    this.root.dataset.state = state;
    this.form.querySelector(".error").textContent = error;
    this.form.elements.open.disabled = busy;
    this.form.elements.open.textContent = state === "opening" ? "Opening …" : "Open";
    this.profile.value = this.model.get("profile");
    this.trainer.querySelector("[name=train]").disabled = busy;
    this.trainer.querySelector("[name=stop]").disabled = state !== "training";
    this.trainer.querySelector("progress").value = rows.length && about.steps ? rows.at(-1).step / about.steps : 0;
    this.trainer.querySelector(".status").textContent = [STATES[state], note].filter(Boolean).join(": ");
    this.seen.hidden = !about.photon;
    if (about.photon) this.showBurst(about, rows);
  }

  async showBurst(about, rows) {
    this.summary.textContent = summaryOf(about);
    for (const { element, at, draw } of this.charts) element.hidden = draw({ at, about, rows }) === 0;
    if (this.shown === about.pictures) return;
    this.shown = about.pictures;
    for (const [kind, panel] of Object.entries(this.panels)) {
      const { width, height, data } = await decodePng(fromBase64(about.pictures[kind]));
      const paint = (pixels) => data.forEach((grey, i) => pixels.set([255 * grey, 255 * grey, 255 * grey, 255], 4 * i));
      panel.show(width, height, paint, "", "plane Gr");
    }
    this.root.dataset.drawn = about.scene;
  }

  stop() {
    this.resized.disconnect();
    for (const name of ["state", "error", "note", "about", "rows"]) this.model.off(`change:${name}`, this.update);
    this.root.remove();
  }
}

function summaryOf({ count, scene, camera, iso, frames, size, levels, photon }) {
  const others = count > 1 ? ` (1 of ${count} bursts)` : "";
  const line = `var(n) = ${scientific(photon.shot)} x ${photon.read < 0 ? "−" : "+"} ${scientific(Math.abs(photon.read))}`;
  return `${scene}${others}: ${frames} frames of ${size[1]} × ${size[0]} pixels, ${camera}, ISO ${iso}, black ${levels[0]}, white ${levels[1]}. Photon transfer: ${line}, ${(100 * photon.excluded).toFixed(2)} % of the pixels set aside.`;
}

function render({ model, el }) {
  const burst = new YourBurst(model, el);
  return () => burst.stop();
}

export default { render };
