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

const READS = 1000; // streams from here on are those of the read noise

// What a frame takes from chance besides its photons, for every gain: {reads of scale 1, offsets of mosaic rows}.
export function readDraws({ shape }, height, width, seed, stream) {
  const random = new Random(seed, READS + stream);
  const offsets = random.normals(new Float64Array(2 * height));
  const reads = new Float64Array(4 * height * width);
  for (let i = 0; i < reads.length; i++) reads[i] = tukeyLambda(random.uniform(), shape);
  return { reads, offsets };
}

// Frame minus clean: noise of one frame, planes R Gr Gb B; the two planes of a mosaic row share its offset.
export function sensorNoise(sensor, { clean, height, width }, seed, stream, draws) {
  const { reads, offsets } = draws ?? readDraws(sensor, height, width, seed, stream);
  const random = new Random(seed, stream);
  const { gain, read, row, white, black } = sensor;
  const full = white - black;
  const out = new Float64Array(clean.length);
  for (let line = 0, i = 0; line < 4 * height; line++) {
    const start = row * offsets[2 * (line % height) + (Math.floor(line / height) >> 1)] + black;
    for (let x = 0; x < width; x++, i++) {
      const dn = gain * random.poisson((Math.max(clean[i], 0) * full) / gain) + read * reads[i] + start;
      out[i] = (Math.min(Math.max(Math.round(dn), 0), white) - black) / full - clean[i];
    }
  }
  return out;
}

// Variance of shot, read, row and quantisation as a line in the signal, [0, 1] units squared.
export function sensorLine({ gain, read, row, readVariance, white, black }) {
  const full = white - black;
  return { shot: gain / full, read: (read * read * readVariance + row * row + 1 / 12) / full ** 2 };
}
