// One affine coupling and the 1x1 convolution after it, in one pass over the rows of four packed planes.
//
// The conditioner is 3x3 convolution, ReLU, 1x1 convolution, ReLU, 3x3 convolution with a border channel. Only three
// rows of its hidden layers exist at a time. exp(3 logs) is folded into the last convolution, and the border channel
// into its bias: which taps lie outside depends on the position alone.

const PLANES = 4;
const HALF = 2;

// out[x] += sum of a 3x3 window about x; rows have one pixel of padding on either side.
function addWindow(out, above, here, below, weight, at, width) {
  const w0 = weight[at];
  const w1 = weight[at + 1];
  const w2 = weight[at + 2];
  const w3 = weight[at + 3];
  const w4 = weight[at + 4];
  const w5 = weight[at + 5];
  const w6 = weight[at + 6];
  const w7 = weight[at + 7];
  const w8 = weight[at + 8];
  let a0 = above[0];
  let a1 = above[1];
  let h0 = here[0];
  let h1 = here[1];
  let b0 = below[0];
  let b1 = below[1];
  for (let x = 1; x <= width; x++) {
    const a2 = above[x + 1];
    const h2 = here[x + 1];
    const b2 = below[x + 1];
    out[x] += w0 * a0 + w1 * a1 + w2 * a2 + (w3 * h0 + w4 * h1 + w5 * h2) + (w6 * b0 + w7 * b1 + w8 * b2);
    a0 = a1;
    a1 = a2;
    h0 = h1;
    h1 = h2;
    b0 = b1;
    b1 = b2;
  }
}

// out[x] += sum of four rows from number c on, each times its weight.
function addFour(out, from, c, weight, at, width) {
  const w0 = weight[at];
  const w1 = weight[at + 1];
  const w2 = weight[at + 2];
  const w3 = weight[at + 3];
  const r0 = from[c];
  const r1 = from[c + 1];
  const r2 = from[c + 2];
  const r3 = from[c + 3];
  for (let x = 1; x <= width; x++) out[x] += w0 * r0[x] + w1 * r1[x] + (w2 * r2[x] + w3 * r3[x]);
}

// max(row, 0) without a branch, which noise would make the processor guess wrong every second time.
function rectify(row, width) {
  for (let x = 1; x <= width; x++) row[x] = 0.5 * (row[x] + Math.abs(row[x]));
}

// Rows of so many numbers, each filled with zeros up to a multiple of four.
function inFours(numbers, count) {
  const stride = 4 * Math.ceil(count / 4);
  const out = new Float64Array((numbers.length / count) * stride);
  for (let k = 0; k < numbers.length; k++) out[Math.floor(k / count) * stride + (k % count)] = numbers[k];
  return out;
}

export const rows = (count, width) => Array.from({ length: count }, () => new Float64Array(width + 2));

export class Coupling {
  // tensors: name -> numbers in PyTorch's order, as AffineCoupling's state dict has them.
  constructor(tensors) {
    const get = (name) => Float64Array.from(tensors[name]);
    this.scale = get("scale")[0];
    this.first = { weight: get("conditioner.conv1.weight"), bias: get("conditioner.conv1.bias") };
    this.width = this.first.bias.length;
    const weight = inFours(get("conditioner.conv2.weight"), this.width);
    this.second = { weight, bias: get("conditioner.conv2.bias") };
    this.last = this.foldLast(get("conditioner.conv3.weight"), get("conditioner.conv3.bias"), get("conditioner.logs"));
  }

  // The last convolution times exp(3 logs): image weights, and the bias for each of the 16 kinds of position.
  foldLast(weight, bias, logs) {
    const inputs = this.width + 1;
    const image = new Float64Array(PLANES * this.width * 9);
    const biases = Array.from({ length: 16 }, () => new Float64Array(PLANES));
    for (let o = 0; o < PLANES; o++) {
      const factor = Math.exp(3 * logs[o]);
      const from = o * inputs * 9;
      for (let k = 0; k < this.width * 9; k++) image[o * this.width * 9 + k] = weight[from + k] * factor;
      const edge = weight.subarray(from + this.width * 9, from + inputs * 9);
      for (const [kind, row] of biases.entries()) row[o] = factor * (bias[o] + outside(edge, kind));
    }
    return { weight: image, biases };
  }

  // Scratch rows for images of one width.
  scratch(width) {
    const ring = (channels) => Array.from({ length: 3 }, () => rows(channels, width));
    return {
      width,
      signal: ring(HALF),
      hidden: ring(this.width),
      between: rows(4 * Math.ceil(this.width / 4), width),
      out: rows(PLANES, width),
    };
  }

  // target = mix * coupling(source), or of the inverse coupling; returns the sum of log scales.
  run(source, target, height, width, mix, inverse, scratch) {
    const { signal, hidden } = scratch;
    const size = height * width;
    const load = (y) => loadRow(signal[(y + 3) % 3], source, y, height, width);
    load(-1);
    load(0);
    load(1);
    for (const row of hidden[2]) row.fill(0);
    this.hiddenRow(scratch, 0, height);
    let ladj = 0;
    for (let y = 0; y < height; y++) {
      load(y + 2);
      this.hiddenRow(scratch, y + 1, height);
      this.lastRow(scratch, y, height);
      ladj += this.apply(source, target, y * width, size, mix, inverse, scratch);
    }
    return ladj;
  }

  hiddenRow({ signal, hidden, between, width }, y, height) {
    const target = hidden[y % 3];
    if (y >= height) {
      for (const row of target) row.fill(0);
      return;
    }
    const [above, here, below] = [signal[(y + 2) % 3], signal[y % 3], signal[(y + 1) % 3]];
    for (let o = 0; o < this.width; o++) {
      between[o].fill(this.first.bias[o]);
      for (let c = 0; c < HALF; c++) {
        addWindow(between[o], above[c], here[c], below[c], this.first.weight, (o * HALF + c) * 9, width);
      }
      rectify(between[o], width);
    }
    this.pointwise(between, target, width);
  }

  // The 1x1 convolution of the conditioner and its ReLU; the padding stays zero.
  pointwise(from, to, width) {
    const { weight, bias } = this.second;
    for (let o = 0; o < this.width; o++) {
      const out = to[o].fill(bias[o]);
      for (let c = 0; c < from.length; c += 4) addFour(out, from, c, weight, o * from.length + c, width);
      rectify(out, width);
      out[0] = out[width + 1] = 0;
    }
  }

  lastRow({ hidden, out, width }, y, height) {
    const { weight, biases } = this.last;
    const edge = (y === 0 ? 1 : 0) + (y === height - 1 ? 2 : 0);
    const [above, here, below] = [hidden[(y + 2) % 3], hidden[y % 3], hidden[(y + 1) % 3]];
    for (let o = 0; o < PLANES; o++) {
      const row = out[o].fill(biases[edge][o]);
      row[1] = biases[edge + 4 + (width === 1 ? 8 : 0)][o];
      row[width] = biases[edge + 8 + (width === 1 ? 4 : 0)][o];
      for (let c = 0; c < this.width; c++) {
        addWindow(row, above[c], here[c], below[c], weight, (o * this.width + c) * 9, width);
      }
    }
  }

  // Shift and scale of one row's second half, then the 4x4 matrix across planes.
  apply(source, target, start, size, mix, inverse, { out, width }) {
    const [shift2, shift3, raw2, raw3] = out;
    const [m00, m01, m02, m03, m10, m11, m12, m13, m20, m21, m22, m23, m30, m31, m32, m33] = mix;
    const scale = this.scale;
    let ladj = 0;
    for (let x = 1, i = start; x <= width; x++, i++) {
      const l2 = scale - (2 * scale) / (Math.exp(2 * raw2[x]) + 1); // scale * tanh
      const l3 = scale - (2 * scale) / (Math.exp(2 * raw3[x]) + 1);
      const p0 = source[i];
      const p1 = source[i + size];
      let p2 = source[i + 2 * size];
      let p3 = source[i + 3 * size];
      if (inverse) {
        p2 = (p2 - shift2[x]) * Math.exp(-l2);
        p3 = (p3 - shift3[x]) * Math.exp(-l3);
      } else {
        p2 = p2 * Math.exp(l2) + shift2[x];
        p3 = p3 * Math.exp(l3) + shift3[x];
      }
      ladj += l2 + l3;
      target[i] = m00 * p0 + m01 * p1 + m02 * p2 + m03 * p3;
      target[i + size] = m10 * p0 + m11 * p1 + m12 * p2 + m13 * p3;
      target[i + 2 * size] = m20 * p0 + m21 * p1 + m22 * p2 + m23 * p3;
      target[i + 3 * size] = m30 * p0 + m31 * p1 + m32 * p2 + m33 * p3;
    }
    return ladj;
  }
}

// Sum of the border channel's taps that lie outside; kind: 1 above, 2 below, 4 left, 8 right, added up.
function outside(edge, kind) {
  let sum = 0;
  for (let k = 0; k < 9; k++) {
    const [row, column] = [Math.floor(k / 3), k % 3];
    const out =
      (row === 0 && kind & 1) || (row === 2 && kind & 2) || (column === 0 && kind & 4) || (column === 2 && kind & 8);
    if (out) sum += edge[k];
  }
  return sum;
}

function loadRow(target, source, y, height, width) {
  for (let c = 0; c < HALF; c++) {
    const row = target[c];
    if (y < 0 || y >= height) row.fill(0);
    else for (let x = 0, i = (c * height + y) * width; x < width; x++, i++) row[x + 1] = source[i];
  }
}
