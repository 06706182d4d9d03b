// PSNR and SSIM of n2nf_core.metrics, of a part of the picture; data range 1.

const RADIUS = 5; // of the Gaussian window of SSIM, 11 pixels
const WINDOW = Float64Array.from({ length: 2 * RADIUS + 1 }, (_, k) => Math.exp(-0.5 * ((k - RADIUS) / 1.5) ** 2));
const WEIGHTS = WINDOW.map((value) => value / WINDOW.reduce((sum, one) => sum + one, 0));
export const LEAST = 2 * RADIUS + 1; // pixels along the shorter side that SSIM needs

// One plane of a region {top, left, height, width} of planes {values, height, width}.
export function cutOut({ values, height, width }, plane, { top, left, height: rows, width: columns }) {
  const out = new Float64Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    const from = (plane * height + top + y) * width + left;
    for (let x = 0; x < columns; x++) out[y * columns + x] = values[from + x];
  }
  return out;
}

// 10 log10(1 / mean square difference) over all planes of the region, dB.
export function psnr(estimate, reference, region) {
  let [sum, count] = [0, 0];
  for (let plane = 0; plane < reference.planes; plane++) {
    const [a, b] = [cutOut(estimate, plane, region), cutOut(reference, plane, region)];
    for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
    count += a.length;
  }
  return 10 * Math.log10(count / sum);
}

const mirrored = (at, length) => (at < 0 ? -at : at >= length ? 2 * length - 2 - at : at);

// Rows smoothed by the window, mirrored at the border; turned on its side, so that twice is both directions.
function smoothedAcross(values, height, width) {
  const out = new Float64Array(values.length);
  for (let x = 0; x < width; x++) {
    const inside = x >= RADIUS && x < width - RADIUS;
    const taps = Array.from(WEIGHTS, (_, k) => (inside ? x + k - RADIUS : mirrored(x + k - RADIUS, width)));
    for (let y = 0; y < height; y++) {
      let sum = 0;
      for (let k = 0; k < taps.length; k++) sum += WEIGHTS[k] * values[y * width + taps[k]];
      out[x * height + y] = sum;
    }
  }
  return out;
}

const smoothed = (values, height, width) => smoothedAcross(smoothedAcross(values, height, width), width, height);

function ssimOfPlane(a, b, height, width) {
  const smooth = (values) => smoothed(values, height, width);
  const [ma, mb] = [smooth(a), smooth(b)];
  const [aa, bb, ab] = [a.map((v) => v * v), b.map((v) => v * v), a.map((v, i) => v * b[i])].map(smooth);
  const [c1, c2] = [0.01 ** 2, 0.03 ** 2];
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const [squareA, squareB, product] = [ma[i] * ma[i], mb[i] * mb[i], ma[i] * mb[i]];
    const spread = Math.max(aa[i] - squareA, 0) + Math.max(bb[i] - squareB, 0);
    sum += ((2 * product + c1) * (2 * (ab[i] - product) + c2)) / ((squareA + squareB + c1) * (spread + c2));
  }
  return sum / a.length;
}

// Mean over the planes; NaN where the region is smaller than the window.
export function ssim(estimate, reference, region) {
  if (Math.min(region.height, region.width) < LEAST) return NaN;
  let sum = 0;
  for (let plane = 0; plane < reference.planes; plane++) {
    const [a, b] = [cutOut(estimate, plane, region), cutOut(reference, plane, region)];
    sum += ssimOfPlane(a, b, region.height, region.width);
  }
  return sum / reference.planes;
}
