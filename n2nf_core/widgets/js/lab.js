// The noise lab: noise drawn live from every model, beside the true noise, and what can be measured of it.
import { correlation, histogram, variance } from "./charts.js";
import { connect } from "./client.js";
import { Controls } from "./controls.js";
import { KINDS } from "./engine.js";
import { Links } from "./lab_links.js";
import { Pictures } from "./lab_pictures.js";
import { nameOf, noteOf, scores } from "./lab_scores.js";
import { fromAddress, PRESETS, toAddress } from "./lab_state.js";
import { Pacer } from "./pacing.js";
import { bytesOf, make, zoomButtons } from "./page.js";
import { brightness, develop, developNoise, Lens, lookOf, noisy, Panel } from "./panels.js";
import { Requests } from "./requests.js";

const CHARTS = [
  ["Histogram", histogram, "Log scale; grey is the true noise. Point at a bar to see its pixels."],
  ["Variance and signal", variance, "Dashed: the noise level function of the true noise."],
  ["Autocorrelation", correlation, "Of the noise over its deviation; grey is the true noise."],
];
const FRAME = 110; // ms between frames while playing

class Lab {
  constructor(model, el) {
    this.model = model;
    this.cameras = model.get("cameras");
    this.first = { models: [], ...model.get("settings") };
    this.settings = { ...(fromAddress(this.first) ?? this.first) };
    this.look = lookOf(model.get("camera_from_srgb"), model.get("srgb_from_camera"));
    Object.assign(this, { frames: {}, cleans: {}, shown: {}, floor: null });
    this.painter = new Pacer();
    this.root = make("section", "n2nf lab");
    this.root.setAttribute("aria-label", "Noise lab");
    this.lens = new Lens(() => this.everyPanel((panel) => panel.draw()));
    this.resized = new ResizeObserver(() => this.askMeasures()); // panels see to themselves
    this.build();
    el.append(this.root);
    this.led = () => this.follow();
    window.addEventListener("hashchange", this.led);
    this.useCamera();
    this.painter.ask("begin", () => this.begin());
  }

  begin() {
    const weights = bytesOf(this.model.get("weights"));
    this.engine = connect({ weights, cameras: this.cameras }, (message) => this.receive(message));
    const complete = (...answer) => {
      this.askMeasures();
      this.painter.ask("finish", () => this.finish(...answer));
    };
    this.requests = new Requests(this.engine, this.root, () => this.wanted, complete);
    this.pictures = new Pictures(this, this.model.get("scenes"), this.model.get("camera_from_srgb"), () => {
      this.useScene();
      this.ask();
    });
  }

  build() {
    this.controls = new Controls(this.cameras, PRESETS, this.settings, {
      changed: (name, moving) => this.changed(name, moving),
      open: (file) => this.pictures.open(file),
      preset: (name) => this.take({ ...this.first, ...PRESETS[name]?.[1] }),
    });
    this.panels = make("div", "panels");
    this.status = Object.assign(make("p", "status"), { role: "status" });
    const said = make("p", "said");
    const under = make("div", "under");
    under.append(this.status, said, ...zoomButtons(this.lens));
    this.table = make("div", "scores");
    this.charts = CHARTS.map(([title, draw, hint]) => {
      const element = make("div", "chart");
      const at = make("div", "plot");
      element.append(make("div", "title", title), at, make("div", "hint", hint));
      return { element, draw, at, name: title };
    });
    const charts = make("div", "charts");
    charts.append(...this.charts.map(({ element }) => element));
    this.resized.observe(charts);
    this.root.append(this.controls.element, this.panels, under, this.table, charts);
    this.links = new Links(this, said);
  }

  get camera() {
    return this.cameras.find(({ id }) => id === this.settings.camera) ?? this.cameras[0];
  }

  // The models that are drawn: those that the reader has ticked, in that order, of those that the camera has.
  get kinds() {
    const chosen = this.settings.models.filter((kind) => kind in this.camera.models);
    return chosen.length ? chosen : KINDS.filter((kind) => kind in this.camera.models);
  }

  // Settings of a preset, of an address or of the start.
  take(settings) {
    const { scene } = this.settings;
    Object.assign(this.settings, settings);
    this.useCamera();
    if (this.settings.scene !== scene) this.useScene();
    this.ask();
  }

  follow() {
    const settings = fromAddress(this.first);
    if (!settings) return;
    this.take(settings);
    const { top, bottom } = this.root.getBoundingClientRect();
    if (bottom < 0 || top > window.innerHeight || top < 0) this.root.scrollIntoView({ block: "start" });
  }

  changed(name, moving) {
    if (name === "camera") this.useCamera();
    if (name === "models") this.usePanels();
    if (name === "scene") this.useScene();
    this.model.set("settings", { ...this.settings });
    this.model.save_changes();
    if (name === "view" || name === "amplification") this.redraw();
    else if (name !== "play" || this.controls.playing) this.ask(moving);
  }

  useCamera() {
    this.settings.camera = this.camera.id;
    this.controls.useCamera(this.camera, this.kinds, nameOf);
    this.usePanels();
  }

  // The panels: the true noise, the models, and where a place is left the clean signal.
  usePanels() {
    const kinds = ["true", ...this.kinds];
    if (kinds.length % 3 === 2) kinds.push("clean");
    this.frames = {};
    this.shown = Object.fromEntries(kinds.map((kind) => [kind, new Panel(this.lens, kind, nameOf(kind))]));
    this.panels.replaceChildren(...Object.values(this.shown).map(({ element }) => element));
  }

  useScene() {
    const picture = this.pictures.shown;
    this.size = { width: picture.width, height: picture.height };
    this.cleans = {};
    for (let k = 0; k < this.engine.count; k++) this.engine.to(k, { scene: picture });
  }

  // What the engine is asked for.
  get wanted() {
    const { camera, iso, seed, temperature, exposure } = this.settings;
    return { kinds: this.kinds, settings: { camera, iso, seed, temperature, exposure: 2 ** exposure } };
  }

  ask(moving) {
    if (this.size) this.requests.ask(moving);
  }

  receive(message) {
    const { camera, opened, refused, frame, kind, nll, floor, done } = message;
    if (opened) this.pictures.add(opened);
    else if (refused) this.pictures.refuse(refused);
    else if (done !== undefined) this.requests.answered(message);
    else if (camera !== this.settings.camera) return;
    else if (frame) this.keepFrame(message);
    else if (floor) this.floor = floor;
    else if (this.frames[kind]) this.frames[kind].stats.nll = nll;
  }

  // A model's frame may come before the true one of its request, whose signal it is shown with.
  keepFrame({ id, rough, frame }) {
    if (!this.shown[frame.kind]) return;
    const { width, height } = this.size;
    const size = rough ? { width: width >> 1 || 1, height: height >> 1 || 1 } : this.size;
    if (4 * size.width * size.height !== frame.noise.length) return; // of a picture that was shown before
    const nll = this.frames[frame.kind]?.stats.nll; // until the new one is there
    this.frames[frame.kind] = { ...frame, id, size, stats: { nll, ...frame.stats } };
    if (frame.kind === "true") {
      this.cleans[frame.clean.length] = frame.clean;
      this.gain = brightness(frame.clean);
      this.floor = null;
      for (const kind of ["clean", ...Object.keys(this.frames)])
        if (kind === "clean" || this.frames[kind].id === id) this.askPaint(kind);
    } else this.askPaint(frame.kind);
  }

  finish(id, rough, milliseconds) {
    const { width, height } = this.frames.true?.size ?? this.size;
    const count = Object.keys(this.frames).length;
    this.status.textContent = `${2 * width} × ${2 * height} pixels, ${count} frames in ${milliseconds.toFixed(0)} ms`;
    this.root.dataset.drawn = String(id);
    this.root.dataset.redraws = String(Number(this.root.dataset.redraws ?? 0) + 1);
    clearTimeout(this.timer);
    this.requests.shown(rough);
    if (id !== this.requests.newest || rough) return;
    toAddress(this.settings, this.first);
    if (this.controls.playing)
      this.timer = setTimeout(() => this.controls.playing && this.controls.set("seed", this.settings.seed + 1), FRAME);
  }

  askPaint(kind) {
    this.painter.ask(`panel ${kind}`, () => this.paint(kind));
  }

  paint(kind) {
    const panel = this.shown[kind];
    const frame = this.frames[kind === "clean" ? "true" : kind];
    const clean = frame && this.cleans[frame.noise.length];
    if (!panel || !clean || !this.frames.true) return;
    const { width, height } = frame.size;
    const { amplification } = this.settings;
    const alone = this.settings.view === "noise" && kind !== "clean";
    const scale = (0.3 * amplification) / this.frames.true.stats.sigma;
    const pictured = (pixels) => {
      if (alone) return developNoise(frame.noise, width * height, scale, pixels);
      const planes = kind === "clean" ? clean : noisy(clean, amplification, frame.noise);
      return develop(planes, width * height, this.look, this.gain, pixels);
    };
    panel.show(width, height, pictured, noteOf(kind, frame, this.floor), alone ? "noise alone" : "picture");
  }

  redraw() {
    for (const kind of Object.keys(this.shown)) this.askPaint(kind);
    this.askMeasures();
  }

  askMeasures() {
    if (!this.frames.true) return;
    const kinds = Object.keys(this.shown).filter((kind) => this.frames[kind]);
    const frames = Object.fromEntries(kinds.map((kind) => [kind, this.frames[kind]]));
    for (const { draw, at, name } of this.charts) this.painter.ask(`chart ${name}`, () => draw(at, frames, nameOf));
    this.painter.ask("table", () => {
      this.table.innerHTML = scores(frames, this.floor);
      for (const kind of kinds) this.shown[kind]?.say(noteOf(kind, frames[kind], this.floor));
    });
  }

  everyPanel(act) {
    for (const panel of Object.values(this.shown)) act(panel);
  }

  stop() {
    clearTimeout(this.timer);
    this.painter.stop();
    this.requests?.stop();
    window.removeEventListener("hashchange", this.led);
    this.resized.disconnect();
    this.engine?.close();
    this.root.remove();
  }
}

function render({ model, el }) {
  const lab = new Lab(model, el);
  return () => lab.stop();
}

export default { render };
