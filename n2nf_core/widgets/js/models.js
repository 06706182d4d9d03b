// The noise models of n2nf_core in the page: the same densities and samples, from the same weights.
//
// Planes are one typed array of 4 * height * width, plane after plane; results are in double precision. A context is
// {clean, height, width, camera, iso}. logProb(n, context) in nats, latents(n, context) -> {latents, ladj},
// sample(context, eps) with eps ~ temperature * N(0, I) is colour(blend(eps, context), context). blend reads nothing of
// the context but height and width: what it gives can be kept while signal, camera and ISO change.
import { Coupling } from "./coupling.js";
import { IDENTITY, inverted, mixPlanes, weightOf } from "./matrices.js";
import { TabulatedMixture } from "./mixture_table.js";
import { LineNoise, MixtureCDF } from "./sensor_flow.js";

const LOG_TWO_PI = Math.log(2 * Math.PI);
const TYPES = { F32: Float32Array, F64: Float64Array };

// A safetensors buffer (a view of any kind) -> {name: model}.
export function readModels({ buffer, byteOffset, byteLength }) {
  const bytes = Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength));
  const view = new DataView(bytes.buffer);
  const start = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  const tensors = {};
  for (const [name, about] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = about.data_offsets.map((offset) => start + offset);
    tensors[name] = new TYPES[about.dtype](bytes.buffer.slice(from, to));
  }
  const described = Object.entries(JSON.parse(header.__metadata__.models));
  return Object.fromEntries(described.map(([name, about]) => [name, build(about, below(tensors, `${name}/`))]));
}

function build({ kind, cameras, isos }, tensors) {
  const knots = new IsoKnots(cameras, isos);
  const Model = { gaussian: GaussianNoise, sensor_flow: SensorFlow }[kind] ?? NoiseFlow;
  return new Model(knots, tensors);
}

// The tensors whose name begins with a prefix, without it.
function below(tensors, prefix) {
  const found = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, values]) => [name.slice(prefix.length), values]));
}

// Piecewise linear in log ISO, exact at the knots, constant outside; tables are (cameras, knots), short rows padded.
export class IsoKnots {
  constructor(cameras, isos) {
    this.cameras = cameras;
    this.isos = isos;
    this.columns = Math.max(...cameras.map((name) => isos[name].length));
  }

  // Tables of more than one number at a knot have ``size`` of them, of which number ``index`` is read.
  at(table, camera, iso, size = 1, index = 0) {
    const row = this.cameras.indexOf(camera);
    if (row < 0)
      throw new RangeError(`camera "${camera}" is not known to this model; it knows ${this.cameras.join(", ")}`);
    const known = this.isos[camera];
    const value = (k) => table[(row * this.columns + k) * size + index];
    const high = Math.min(Math.max(known.filter((knot) => iso >= knot).length, 1), known.length - 1);
    const low = Math.max(high - 1, 0);
    const gap = Math.max(Math.log(known[high]) - Math.log(known[low]), 1e-12);
    const weight = Math.min(Math.max((Math.log(iso) - Math.log(known[low])) / gap, 0), 1);
    return value(low) + weight * (value(high) - value(low));
  }
}

// shot * max(x, 0) + read at every pixel.
function variances({ clean }, { shot, read }) {
  const out = new Float64Array(clean.length);
  for (let i = 0; i < out.length; i++) out[i] = shot * Math.max(clean[i], 0) + read;
  return out;
}

export function gaussianLogProb(values) {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i] * values[i];
  return -0.5 * (squares + values.length * LOG_TWO_PI);
}

class SignalDependent {
  constructor(knots, logShot, logRead) {
    Object.assign(this, { knots, logShot, logRead, cameras: knots.cameras });
  }

  nlf({ camera, iso }) {
    return {
      shot: Math.exp(this.knots.at(this.logShot, camera, iso)),
      read: Math.exp(this.knots.at(this.logRead, camera, iso)),
    };
  }

  // The variance as a line in the signal.
  line(context) {
    return this.nlf(context);
  }

  // log p(noise | context), nats.
  logProb(noise, context) {
    const { latents, ladj } = this.latents(noise, context);
    return gaussianLogProb(latents) + ladj;
  }

  sample(context, eps) {
    return this.colour(this.blend(eps, context), context);
  }

  blend(eps) {
    return eps;
  }

  colour(values, context) {
    return this.scaleUp(new Float64Array(values), context);
  }

  standardise(noise, context) {
    const variance = variances(context, this.nlf(context));
    const latents = new Float64Array(noise.length);
    let ladj = 0;
    for (let i = 0; i < noise.length; i++) {
      latents[i] = noise[i] / Math.sqrt(variance[i]);
      ladj -= 0.5 * Math.log(variance[i]);
    }
    return { latents, ladj };
  }

  scaleUp(values, context, factor = 1) {
    const { shot, read } = this.nlf(context);
    const { clean } = context;
    for (let i = 0; i < values.length; i++) values[i] *= factor * Math.sqrt(shot * Math.max(clean[i], 0) + read);
    return values;
  }
}

// n ~ N(0, shot x + read): AWGN, camera NLF, calibrated P-G, photon transfer.
export class GaussianNoise extends SignalDependent {
  constructor(knots, tensors) {
    const size = knots.cameras.length * knots.columns;
    super(knots, tensors.log_nlf.subarray(0, size), tensors.log_nlf.subarray(size));
  }

  latents(noise, context) {
    return this.standardise(noise, context);
  }
}

// S-G and S-A4-G-A4: a signal-dependent scale, then gains, 1x1 convolutions and couplings, in the density direction.
export class NoiseFlow extends SignalDependent {
  // scale: where the tensors of the signal-dependent scale are. first: number of the first layer that readLayers reads.
  constructor(knots, tensors, scale = "0.", first = 1) {
    const layers = below(tensors, "bijection.layers.");
    super(knots, layers[`${scale}log_shot`], layers[`${scale}log_read`]);
    this.readLayers(layers, first);
  }

  // couplings[k] comes after the matrix forward[k]; the gain is folded into the matrix that follows it.
  readLayers(layers, first) {
    const last = Math.max(...Object.keys(layers).map((name) => parseInt(name, 10)));
    this.couplings = [];
    this.forward = [];
    this.tensors = []; // of every layer that is read here, in order
    this.logDet = 0; // per pixel of one plane
    this.logGain = 0;
    let gain = 1;
    for (let k = first; k <= last; k++) {
      const layer = below(layers, `${k}.`);
      this.tensors.push(layer);
      if ("log_gain" in layer) {
        gain *= Math.exp(-layer.log_gain[0]);
        this.logGain += layer.log_gain[0];
      } else if ("permutation" in layer) {
        this.forward.push(weightOf(layer).map((value) => value * gain));
        this.logDet += layer.log_s.reduce((sum, value) => sum + value, 0);
        gain = 1;
      } else {
        this.couplings.push(new Coupling(layer));
      }
    }
    this.logDet -= 4 * this.logGain;
    this.backward = this.forward.map(inverted);
  }

  scratch(width) {
    if (this.rows?.width !== width) this.rows = this.couplings[0]?.scratch(width);
    return this.rows;
  }

  latents(noise, context) {
    const { height, width } = context;
    let { latents: source, ladj } = this.standardise(noise, context);
    ladj += this.logDet * height * width;
    if (!this.couplings.length) return { latents: source.map((value) => value * Math.exp(-this.logGain)), ladj };
    mixPlanes(source, height * width, this.forward[0]);
    let target = new Float64Array(source.length);
    this.couplings.forEach((coupling, k) => {
      const mix = this.forward[k + 1] ?? IDENTITY;
      ladj += coupling.run(source, target, height, width, mix, false, this.scratch(width));
      [source, target] = [target, source];
    });
    return { latents: source, ladj };
  }

  blend(eps, { height, width }) {
    let source = new Float64Array(eps);
    let target = new Float64Array(source.length);
    for (let k = this.couplings.length - 1; k >= 0; k--) {
      this.couplings[k].run(source, target, height, width, this.backward[k], true, this.scratch(width));
      [source, target] = [target, source];
    }
    return source;
  }

  colour(values, context) {
    return this.scaleUp(new Float64Array(values), context, this.couplings.length ? 1 : Math.exp(this.logGain));
  }

  // The couplings' share is left out, as NoiseFlow.nlf() does.
  line(context) {
    const { shot, read } = this.nlf(context);
    const factor = Math.exp(2 * this.logGain);
    return { shot: factor * shot, read: factor * read };
  }
}

// R-T-A4: row noise with the scale in it, tails and skewness, then 1x1 convolutions and couplings.
export class SensorFlow extends NoiseFlow {
  constructor(knots, tensors) {
    super(knots, tensors, "0.scale.", 2);
    const layers = below(tensors, "bijection.layers.");
    const variance = (context) => variances(context, this.nlf(context));
    this.first = [new LineNoise(knots, below(layers, "0."), variance), new MixtureCDF(knots, below(layers, "1."))];
  }

  // From here on the mixture is read from tables: many times faster, and exact to a hundredth of a deviation.
  quicken() {
    this.first[1] = new TabulatedMixture(this.first[1]);
  }

  standardise(noise, context) {
    const [lines, mixture] = this.first;
    const white = lines.forward(noise, context);
    const { values, ladj } = mixture.forward(white.values, context);
    return { latents: values, ladj: white.ladj + ladj };
  }

  scaleUp(values, context) {
    const [lines, mixture] = this.first;
    return lines.inverse(mixture.inverse(values, context).values, context).values;
  }
}
