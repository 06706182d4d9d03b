// Random numbers that a seed and a stream number fix: sfc32, normal (polar method), Poisson (Hörmann's PTRS).

export class Random {
  constructor(seed, stream = 0) {
    this.state = Int32Array.of(seed, stream, 0x9e3779b9, 1); // kept as integers, which is twice as fast as numbers
    for (let k = 0; k < 15; k++) this.bits(); // until the seed has reached every bit of the state
  }

  bits() {
    const { state } = this;
    const [b, c, count] = [state[1], state[2], state[3]];
    const result = (state[0] + b + count) | 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + result;
    state[3] = count + 1;
    return result >>> 0;
  }

  // In (0, 1), never an end.
  uniform() {
    return (this.bits() + 0.5) / 4294967296;
  }

  // Fills a typed array with scale * N(0, 1).
  normals(out, scale = 1) {
    for (let i = 0; i < out.length; i += 2) {
      let u, v, s;
      do {
        u = 2 * this.uniform() - 1;
        v = 2 * this.uniform() - 1;
        s = u * u + v * v;
      } while (s >= 1);
      const factor = scale * Math.sqrt((-2 * Math.log(s)) / s);
      out[i] = u * factor;
      if (i + 1 < out.length) out[i + 1] = v * factor;
    }
    return out;
  }

  poisson(rate) {
    return rate < 12 ? this.fewCounts(rate) : this.manyCounts(rate);
  }

  fewCounts(rate) {
    const end = Math.exp(-rate);
    let product = this.uniform();
    let count = 0;
    while (product > end) {
      product *= this.uniform();
      count++;
    }
    return count;
  }

  // Transformed rejection with squeeze, W. Hörmann, Insurance: Mathematics and Economics 12 (1993), algorithm PTRS.
  manyCounts(rate) {
    const b = 0.931 + 2.53 * Math.sqrt(rate);
    const a = -0.059 + 0.02483 * b;
    for (;;) {
      const u = this.uniform() - 0.5;
      const v = this.uniform();
      const us = 0.5 - Math.abs(u);
      const k = Math.floor(((2 * a) / us + b) * u + rate + 0.43);
      if (us >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2)) return k;
      if (k < 0 || (us < 0.013 && v > us)) continue;
      const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
      const accepted = Math.log((v * inverseAlpha) / (a / (us * us) + b));
      if (accepted <= k * Math.log(rate) - rate - logFactorial(k)) return k;
    }
  }
}

// log k!, Stirling's series; exact for the first few, where the series is not.
export function logFactorial(k) {
  let shift = 0;
  let n = k;
  while (n < 8) shift -= Math.log(++n);
  const square = 1 / (n * n);
  const series = (1 / 12 - (1 / 360 - square / 1260) * square) / n;
  return shift + (n + 0.5) * Math.log(n) - n + 0.9189385332046727 + series;
}
