// Your burst: files of the reader's own, looked at and trained on by the kernel; this side shows and asks.
import { CHARTS, scientific } from "./burst_charts.js";
import { decodePng } from "./image.js";
import { fromBase64, make, zoomButtons } from "./page.js";
import { greys, Lens, Panel } from "./panels.js";

const TITLES = { first: "Frame 1", second: "Frame 2", difference: "Frame 1 − frame 2" };
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

const option = ([name, label]) => `<label class="field"><span>${label}</span>
  <input type="text" name="${name}" placeholder="as in the file"></label>`;

const FORM = `
  <label class="field path"><span>Path of a burst: DNG or RAW folder, TIFF, FITS, NPZ, SIDD</span>
    <input type="text" name="path" spellcheck="false" autocomplete="off"></label>
  <button type="submit" name="open">Open</button>
  <details><summary>What the file does not say, or says wrongly</summary><div class="fields">
    ${OPTIONS.map(option).join("")}</div></details>
  <p class="error" role="alert"></p>`;

const TRAIN = `
  <label class="field"><span>Size of the training</span><select name="profile"></select></label>
  <button type="button" name="train">Start training</button><button type="button" name="stop">Stop</button>
  <progress max="1" value="0" aria-label="Progress of the training"></progress><p class="status" role="status"></p>`;

class YourBurst {
  constructor(model, el) {
    this.model = model;
    this.root = make("section", "n2nf burst");
    this.root.setAttribute("aria-label", "Your burst");
    this.lens = new Lens(() => {
      for (const panel of Object.values(this.panels)) panel.draw();
    });
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
    this.findings = make("ul", "findings");
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
    this.seen.append(this.summary, this.findings, row, under, this.trainer, charts);
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
    this.findings.replaceChildren(...about.findings.map((text) => make("li", "", text)));
    for (const { element, at, draw } of this.charts) element.hidden = draw({ at, about, rows }) === 0;
    if (this.shown === about.pictures) return;
    this.shown = about.pictures;
    for (const [kind, panel] of Object.entries(this.panels)) {
      const { width, height, data } = await decodePng(fromBase64(about.pictures[kind]));
      const paint = (pixels) => greys(data.length, (i) => 255 * data[i], pixels);
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
  const sign = photon.read < 0 ? "−" : "+";
  const line = `var(n) = ${scientific(photon.shot)} x ${sign} ${scientific(Math.abs(photon.read))}`;
  return [
    `${scene}${others}: ${frames} frames of ${size[1]} × ${size[0]} pixels, ${camera}, ISO ${iso},`,
    `black ${levels[0]}, white ${levels[1]}.`,
    `Photon transfer: ${line}, ${(100 * photon.excluded).toFixed(2)} % of the pixels set aside.`,
  ].join(" ");
}

function render({ model, el }) {
  const burst = new YourBurst(model, el);
  return () => burst.stop();
}

export default { render };
