// The anatomy's form: what is pushed through the flow, and which way.
import { choice, slider } from "./controls.js";

const percent = (value) => `${(100 * value).toPrecision(2)} %`;
export const RANGES = {
  iso: { label: "ISO", low: 100, high: 6400, step: 0.001, log: true, text: (v) => v.toFixed(0) },
  level: { label: "Mean signal", low: 0.002, high: 0.8, step: 0.001, log: true, text: percent },
};
const PICKS = ["camera", "model", "signal", "direction"];

const LAYOUT = `
  <div class="top"><fieldset class="scenes"><legend>Signal</legend><div class="thumbs"></div></fieldset>
    <div class="field seed">
      <label><span>Seed</span><input type="number" name="seed" min="0" max="4294967295" step="1"></label>
      <button type="button" name="again">New noise</button></div></div>
  <div class="fields">
    <label class="field"><span>Camera</span><select name="camera"></select></label>
    <label class="field"><span>Noise model</span><select name="model"></select></label>
    <fieldset class="switch"><legend>Direction</legend>
      ${choice("direction", "forward", "To base")}${choice("direction", "backward", "To noise")}</fieldset>
    ${slider("iso", RANGES.iso)}${slider("level", RANGES.level)}
  </div>
  <div class="steps"><button type="button" name="back" aria-label="One layer towards the noise">◀</button>
    <label class="slider"><span>State of the patch</span><output></output>
      <input type="range" name="stage" min="0" step="1"></label>
    <button type="button" name="on" aria-label="One layer towards the base">▶</button>
    <button type="button" name="play" aria-pressed="false">Play</button></div>`;

export class AnatomyForm {
  // settings: read and written; changed(name) after every change.
  constructor(cameras, settings, changed) {
    Object.assign(this, { settings, changed });
    this.element = document.createElement("form");
    this.element.className = "controls";
    this.element.innerHTML = LAYOUT;
    this.fields = this.element.elements;
    for (const { id, label } of cameras) this.fields.camera.add(new Option(label, id));
    this.element.addEventListener("submit", (event) => event.preventDefault());
    this.element.addEventListener("input", ({ target }) => this.read(target));
    this.fields.again.addEventListener("click", () => this.set("seed", (settings.seed + 1) % 4294967296));
    this.fields.back.addEventListener("click", () => this.move(-1));
    this.fields.on.addEventListener("click", () => this.move(1));
    this.fields.play.addEventListener("click", () => this.play(!this.playing));
  }

  // From where the patch comes to where it goes, a layer at a time.
  play(on) {
    clearInterval(this.timer);
    this.playing = on;
    this.fields.play.setAttribute("aria-pressed", String(on));
    this.fields.play.textContent = on ? "Pause" : "Play";
    if (!on) return;
    const step = this.settings.direction === "forward" ? 1 : -1;
    const [start, end] = step > 0 ? [0, this.count] : [this.count, 0];
    if (this.settings.stage === end) this.set("stage", start);
    this.timer = setInterval(() => {
      this.move(step);
      if (this.settings.stage === end) this.play(false);
    }, 650);
  }

  move(step) {
    this.set("stage", Math.min(Math.max(this.settings.stage + step, 0), this.count));
  }

  set(name, value) {
    this.settings[name] = value;
    this.write();
    this.changed(name);
  }

  read({ name, value }) {
    if (!(name in this.settings) || (name === "seed" && !(value !== "" && Number(value) >= 0))) return;
    const number = RANGES[name]?.log ? Math.exp(Number(value)) : Number(value);
    this.settings[name] = PICKS.includes(name) ? value : number;
    this.write(name);
    this.changed(name);
  }

  // Shows the settings; a field that is being moved by hand is left alone.
  write(moved) {
    const { settings, fields } = this;
    for (const [name, { text }] of Object.entries(RANGES)) {
      if (name !== moved) fields[name].value = Math.log(settings[name]);
      this.say(name, text(settings[name]));
    }
    for (const name of ["camera", "model", "seed", "stage"]) if (name !== moved) fields[name].value = settings[name];
    for (const radio of this.element.querySelectorAll("input[type=radio]"))
      radio.checked = radio.value === settings[radio.name];
    fields.back.disabled = settings.stage === 0;
    fields.on.disabled = settings.stage === this.count;
  }

  say(name, text) {
    this.fields[name].setAttribute("aria-valuetext", text);
    this.fields[name].closest("label").querySelector("output").value = text;
  }

  // The ISO values and models of a camera, models as {kind: label}.
  offer({ isos: [low, high] }, models) {
    const { settings, fields } = this;
    Object.assign(fields.iso, { min: Math.log(low), max: Math.log(high) });
    settings.iso = Math.min(Math.max(settings.iso, low), high);
    fields.model.replaceChildren(...Object.entries(models).map(([kind, label]) => new Option(label, kind)));
    if (!(settings.model in models)) settings.model = Object.keys(models).at(-1);
  }

  // How many layers there are to step through.
  limitStages(count) {
    this.count = count;
    this.fields.stage.max = count;
    this.settings.stage = Math.min(this.settings.stage, count);
    this.write();
  }

  addSignal(id, label, thumbnail) {
    const holder = document.createElement("div");
    holder.innerHTML = `<label class="thumb"><input type="radio" name="signal"><span></span></label>`;
    Object.assign(holder.querySelector("input"), { value: id });
    holder.querySelector("span").textContent = label;
    holder.firstElementChild.insertBefore(thumbnail, holder.querySelector("span"));
    this.element.querySelector(".thumbs").append(holder.firstElementChild);
  }
}
