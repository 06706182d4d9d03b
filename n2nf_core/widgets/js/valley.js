// The valley: what a denoiser does that lets through a share a of a frame's own noise, D(y) = x + a n. The loss, the
// picture and the residual move together.
import { slider } from "./controls.js";
import { fixed, make } from "./page.js";
import { greys, Panel } from "./panels.js";
import { barrierOf, heightOf, landscape, slopeOf } from "./sweep.js";

const SHARE = { label: "a, share of its own noise that D lets through", low: 0, high: 1, step: 0.01 };
const TITLES = { estimate: "D(y) = x + a n", residual: "y − D(y) = (1 − a) n" };
const STEP = 0.012; // of a, in a frame of the screen while it rolls

export class Valley {
  // limit: the share beyond which a run that explains noise too well has collapsed.
  constructor(lens, limit) {
    Object.assign(this, { limit, share: 0.05 });
    this.panels = Object.fromEntries(
      Object.entries(TITLES).map(([kind, title]) => [kind, new Panel(lens, kind, title)]),
    );
    this.element = make("div", "valley");
    this.form = make("form", "fields");
    this.form.innerHTML = `${slider("share", SHARE)}<button type="button" name="roll">Let it roll</button>`;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.elements.share.addEventListener("input", ({ target }) => this.move(Number(target.value)));
    this.form.elements.roll.addEventListener("click", () => this.roll());
    this.plot = make("div", "plot");
    const panels = make("div", "panels");
    panels.append(...Object.values(this.panels).map(({ element }) => element));
    this.said = Object.assign(make("p", "verdict"), { role: "status" });
    const chart = make("div", "chart");
    chart.append(make("div", "title", "The loss, above that at a = 0"), this.plot, this.said);
    const both = make("div", "both");
    both.append(chart, panels);
    this.element.append(make("div", "title", "In theory"), this.form, both);
  }

  // chosen: {point, loss}; noisy and reference: pictures {width, height, data}, where the point has some.
  show(chosen, noisy, reference) {
    Object.assign(this, { chosen, noisy, reference });
    this.draw();
  }

  move(share) {
    cancelAnimationFrame(this.frame);
    this.share = share;
    this.draw();
  }

  get strength() {
    return this.chosen.point.weight * this.chosen.point.variance;
  }

  // Downhill from here, until the slope is gone or the identity is reached.
  roll() {
    cancelAnimationFrame(this.frame);
    const slope = slopeOf(this.chosen.loss, Math.min(this.share, 0.995), this.strength);
    const next = Math.min(Math.max(this.share - Math.sign(slope) * STEP, 0), 1);
    const after = slopeOf(this.chosen.loss, Math.min(next, 0.995), this.strength);
    if (next === this.share || (next < 1 && slope * after < 0)) return;
    this.share = next;
    this.draw();
    this.frame = requestAnimationFrame(() => this.roll());
  }

  draw() {
    const { share, noisy, reference } = this;
    const field = this.form.elements.share;
    field.value = share;
    field.setAttribute("aria-valuetext", share.toFixed(2));
    field.closest("label").querySelector("output").value = share.toFixed(2);
    landscape(this.plot, this.chosen, share);
    this.said.textContent = this.verdict();
    this.element.dataset.share = share.toFixed(2);
    if (!noisy || !reference) return;
    const noise = noisy.data.map((value, i) => value - reference.data[i]);
    const deviation = Math.sqrt(noise.reduce((sum, value) => sum + value * value, 0) / noise.length);
    const values = {
      estimate: (i) => 255 * (reference.data[i] + share * noise[i]),
      residual: (i) => 128 + (38 / deviation) * (1 - share) * noise[i],
    };
    const notes = { estimate: `a = ${share.toFixed(2)}`, residual: `${Math.round(100 * (1 - share))} % of the noise` };
    for (const [kind, panel] of Object.entries(this.panels)) {
      const paint = (pixels) => greys(noise.length, values[kind], pixels);
      panel.show(noisy.width, noisy.height, paint, notes[kind], "computed from the noisy frame and the reference");
    }
  }

  verdict() {
    const { loss, point } = this.chosen;
    const height = heightOf(loss, Math.min(this.share, 0.995), this.strength);
    const here = `Here the loss is ${fixed(height, 2)} nats per dimension ${height > 0 ? "above" : "from"} that of a = 0.`;
    if (loss === "cross_sample")
      return `${here} It rises with a for every λ: nothing is gained by letting noise through.`;
    const turns = barrierOf(this.strength);
    if (!turns)
      return `${here} λ is below the critical one, ${point.critical.toPrecision(2)}: there is no barrier, and every path
        leads down to the identity, a = 1.`;
    const held = this.share <= turns.barrier;
    const collapsed = this.share > this.limit ? " More than half of the noise goes through: collapsed." : "";
    return `${here} The barrier at a = ${fixed(turns.barrier, 2)} ${
      held
        ? `holds D back, in the valley at a = ${fixed(turns.valley, 2)}.`
        : "is passed: downhill is the identity now."
    }${held ? "" : collapsed}`;
  }

  stop() {
    cancelAnimationFrame(this.frame);
  }
}
