// The noise lab: noise drawn live from every model, beside the true noise, and what can be measured of it.
import { correlation, histogram, variance } from "./charts.js";
import { connect } from "./client.js";
import { Controls } from "./controls.js";
import { KINDS } from "./engine.js";
import { openPicture, openScene } from "./image.js";
import { nameOf, noteOf, scores } from "./lab_scores.js";
import { bytesOf, make, zoomButtons } from "./page.js";
import { brightness, develop, developNoise, Lens, lookOf, Panel } from "./panels.js";

const CHARTS = [
  ["Histogram", histogram, "Log scale; grey is the true noise."],
  ["Variance and signal", variance, "Dashed: the noise level function of the true noise."],
  ["Autocorrelation", correlation, "Of the noise over its deviation; grey is the true noise."],
];
const FRAME = 110; // ms between frames while playing

class Lab {
  constructor(model, el) {
    this.model = model;
    this.cameras = model.get("cameras");
    this.settings = { ...model.get("settings") };
    this.look = lookOf(model.get("camera_from_srgb"), model.get("srgb_from_camera"));
    this.frames = {};
    this.pictures = {};
    this.asked = 0;
    this.root = document.createElement("section");
    this.root.className = "n2nf lab";
    this.root.setAttribute("aria-label", "Noise lab");
    this.lens = new Lens(() => this.everyPanel((panel) => panel.draw()));
    this.build();
    el.append(this.root);
    const weights = bytesOf(model.get("weights"));
    this.engine = connect({ weights, cameras: this.cameras }, (message) => this.receive(message));
    this.resized = new ResizeObserver(() => this.redraw());
    this.resized.observe(this.root);
    this.start();
  }

  build() {
    const open = (file) => this.open(file);
    this.controls = new Controls(this.cameras, this.settings, { changed: (name) => this.changed(name), open });
    this.panels = make("div", "panels");
    this.status = Object.assign(make("p", "status"), { role: "status" });
    const under = make("div", "under");
    under.append(this.status, make("p", "", "Drag, or use the arrow keys."), ...zoomButtons(this.lens));
    this.table = make("div", "scores");
    this.charts = CHARTS.map(([title, draw, hint]) => {
      const element = make("div", "chart");
      element.innerHTML = `<div class="title"></div><div class="plot"></div><div class="hint"></div>`;
      element.querySelector(".title").textContent = title;
      element.querySelector(".hint").textContent = hint;
      return { element, draw, at: element.querySelector(".plot") };
    });
    const charts = make("div", "charts");
    charts.append(...this.charts.map(({ element }) => element));
    this.root.append(this.controls.element, this.panels, under, this.table, charts);
    this.acceptDrops();
  }

  async start() {
    for (const { id, label, png } of this.model.get("scenes")) {
      this.addScene(id, label, await openScene(bytesOf(png)));
    }
    this.useCamera();
    this.useScene();
  }

  addScene(id, label, picture) {
    this.pictures[id] = picture;
    const thumbnail = Object.assign(make("canvas"), { width: picture.width, height: picture.height });
    const pixels = new ImageData(picture.width, picture.height);
    develop(picture.planes, picture.width * picture.height, this.look, brightness(picture.planes), pixels.data);
    thumbnail.getContext("2d").putImageData(pixels, 0, 0);
    thumbnail.setAttribute("aria-hidden", "true");
    this.controls.addScene(id, label, thumbnail);
  }

  get camera() {
    return this.cameras.find(({ id }) => id === this.settings.camera) ?? this.cameras[0];
  }

  changed(name) {
    if (name === "camera") this.useCamera();
    if (name === "scene") return this.useScene();
    this.model.set("settings", { ...this.settings });
    this.model.save_changes();
    if (name === "view" || name === "amplification") this.redraw();
    else if (name !== "play" || this.controls.playing) this.ask();
  }

  // The panels of a camera: the true noise, its models, and where a place is left the clean signal.
  useCamera() {
    this.controls.limitIso(this.camera.isos);
    const kinds = ["true", ...KINDS.filter((kind) => kind in this.camera.models)];
    if (kinds.length % 3 === 2) kinds.push("clean");
    this.frames = {};
    this.shown = Object.fromEntries(kinds.map((kind) => [kind, new Panel(this.lens, kind, nameOf(kind))]));
    this.panels.replaceChildren(...Object.values(this.shown).map(({ element }) => element));
  }

  useScene() {
    const picture = this.pictures[this.settings.scene] ?? Object.values(this.pictures)[0];
    this.size = { width: picture.width, height: picture.height };
    this.engine.send({ scene: picture });
    this.ask();
  }

  ask() {
    const { camera, iso, seed, temperature, exposure } = this.settings;
    this.root.dataset.asked = String(++this.asked);
    this.engine.send({
      settings: { id: this.asked, camera, iso, seed, temperature, exposure: 2 ** exposure, size: this.size },
    });
  }

  receive({ id, camera, frame, size, done }) {
    if (camera !== this.settings.camera) return;
    if (frame) {
      this.frames[frame.kind] = { ...frame, size };
      if (frame.kind === "true") this.gain = brightness(frame.clean);
      this.paint(frame.kind);
      if (frame.kind === "true") this.paint("clean");
      return;
    }
    this.measure();
    const [width, height] = [2 * this.size.width, 2 * this.size.height];
    const count = Object.keys(this.frames).length;
    this.status.textContent = `${width} × ${height} pixels, ${count} frames in ${done.toFixed(0)} ms`;
    this.root.dataset.drawn = String(id);
    clearTimeout(this.timer);
    if (this.controls.playing)
      this.timer = setTimeout(() => this.controls.playing && this.controls.set("seed", this.settings.seed + 1), FRAME);
  }

  paint(kind) {
    const panel = this.shown[kind];
    const frame = this.frames[kind === "clean" ? "true" : kind];
    if (!panel || !frame || !this.frames.true) return;
    const { width, height } = frame.size;
    const { view, amplification } = this.settings;
    const factor = kind === "clean" ? 0 : amplification;
    const {
      clean,
      stats: { sigma },
    } = this.frames.true;
    if (clean.length !== frame.noise.length) return;
    const pictured = (pixels) => {
      if (view === "noise" && factor) return developNoise(frame.noise, width * height, (0.3 * factor) / sigma, pixels);
      const noisy = factor ? frame.noise.map((value, i) => clean[i] + factor * value) : clean;
      return develop(noisy, width * height, this.look, this.gain, pixels);
    };
    panel.show(width, height, pictured, noteOf(kind, frame), view === "noise" && factor ? "noise alone" : "picture");
  }

  redraw() {
    for (const kind of Object.keys(this.shown ?? {})) this.paint(kind);
    if (this.frames.true) this.measure();
  }

  everyPanel(act) {
    Object.values(this.shown ?? {}).forEach(act);
  }

  measure() {
    const known = Object.keys(this.shown).filter((kind) => this.frames[kind]);
    const frames = Object.fromEntries(known.map((kind) => [kind, this.frames[kind]]));
    for (const { draw, at } of this.charts) draw(at, frames, nameOf);
    this.table.innerHTML = scores(frames);
  }

  acceptDrops() {
    for (const name of ["dragenter", "dragover"]) {
      this.root.addEventListener(name, (event) => {
        event.preventDefault();
        this.root.classList.add("over");
      });
    }
    this.root.addEventListener(
      "dragleave",
      (event) => this.root.contains(event.relatedTarget) || this.root.classList.remove("over"),
    );
    this.root.addEventListener("drop", (event) => {
      event.preventDefault();
      this.root.classList.remove("over");
      if (event.dataTransfer.files[0]) this.open(event.dataTransfer.files[0]);
    });
  }

  async open(file) {
    try {
      const picture = await openPicture(file, this.model.get("camera_from_srgb"));
      const id = `own ${Object.keys(this.pictures).length}`;
      this.addScene(id, file.name, picture);
      this.controls.set("scene", id);
    } catch (error) {
      this.status.textContent = `${file.name} could not be opened as a picture: ${error.message}`;
    }
  }

  stop() {
    clearTimeout(this.timer);
    this.resized.disconnect();
    this.engine.close();
    this.root.remove();
  }
}

function render({ model, el }) {
  const lab = new Lab(model, el);
  return () => lab.stop();
}

export default { render };
