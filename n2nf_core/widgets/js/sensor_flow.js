// The sensor layers of n2nf_core.flow: row noise, and the mixture that gives tails and skewness.
//
// forward(values, context) and inverse(values, context) -> {values, ladj}, as the layers of layers.js.
import { logDensity, logTail, tailQuantile } from "./normal.js";

const [FIRST, DARK_KNOTS, KNOTS] = [-3, 3, 12]; // the signal knots, as in flow/mixture.py
const NARROWEST = 0.2;

// Calls act(mosaic row, first pixel, end) for every row of the planes 2 i + j.
function everyRow(height, width, act) {
  for (let plane = 0, from = 0; plane < 4; plane++)
    for (let y = 0; y < height; y++, from += width) act(2 * y + (plane >> 1), from, from + width);
}

function sumOfLogs(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.log(values[i]);
  return sum;
}

// z = (I + a^2 v v^T)^(-1/2) x / sigma in every mosaic row, v = 1 / sigma. No flow that a page can run has column
// noise.
export class LineNoise {
  kind = "rows";

  // variances(context) -> sigma^2 at every pixel.
  constructor(knots, { log_row: logRow }, variances) {
    Object.assign(this, { knots, logRow, variances });
  }

  deviations(context) {
    const sigma = this.variances(context);
    for (let i = 0; i < sigma.length; i++) sigma[i] = Math.sqrt(sigma[i]);
    return sigma;
  }

  // values -> (I + a^2 v v^T)^(power / 2) values, in place; returns the sum of log(1 + a^2 |v|^2).
  along(values, sigma, { height, width, camera, iso }, power) {
    const variance = Math.exp(2 * this.knots.at(this.logRow, camera, iso));
    const [norm, dot] = [new Float64Array(2 * height), new Float64Array(2 * height)];
    everyRow(height, width, (line, from, to) => {
      for (let i = from; i < to; i++) {
        norm[line] += 1 / (sigma[i] * sigma[i]);
        dot[line] += values[i] / sigma[i];
      }
    });
    const change = dot.map((sum, line) => (((1 + variance * norm[line]) ** (power / 2) - 1) * sum) / norm[line]);
    everyRow(height, width, (line, from, to) => {
      for (let i = from; i < to; i++) values[i] += change[line] / sigma[i];
    });
    return norm.reduce((sum, value) => sum + Math.log1p(variance * value), 0);
  }

  forward(values, context) {
    const sigma = this.deviations(context);
    const out = new Float64Array(values.length);
    for (let i = 0; i < out.length; i++) out[i] = values[i] / sigma[i];
    const ladj = -sumOfLogs(sigma) - 0.5 * this.along(out, sigma, context, -1);
    return { values: out, ladj };
  }

  inverse(values, context) {
    const sigma = this.deviations(context);
    const out = new Float64Array(values);
    const ladj = -sumOfLogs(sigma) - 0.5 * this.along(out, sigma, context, 1);
    for (let i = 0; i < out.length; i++) out[i] *= sigma[i];
    return { values: out, ladj };
  }
}

// z = Phi^-1(sum_k w_k Phi((u - m_k) / s_k)) at every pixel, with parameters along the signal.
export class MixtureCDF {
  kind = "mixture";

  constructor(knots, tensors) {
    Object.assign(this, { knots, tensors });
    this.count = tensors.logit.length / (knots.cameras.length * knots.columns * KNOTS);
  }

  // The untransformed parameters of one camera and ISO at the signal knots: name -> numbers, knot after knot.
  tables({ camera, iso }) {
    const table = (name, size) =>
      Float64Array.from({ length: size }, (_, k) => this.knots.at(this.tensors[name], camera, iso, size, k));
    const shapes = ["logit", "mean", "log_width"].map((name) => table(name, KNOTS * this.count));
    return {
      below: table("log_below", DARK_KNOTS),
      shapes,
      unit: Math.exp(this.knots.at(this.tensors.log_unit, camera, iso)),
    };
  }

  // {mean, width, logWeight, logHeight} of the standardised mixture at a place between the signal knots, with the
  // logarithms of weight and weight / width.
  shapeAt({ below, shapes }, place) {
    const low = Math.min(Math.floor(place), KNOTS - 2);
    const between = (left, right) => left + (place - low) * (right - left);
    const indices = [...Array(this.count).keys()];
    const [logit, raw, logWidth] = shapes.map((table) =>
      indices.map((k) => between(table[low * this.count + k], table[(low + 1) * this.count + k])),
    );
    const sum = (term) => indices.reduce((total, k) => total + term(k), 0);
    const total = sum((k) => Math.exp(logit[k]));
    const weight = logit.map((value) => Math.exp(value) / total);
    const centre = sum((k) => weight[k] * raw[k]);
    const variance = logWidth.map((value) => NARROWEST ** 2 + Math.exp(2 * value));
    const spread = Math.sqrt(sum((k) => weight[k] * ((raw[k] - centre) ** 2 + variance[k])));
    const factor = Math.exp(between(below[low] ?? 0, below[low + 1] ?? 0)) / spread;
    const width = variance.map((value) => Math.sqrt(value) * factor);
    return {
      mean: raw.map((value) => (value - centre) * factor),
      width,
      logWeight: weight.map(Math.log),
      logHeight: weight.map((value, k) => Math.log(value / width[k])),
    };
  }

  forward(values, context) {
    const tables = this.tables(context);
    let ladj = 0;
    const out = Float64Array.from(values, (u, i) => {
      const found = toBase(u, this.shapeAt(tables, placeOf(context.clean[i], tables.unit)));
      ladj += found.logSlope;
      return found.z;
    });
    return { values: out, ladj };
  }

  inverse(values, context) {
    const tables = this.tables(context);
    let ladj = 0;
    const out = Float64Array.from(values, (z, i) => {
      const shape = this.shapeAt(tables, placeOf(context.clean[i], tables.unit));
      const u = fromBase(z, shape);
      ladj += toBase(u, shape).logSlope;
      return u;
    });
    return { values: out, ladj };
  }
}

// Where a signal lies between the signal knots, from 0 to the last knot.
export function placeOf(signal, unit) {
  const x = (4 * signal) / unit;
  return Math.min(Math.max(Math.log(x + Math.sqrt(x * x + 1)) - FIRST, 0), KNOTS - 1); // asinh x - FIRST
}

// log sum exp of the first terms of an array.
function logSumExp(terms, count) {
  let largest = -Infinity;
  for (let k = 0; k < count; k++) largest = Math.max(largest, terms[k]);
  let sum = 0;
  for (let k = 0; k < count; k++) sum += Math.exp(terms[k] - largest);
  return largest + Math.log(sum);
}

const [DENSITIES, TAILS] = [new Float64Array(32), new Float64Array(32)]; // of the components, written over and over

// The logarithms of the density and of the tail beyond u, upper for side 1 and lower for side -1.
function logMixture(u, { mean, width, logWeight, logHeight }, side, tailOf = logTail) {
  for (let k = 0; k < mean.length; k++) {
    const a = (u - mean[k]) / width[k];
    DENSITIES[k] = logHeight[k] + logDensity(a);
    TAILS[k] = logWeight[k] + tailOf(side * a);
  }
  return { density: logSumExp(DENSITIES, mean.length), tail: logSumExp(TAILS, mean.length) };
}

// u -> {z, logSlope}, with logSlope = log dz / du. tailOf: logTail, or what takes its place.
export function toBase(u, shape, tailOf = logTail) {
  const side = u < 0 ? -1 : 1;
  const { density, tail } = logMixture(u, shape, side, tailOf);
  const z = side * tailQuantile(tail, tailOf);
  return { z, logSlope: density - logDensity(z) };
}

// Newton's steps in the logarithm of the nearer tail, within a bracket.
export function fromBase(z, shape) {
  const side = z < 0 ? -1 : 1;
  const wanted = logTail(side * z);
  const ends = shape.mean.map((value, k) => value + shape.width[k] * z);
  let [low, high] = [Math.min(...ends), Math.max(...ends)];
  let u = (low + high) / 2;
  let [before, step] = [high - low, high - low];
  for (let n = 0; n < 100; n++) {
    const { density, tail } = logMixture(u, shape, side);
    const excess = side * (tail - wanted);
    if (excess > 0) low = u;
    else high = u;
    let after = u + excess * Math.exp(tail - density);
    if (!(low <= after && after <= high && 2 * Math.abs(after - u) <= before)) after = (low + high) / 2;
    [before, step] = [step, Math.abs(after - u)];
    u = after;
    if (step <= 1e-14 * (Math.abs(u) + 1e-3)) break;
  }
  return u;
}
