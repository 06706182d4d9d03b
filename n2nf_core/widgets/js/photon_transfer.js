// Photon transfer from pairs of frames: one point for each exposure, and the line through them.

// {signal, variance} of two frames, in the units of the frames: mean((y1 + y2) / 2) and mean((y1 - y2)^2) / 2.
export function pointOf(first, second) {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < first.length; i++) {
    sum += (first[i] + second[i]) / 2;
    squares += (first[i] - second[i]) ** 2 / 2;
  }
  return { signal: sum / first.length, variance: squares / first.length };
}

// variance = slope * signal + offset by weighted least squares, weights 1 / variance^2; null for fewer than two signals.
export function lineThrough(points) {
  let [w, wx, wy, wxx, wxy] = [0, 0, 0, 0, 0];
  for (const { signal: x, variance: y } of points) {
    const weight = 1 / (y * y);
    w += weight;
    wx += weight * x;
    wy += weight * y;
    wxx += weight * x * x;
    wxy += weight * x * y;
  }
  const spread = w * wxx - wx * wx;
  if (points.length < 2 || !(spread > 1e-9 * w * wxx)) return null;
  const slope = (w * wxy - wx * wy) / spread;
  return { slope, offset: (wy - slope * wx) / w };
}
