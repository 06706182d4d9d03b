// What the lab measures of a noise frame: the marginal KL of n2nf_core.metrics with bins of any width, moments,
// variance against signal, autocorrelation.

export const PAPER_LIMIT = 0.1; // the inner bins of n2nf_core.metrics lie over [-0.1, 0.1)
const BINS = 66;

// 64 bins over [-limit, limit) and one on either side.
export function klCounts(noise, limit) {
  const counts = new Float64Array(BINS);
  const perUnit = 32 / limit;
  for (let i = 0; i < noise.length; i++) counts[Math.min(Math.max(Math.floor(noise[i] * perUnit), -33), 32) + 33]++;
  return counts;
}

// KL(real || model) of two histograms, counts plus one, nats.
export function kl(real, model) {
  const share = (counts) => {
    const total = counts.reduce((sum, n) => sum + n, BINS);
    return counts.map((n) => (n + 1) / total);
  };
  const [p, q] = [share(real), share(model)];
  return p.reduce((sum, value, k) => sum + value * Math.log(value / q[k]), 0);
}

export function deviation(noise) {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < noise.length; i++) {
    sum += noise[i];
    squares += noise[i] * noise[i];
  }
  return Math.sqrt(Math.max(squares / noise.length - (sum / noise.length) ** 2, 0));
}

// Density in `bins` equal bins over [-limit, limit).
export function density(noise, limit, bins) {
  const out = new Float64Array(bins);
  const scale = bins / (2 * limit);
  for (let i = 0; i < noise.length; i++) {
    const k = Math.floor((noise[i] + limit) * scale);
    if (k >= 0 && k < bins) out[k]++;
  }
  return out.map((count) => (count * scale) / noise.length);
}

const DARKEST = 1e-4; // signal at which the bins of varianceBySignal begin

const SIGNAL_BINS = 14; // of equal width in log signal
const ENOUGH = 200; // pixels of a bin that is shown

export const signalBin = (signal) =>
  Math.min(
    Math.floor(SIGNAL_BINS * (1 - Math.log(Math.max(signal, 1.0001 * DARKEST)) / Math.log(DARKEST))),
    SIGNAL_BINS - 1,
  );

// The bin of every pixel, which depends on no noise.
export function signalBins(clean) {
  const out = new Uint8Array(clean.length);
  for (let i = 0; i < out.length; i++) out[i] = signalBin(clean[i]);
  return out;
}

// Mean square of the noise by signal: [{bin, signal, variance}], bins of few pixels left out.
export function varianceBySignal(noise, clean, bins) {
  const [counts, signals, squares] = [0, 0, 0].map(() => new Float64Array(SIGNAL_BINS));
  for (let i = 0; i < noise.length; i++) {
    const bin = bins[i];
    counts[bin]++;
    signals[bin] += clean[i];
    squares[bin] += noise[i] * noise[i];
  }
  const found = Array.from(counts, (n, bin) => ({ n, bin, signal: signals[bin] / n, variance: squares[bin] / n }));
  return found.filter(({ n }) => n >= ENOUGH);
}

// Correlation of pixels k apart along rows (k in steps of a plane), k = 1 ... lags; over four planes.
export function autocorrelation(noise, height, width, lags) {
  let squares = 0;
  for (let i = 0; i < noise.length; i++) squares += noise[i] * noise[i];
  const out = [];
  for (let lag = 1; lag <= Math.min(lags, width - 1); lag++) {
    let sum = 0;
    for (let row = 0; row < 4 * height; row++) {
      const end = (row + 1) * width - lag;
      for (let i = row * width; i < end; i++) sum += noise[i] * noise[i + lag];
    }
    out.push((sum * noise.length) / (4 * height * (width - lag) * squares)); // NaN where there is no noise
  }
  return out;
}
