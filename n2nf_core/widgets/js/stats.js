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
  let [sum, squares] = [0, 0];
  for (const value of noise) {
    sum += value;
    squares += value * value;
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

// The bin of a signal, of `bins` bins of equal width in log signal.
export const signalBin = (signal, bins = SIGNAL_BINS) =>
  Math.min(Math.floor(bins * (1 - Math.log(Math.max(signal, 1.0001 * DARKEST)) / Math.log(DARKEST))), bins - 1);

const SIGNAL_BINS = 14;

// Mean square of the noise by signal: [{bin, signal, variance}], bins of few pixels left out.
export function varianceBySignal(noise, clean, bins = SIGNAL_BINS, fewest = 200) {
  const sums = Array.from({ length: bins }, () => [0, 0, 0]);
  for (let i = 0; i < noise.length; i++) {
    const sum = sums[signalBin(clean[i], bins)];
    sum[0]++;
    sum[1] += clean[i];
    sum[2] += noise[i] * noise[i];
  }
  const found = sums.map(([n, signal, square], bin) => ({ n, bin, signal: signal / n, variance: square / n }));
  return found.filter(({ n }) => n >= fewest);
}

// Correlation of pixels k apart along rows (k in steps of a plane), k = 1 ... lags; over four planes.
export function autocorrelation(noise, height, width, lags) {
  const total = noise.reduce((sum, value) => sum + value * value, 0) / noise.length;
  const out = [];
  for (let lag = 1; lag <= Math.min(lags, width - 1); lag++) {
    let sum = 0;
    for (let row = 0; row < 4 * height; row++) {
      const end = (row + 1) * width - lag;
      for (let i = row * width; i < end; i++) sum += noise[i] * noise[i + lag];
    }
    out.push(sum / (4 * height * (width - lag)) / total); // NaN where there is no noise
  }
  return out;
}
