// A model's layers one after the other, as the core's chain has them: what models.js runs fused, step by step.
//
// forward(values, context) and inverse(values, context) -> {values, ladj}; ladj = log |det dz/dx| in nats, of the
// density direction in both. Planes and contexts are those of models.js.
import { IDENTITY, inverted, mixPlanes, weightOf } from "./matrices.js";
import { gaussianLogProb } from "./models.js";

// S: z = n / sigma(x).
class ScaleLayer {
  kind = "scale";

  constructor(model) {
    this.model = model;
  }

  forward(values, context) {
    const { latents, ladj } = this.model.standardise(values, context);
    return { values: latents, ladj };
  }

  inverse(values, context) {
    const { ladj } = this.model.standardise(values, context);
    return { values: this.model.scaleUp(Float64Array.from(values), context), ladj };
  }
}

// G: z = x / gain.
class GainLayer {
  kind = "gain";

  constructor({ log_gain: [logGain] }) {
    this.logGain = logGain;
  }

  forward(values) {
    return { values: values.map((value) => value * Math.exp(-this.logGain)), ladj: -values.length * this.logGain };
  }

  inverse(values) {
    return { values: values.map((value) => value * Math.exp(this.logGain)), ladj: -values.length * this.logGain };
  }
}

// W: a 4x4 matrix across the planes of a pixel.
class MixLayer {
  kind = "mix";

  constructor(tensors) {
    this.weight = weightOf(tensors);
    this.back = inverted(this.weight);
    this.logDet = tensors.log_s.reduce((sum, value) => sum + value, 0);
  }

  mixed(values, matrix) {
    const out = Float64Array.from(values);
    mixPlanes(out, out.length / 4, matrix);
    return { values: out, ladj: (this.logDet * out.length) / 4 };
  }

  forward(values) {
    return this.mixed(values, this.weight);
  }

  inverse(values) {
    return this.mixed(values, this.back);
  }
}

// C: planes 1 and 2 stay and say how planes 3 and 4 are scaled and shifted.
class CouplingLayer {
  kind = "coupling";

  constructor(coupling) {
    this.coupling = coupling;
  }

  run(values, { height, width }, backward) {
    const out = new Float64Array(values.length);
    const ladj = this.coupling.run(values, out, height, width, IDENTITY, backward, this.coupling.scratch(width));
    return { values: out, ladj };
  }

  forward(values, context) {
    return this.run(values, context, false);
  }

  inverse(values, context) {
    return this.run(values, context, true);
  }

  // What planes 1 and 2 add to planes 3 and 4, both in one array.
  shift(values, context) {
    const half = values.length / 2;
    const blank = values.map((value, i) => (i < half ? value : 0));
    return this.forward(blank, context).values.subarray(half);
  }
}

// Of a Gaussian table the scale alone; a Sensor Flow has its own first layers.
export function layersOf(model) {
  const couplings = [...(model.couplings ?? [])];
  const rest = (model.tensors ?? []).map((layer) => {
    if ("log_gain" in layer) return new GainLayer(layer);
    return "permutation" in layer ? new MixLayer(layer) : new CouplingLayer(couplings.shift());
  });
  return [...(model.first ?? [new ScaleLayer(model)]), ...rest];
}

// From noise to base, or from base to noise: states[k] before layer k (the last is the base), ladj[k] of layer k in
// nats.
export function through(layers, start, context, backward) {
  const count = layers.length;
  const states = new Array(count + 1);
  const ladj = new Array(count);
  states[backward ? count : 0] = Float64Array.from(start);
  for (let step = 0; step < count; step++) {
    const k = backward ? count - 1 - step : step;
    const found = backward ? layers[k].inverse(states[k + 1], context) : layers[k].forward(states[k], context);
    states[backward ? k : k + 1] = found.values;
    ladj[k] = found.ladj;
  }
  return { states, ladj };
}

// NLL in nats per dimension, if the flow ended at each state: N(0, 1) there, with the ladj up to there.
export function runningNll({ states, ladj }) {
  let total = 0;
  return states.map((state, k) => {
    if (k) total += ladj[k - 1];
    return -(gaussianLogProb(state) + total) / state.length;
  });
}
