// What the anatomy measures of one state of a patch: how wide, how heavy in the tails, what is still correlated.
import { autocorrelation, density, deviation } from "./stats.js";

export const REACH = 5; // deviations that histograms reach to
const CLASSES = 75;
const FARTHEST = 8;

// Planes with rows and columns exchanged.
function turned(values, height, width) {
  const out = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const [row, x] = [Math.floor(i / width), i % width];
    const [plane, y] = [Math.floor(row / height), row % height];
    out[(plane * width + x) * height + y] = values[i];
  }
  return out;
}

// Correlation of the four planes at the same place, 4 x 4 row by row.
export function planeCorrelation(values) {
  const size = values.length / 4;
  const plane = (k) => values.subarray(k * size, (k + 1) * size);
  const product = (a, b) => plane(a).reduce((sum, value, i) => sum + value * plane(b)[i], 0);
  const powers = [0, 1, 2, 3].map((k) => product(k, k));
  return Float64Array.from({ length: 16 }, (_, at) => {
    const [a, b] = [at >> 2, at & 3];
    return product(a, b) / Math.sqrt(powers[a] * powers[b]);
  });
}

// Fourth moment over that of a Gaussian of the same variance, minus one, times three.
export function excessKurtosis(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [second, fourth] = [0, 0];
  for (const value of values) {
    const square = (value - mean) ** 2;
    second += square;
    fourth += square * square;
  }
  return (fourth * values.length) / (second * second) - 3;
}

export function measured(values, { height, width }) {
  const sigma = deviation(values);
  return {
    sigma,
    kurtosis: excessKurtosis(values),
    density: density(values, REACH * sigma, CLASSES).map((value) => value * sigma),
    rows: autocorrelation(values, height, width, FARTHEST),
    columns: autocorrelation(turned(values, height, width), width, height, FARTHEST),
    planes: planeCorrelation(values),
  };
}
