// The physical sensor of n2nf_core.simulation.sensor, in [0, 1] units:
// y = clip(round(K Poisson(s / K) + read + row + black)).
import { Random } from "./random.js";

// law: {gain, read: [slope, bias], row: [slope, bias], shape, white, black}; scales in DN.
export function sensorAt(law, iso) {
  const gain = (law.gain * iso) / 100;
  const scale = ([slope, bias]) => Math.exp(slope * Math.log(gain) + bias);
  return { ...law, gain, read: scale(law.read), row: scale(law.row) };
}

// u uniform -> (u^l - (1 - u)^l) / l, the Tukey-lambda distribution.
export function tukeyLambda(u, shape) {
  return (u ** shape - (1 - u) ** shape) / shape;
}

// Frame minus clean: noise of one frame, planes R Gr Gb B; the two planes of a mosaic row share its offset.
export function sensorNoise(sensor, { clean, height, width }, seed, stream) {
  const random = new Random(seed, stream);
  const { gain, read, row, shape, white, black } = sensor;
  const full = white - black;
  const offsets = random.normals(new Float64Array(2 * height), row);
  const out = new Float64Array(clean.length);
  for (let i = 0; i < out.length; i++) {
    const y = Math.floor(i / width);
    const pair = Math.floor(y / height) >> 1;
    const electrons = random.poisson((Math.max(clean[i], 0) * full) / gain);
    const dn =
      gain * electrons + read * tukeyLambda(random.uniform(), shape) + offsets[2 * (y % height) + pair] + black;
    out[i] = (Math.min(Math.max(Math.round(dn), 0), white) - black) / full - clean[i];
  }
  return out;
}

// Variance of shot, read, row and quantisation as a line in the signal, [0, 1] units squared.
export function sensorLine({ gain, read, row, readVariance, white, black }) {
  const full = white - black;
  return { shot: gain / full, read: (read * read * readVariance + row * row + 1 / 12) / full ** 2 };
}
