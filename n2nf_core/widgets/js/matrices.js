// 4x4 matrices, row by row in one array: the 1x1 convolutions of a flow over four planes.

export const IDENTITY = Float64Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);

function multiplied(a, b) {
  const out = new Float64Array(16);
  for (let r = 0; r < 4; r++)
    for (let c = 0; c < 4; c++) for (let k = 0; k < 4; k++) out[4 * r + c] += a[4 * r + k] * b[4 * k + c];
  return out;
}

// W = P L (U + diag(s)) from its parameters, 4x4 row by row.
export function weightOf({ permutation, lower, upper, sign_s, log_s }) {
  const [l, u] = [new Float64Array(16), new Float64Array(16)];
  for (let r = 0; r < 4; r++) {
    for (let c = 0; c < 4; c++) {
      const at = 4 * r + c;
      l[at] = r > c ? lower[at] : Number(r === c);
      u[at] = r < c ? upper[at] : r === c ? sign_s[r] * Math.exp(log_s[r]) : 0;
    }
  }
  return multiplied(Float64Array.from(permutation), multiplied(l, u));
}

// Gauss and Jordan with pivots.
export function inverted(matrix) {
  const [left, right] = [Float64Array.from(matrix), Float64Array.from(IDENTITY)];
  const row = (m, r) => m.subarray(4 * r, 4 * r + 4);
  for (let c = 0; c < 4; c++) {
    let pivot = c;
    for (let r = c + 1; r < 4; r++) if (Math.abs(left[4 * r + c]) > Math.abs(left[4 * pivot + c])) pivot = r;
    for (const m of [left, right]) {
      const kept = row(m, c).slice();
      row(m, c).set(row(m, pivot).slice());
      row(m, pivot).set(kept);
    }
    const scale = 1 / left[5 * c];
    for (const m of [left, right]) for (let k = 0; k < 4; k++) m[4 * c + k] *= scale;
    for (let r = 0; r < 4; r++) {
      const factor = left[4 * r + c];
      if (r === c || factor === 0) continue;
      for (const m of [left, right]) for (let k = 0; k < 4; k++) m[4 * r + k] -= factor * m[4 * c + k];
    }
  }
  return right;
}

export function mixPlanes(planes, size, mix) {
  const pixel = new Float64Array(4);
  for (let i = 0; i < size; i++) {
    for (let r = 0; r < 4; r++) {
      pixel[r] = 0;
      for (let c = 0; c < 4; c++) pixel[r] += mix[4 * r + c] * planes[i + c * size];
    }
    for (let r = 0; r < 4; r++) planes[i + r * size] = pixel[r];
  }
}
