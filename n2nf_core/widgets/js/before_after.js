// Before and after: pictures of one scene behind a divider, with PSNR and SSIM of what is visible.
import { diverging } from "./colours.js";
import { choice, slider, times } from "./controls.js";
import { demosaiced } from "./demosaic.js";
import { decodePng } from "./image.js";
import { LEAST, psnr, ssim } from "./metrics.js";
import { bytesOf, make, zoomButtons } from "./page.js";
import { brightness, develop, developed, greys, Lens, lookOf } from "./panels.js";
import { DividedPanel } from "./slider_panel.js";

const AMPLIFY = { label: "Amplify", low: 1, high: 64, step: 0.01, log: true };
const REST = 60; // ms without a change until the numbers are made again
const CHOICES = `<div class="fields">
  <label class="field"><span>Scene</span><select name="scene"></select></label>
  <label class="field"><span>Left</span><select name="left"></select></label>
  <label class="field"><span>Right</span><select name="right"></select></label>
  <fieldset class="switch"><legend>Show</legend>
    ${choice("view", "picture", "Pictures")}${choice("view", "difference", "Error")}
    ${choice("view", "removed", "Removed")}
  </fieldset>
  ${slider("amplification", AMPLIFY)}</div>`;

class BeforeAfter {
  constructor(model, el) {
    this.model = model;
    this.settings = { ...model.get("settings") };
    this.reference = model.get("reference");
    this.look = lookOf(model.get("camera_from_srgb"), model.get("srgb_from_camera"));
    this.lens = new Lens(() => this.moved());
    this.root = make("section", "n2nf before-after");
    this.root.setAttribute("aria-label", "Before and after");
    this.build();
    el.append(this.root);
    this.start();
  }

  build() {
    this.form = make("form", "controls");
    this.form.innerHTML = CHOICES;
    const scenes = this.model.get("scenes");
    for (const { id } of scenes) this.form.elements.scene.add(new Option(id, id));
    this.form.elements.scene.closest("label").hidden = scenes.length < 2;
    this.names = scenes[0].pictures.map(({ id }) => id);
    for (const name of ["left", "right"]) for (const id of this.names) this.form.elements[name].add(new Option(id, id));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", ({ target }) => this.read(target));
    this.panel = new DividedPanel(this.lens, "Two pictures of one scene", (share) => this.keep("divider", share));
    this.panel.share = this.settings.divider;
    this.status = Object.assign(make("p", "status"), { role: "status" });
    const under = make("div", "under");
    under.append(
      this.status,
      make("p", "", "Drag the divider, or the picture once zoomed in."),
      ...zoomButtons(this.lens),
    );
    this.table = make("div", "scores");
    this.root.append(this.form, this.panel.element, under, this.table);
  }

  async start() {
    this.write();
    await this.open();
  }

  // The pictures of the chosen scene, one after the other, so that the page can be used meanwhile.
  async open() {
    const { scene } = this.settings;
    const { pictures } = this.model.get("scenes").find(({ id }) => id === scene);
    const found = {};
    for (const { id, planes, png } of pictures) found[id] = await opened(png, planes);
    if (this.settings.scene !== scene) return;
    this.pictures = found;
    this.gain = 0.8 * brightness(found[this.reference].values);
    this.show();
  }

  read({ name, value }) {
    const chosen = name === "amplification" ? Math.exp(Number(value)) : value;
    this.keep(name, chosen);
    this.write(name);
    if (name === "scene") {
      clearTimeout(this.timer);
      delete this.root.dataset.drawn;
      this.open();
    } else this.show();
  }

  keep(name, value) {
    this.settings[name] = value;
    this.model.set("settings", { ...this.settings });
    this.model.save_changes();
  }

  write(moved) {
    const { settings, form } = this;
    for (const name of ["scene", "left", "right"]) form.elements[name].value = settings[name];
    const field = form.elements.amplification;
    const text = times(settings.amplification);
    if (moved !== "amplification") field.value = Math.log(settings.amplification);
    field.disabled = settings.view === "picture";
    field.setAttribute("aria-valuetext", text);
    field.closest("label").querySelector("output").value = text;
    for (const radio of form.querySelectorAll("input[type=radio]")) radio.checked = radio.value === settings.view;
  }

  show() {
    const { left, right, view, amplification } = this.settings;
    const { height, width } = this.pictures[this.reference];
    const minus = view !== "picture";
    const named = { picture: (id) => id, difference: (id) => `${id} − ${this.reference}` };
    named.removed = (id) => `${this.names[0]} − ${id}`;
    const sides = [left, right].map((id) => ({
      name: named[view](id),
      paint: (pixels) => this.paint(id, pixels),
    }));
    const colours = view === "removed" ? "blue below zero, orange above" : "blue too dark, orange too bright";
    const note = minus ? `${colours}, full at ${(1 / amplification).toPrecision(2)} of white` : "";
    const fine = minus || this.pictures[this.reference].planes === 1 ? 1 : 2; // pixels shown for one of a plane
    this.panel.showBoth(fine * width, fine * height, sides, note);
    this.moved();
  }

  paint(id, pixels) {
    const { values, planes, height, width } = this.pictures[id];
    const size = height * width;
    const { view } = this.settings;
    if (view === "difference") return this.paintDifference(values, this.reference, planes, size, pixels);
    if (view === "removed") return this.paintDifference(this.pictures[this.names[0]].values, id, planes, size, pixels);
    if (planes === 4) return develop(demosaiced(values, height, width), 4 * size, this.look, this.gain, pixels);
    greys(size, (i) => developed(this.gain * values[i]), pixels);
  }

  // Values minus another picture, the mean over the planes.
  paintDifference(values, other, planes, size, pixels) {
    const { values: truth } = this.pictures[other];
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let at = i; at < planes * size; at += size) sum += values[at] - truth[at];
      diverging((this.settings.amplification * sum) / planes, pixels, 4 * i);
    }
  }

  // Pixels of which at least half is inside.
  get region() {
    const { height, width } = this.pictures[this.reference];
    const { x, y, zoom } = this.lens;
    const along = (centre, length) => {
      const start = Math.max(Math.round((centre - 0.5 / zoom) * length), 0);
      return [start, Math.max(Math.min(Math.round((centre + 0.5 / zoom) * length), length) - start, 1)];
    };
    const [[top, rows], [left, columns]] = [along(y, height), along(x, width)];
    return { top, left, height: rows, width: columns };
  }

  moved() {
    if (!this.pictures) return;
    this.panel.draw();
    delete this.root.dataset.drawn;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.measure(this.region), REST);
  }

  // Picture by picture, so that a reader who moves on is not held up.
  measure(region, rows = []) {
    const others = Object.keys(this.pictures).filter((id) => id !== this.reference);
    const truth = this.pictures[this.reference];
    if (rows.length < others.length) {
      const id = others[rows.length];
      const picture = this.pictures[id];
      const row = { id, psnr: psnr(picture, truth, region), ssim: ssim(picture, truth, region) };
      this.timer = setTimeout(() => this.measure(region, [...rows, row]));
      return;
    }
    const { height, width } = truth;
    const whole = region.height === height && region.width === width;
    const part = whole ? "the whole picture" : `${region.width} × ${region.height} of ${width} × ${height} pixels`;
    this.status.textContent = `Measured: ${part}.`;
    this.table.innerHTML = scoresOf(rows, this.settings, this.reference, Math.min(region.height, region.width) < LEAST);
    this.root.dataset.drawn = "yes";
  }

  stop() {
    clearTimeout(this.timer);
    this.root.remove();
  }
}

// Planes one below the other in a 16-bit PNG, code 32768 (x + 1/2).
async function opened(png, planes) {
  const { width, height, data } = await decodePng(bytesOf(png));
  return { values: data.map((share) => (share * 65535) / 32768 - 0.5), planes, width, height: height / planes };
}

const escaped = (text) => Object.assign(document.createElement("i"), { textContent: text }).innerHTML;

function scoresOf(rows, { left, right }, reference, small) {
  const best = (key) => Math.max(...rows.map((row) => row[key]));
  const most = { psnr: best("psnr"), ssim: best("ssim") };
  const digits = { psnr: 2, ssim: 4 };
  const text = (value, key) => (Number.isFinite(value) ? value.toFixed(digits[key]) : "–");
  const cell = (row, key) => `<td${row[key] === most[key] ? ' class="best"' : ""}>${text(row[key], key)}</td>`;
  const side = (id) => [id === left && "left", id === right && "right"].filter(Boolean).join(", ");
  const line = (row) => `<tr${side(row.id) ? ' class="shown"' : ""}>
    <th scope="row">${escaped(row.id)} <small>${side(row.id)}</small></th>
    ${cell(row, "psnr")}${cell(row, "ssim")}</tr>`;
  const hint = small ? ` <small>SSIM needs ${LEAST} × ${LEAST} pixels</small>` : "";
  return `<table><caption>What is visible, against ${escaped(reference)}${hint}</caption>
    <thead><tr><th scope="col">Picture</th><th scope="col">PSNR <small>dB</small></th>
    <th scope="col">SSIM</th></tr></thead>
    <tbody>${rows.map(line).join("")}</tbody></table>`;
}

function render({ model, el }) {
  const widget = new BeforeAfter(model, el);
  return () => widget.stop();
}

export default { render };
