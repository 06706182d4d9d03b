// The lab's form: every control has a label and a name, and writes one entry of the settings.

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)} EV`;
export const times = (value) => `× ${value < 10 ? value.toFixed(1) : value.toFixed(0)}`;

// Sliders: how a setting lies on the track, and how it reads.
const SLIDERS = {
  iso: { label: "ISO", low: 100, high: 6400, step: 0.001, log: true, text: (v) => v.toFixed(0) },
  exposure: { label: "Exposure", low: -6, high: 2, step: 0.1, text: signed },
  amplification: { label: "Amplify", low: 0.25, high: 16, step: 0.01, log: true, text: times },
  temperature: { label: "Temperature", low: 0, high: 2, step: 0.05, text: (v) => v.toFixed(2) },
};

export const slider = (name, { label, low, high, step, log }) => {
  const [from, to] = log ? [Math.log(low), Math.log(high)] : [low, high];
  return `<label class="slider"><span>${label}</span><output></output>
    <input type="range" name="${name}" min="${from}" max="${to}" step="${step}"></label>`;
};

export const choice = (name, value, label) =>
  `<label><input type="radio" name="${name}" value="${value}"><span>${label}</span></label>`;

const FORM = `
  <div class="presets"><span>Show me</span><button type="button" name="reset">Reset</button></div>
  <div class="top"><fieldset class="scenes"><legend>Clean picture</legend><div class="thumbs"></div>
    <label class="own"><input type="file" accept="image/*" name="file" aria-label="Open a picture of your own"><span
      aria-hidden="true"><b>+</b>open or drop<br>your own</span></label></fieldset>
    <div class="field seed">
      <label><span>Seed</span><input type="number" name="seed" min="0" max="4294967295" step="1"></label>
      <button type="button" name="again">New noise</button>
      <button type="button" name="play" aria-pressed="false">Play</button></div></div>
  <div class="fields">
    <label class="field"><span>Camera</span><select name="camera"></select></label>
    ${slider("iso", SLIDERS.iso)}${slider("exposure", SLIDERS.exposure)}
    <fieldset class="switch"><legend>Show</legend>
      ${choice("view", "picture", "Noisy picture")}${choice("view", "noise", "Noise alone")}</fieldset>
    ${slider("amplification", SLIDERS.amplification)}${slider("temperature", SLIDERS.temperature)}
  </div>
  <fieldset class="models"><legend>Models, in the order in which they are ticked</legend><div></div></fieldset>`;

// ISO values as they are engraved on cameras, in thirds of a stop.
const ENGRAVED = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8];
const ISOS = [10, 100, 1000, 10000].flatMap((power) => ENGRAVED.map((value) => Math.round(value * power)));
const ISO_STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 3, PageDown: -3 };

// The engraved value so many steps above or below.
export function stepIso(iso, step) {
  const next =
    step > 0 ? ISOS.findIndex((value) => value > iso * 1.001) : ISOS.findLastIndex((value) => value < iso * 0.999);
  return ISOS[Math.min(Math.max(next + step - Math.sign(step), 0), ISOS.length - 1)];
}

export class Controls {
  // presets: {name: [label]}. settings: read and written; changed(name, moving) after every change, moving while a
  // slider is dragged; open(file) for a picture of the reader's own; preset(name), of undefined to begin again.
  constructor(cameras, presets, settings, { changed, open, preset }) {
    Object.assign(this, { settings, changed });
    this.element = document.createElement("form");
    this.element.className = "controls";
    this.element.innerHTML = FORM;
    this.fields = this.element.elements;
    for (const { id, label } of cameras) this.fields.camera.add(new Option(label, id));
    this.element.addEventListener("submit", (event) => event.preventDefault());
    this.element.addEventListener("input", ({ target }) => this.read(target, target.type === "range"));
    this.element.addEventListener("change", ({ target }) => target.type === "range" && this.changed(target.name));
    this.fields.iso.addEventListener("keydown", (event) => this.turnIso(event));
    for (const [name, [label]] of Object.entries(presets)) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
      button.dataset.preset = name;
      button.addEventListener("click", () => preset(name));
      this.fields.reset.before(button);
    }
    this.fields.reset.addEventListener("click", () => preset());
    this.fields.again.addEventListener("click", () => this.set("seed", (settings.seed + 1) % 4294967296));
    this.fields.play.addEventListener("click", () => this.play(!this.playing));
    this.fields.file.addEventListener("change", ({ target }) => target.files[0] && open(target.files[0]));
    this.write();
  }

  play(on) {
    this.playing = on;
    this.fields.play.setAttribute("aria-pressed", String(on));
    this.fields.play.textContent = on ? "Pause" : "Play";
    this.changed("play");
  }

  set(name, value) {
    this.settings[name] = value;
    this.write();
    this.changed(name);
  }

  read({ name, value, checked }, moving) {
    if (name === "model") return this.choose(value, checked);
    if (!(name in this.settings)) return;
    const { log } = SLIDERS[name] ?? {};
    const number = log ? Math.exp(Number(value)) : Number(value);
    if (name === "seed" && !(value !== "" && number >= 0)) return;
    this.settings[name] = ["camera", "view", "scene"].includes(name) ? value : number;
    this.write(name);
    this.changed(name, moving);
  }

  turnIso(event) {
    const step = ISO_STEPS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [low, high] = [this.fields.iso.min, this.fields.iso.max].map((value) => Math.exp(value));
    this.set("iso", Math.min(Math.max(stepIso(this.settings.iso, step), low), high));
  }

  // A model that is ticked comes last; the only one that is left stays.
  choose(kind, on) {
    const others = this.chosen.filter((other) => other !== kind);
    if (on || others.length) this.settings.models = on ? [...others, kind] : others;
    this.chosen = this.settings.models.length ? [...this.settings.models] : this.chosen;
    this.writeModels();
    this.changed("models");
  }

  writeModels() {
    for (const box of this.element.querySelectorAll("input[name=model]")) box.checked = this.chosen.includes(box.value);
  }

  // Shows the settings; a field that is being moved by hand is left alone.
  write(moved) {
    for (const [name, { log, text }] of Object.entries(SLIDERS)) {
      const value = this.settings[name];
      const field = this.fields[name];
      if (name !== moved) field.value = log ? Math.log(value) : value;
      field.setAttribute("aria-valuetext", text(value));
      field.closest("label").querySelector("output").value = text(value);
    }
    for (const name of ["camera", "seed"]) if (name !== moved) this.fields[name].value = this.settings[name];
    for (const radio of this.element.querySelectorAll("input[type=radio]")) {
      radio.checked = radio.value === this.settings[radio.name];
    }
  }

  // A camera: its ISO values and its models, of which `chosen` are drawn.
  useCamera({ isos: [low, high], models }, chosen, nameOf) {
    Object.assign(this.fields.iso, { min: Math.log(low), max: Math.log(high) });
    this.settings.iso = Math.min(Math.max(this.settings.iso, low), high);
    this.chosen = [...chosen];
    this.element.querySelector(".models div").innerHTML = Object.keys(models)
      .map(
        (kind) => `<label data-kind="${kind}"><input type="checkbox" name="model" value="${kind}">
        <span>${nameOf(kind)}</span></label>`,
      )
      .join("");
    this.writeModels();
    this.write();
  }

  addScene(id, label, thumbnail) {
    const holder = document.createElement("div");
    holder.innerHTML = `<label class="thumb"><input type="radio" name="scene"><span></span></label>`;
    const input = Object.assign(holder.querySelector("input"), { value: id });
    holder.querySelector("span").textContent = label;
    holder.firstElementChild.insertBefore(thumbnail, input.nextSibling);
    this.element.querySelector(".thumbs").append(holder.firstElementChild);
    this.write();
  }
}
