// The mixture of sensor_flow.js read from tables, for pictures that are drawn while a reader waits.
//
// Along u there are nodes with z and its slope, and cubics between them. Along the signal a value is linear between two
// rows of nodes. Rows are made when a signal needs them; values beyond the nodes are computed exactly.
import { fromBase, placeOf, toBase } from "./sensor_flow.js";

const U_REACH = 10; // deviations that the nodes reach to
const PER_UNIT = 8; // nodes
const NODES = 2 * U_REACH * PER_UNIT + 1;
const PER_KNOT = 8; // rows between two signal knots
const [Z_REACH, Z_CELLS] = [8, 256]; // cells of equal width in z, each of which knows the node to begin at

// The cubic with these ends and slopes; t in [0, 1], slopes times the interval.
function cubic(t, left, right, slopeLeft, slopeRight) {
  const s = 1 - t;
  return s * s * ((1 + 2 * t) * left + t * slopeLeft) + t * t * ((1 + 2 * s) * right - s * slopeRight);
}

class Row {
  constructor(shape) {
    this.shape = shape;
    [this.z, this.slope, this.logSlope] = [0, 0, 0].map(() => new Float64Array(NODES));
    for (let i = 0; i < NODES; i++) {
      const { z, logSlope } = toBase(i / PER_UNIT - U_REACH, shape);
      [this.z[i], this.slope[i], this.logSlope[i]] = [z, Math.exp(logSlope), logSlope];
    }
    this.start = new Uint16Array(Z_CELLS);
    for (let cell = 0, i = 0; cell < Z_CELLS; cell++) {
      const low = (2 * cell * Z_REACH) / Z_CELLS - Z_REACH;
      while (i < NODES - 2 && this.z[i + 1] <= low) i++;
      this.start[cell] = i;
    }
  }

  // u -> z; the logarithm of its slope is left in this.last.
  forward(u) {
    const place = (u + U_REACH) * PER_UNIT;
    if (!(place >= 1 && place < NODES - 2)) {
      const { z, logSlope } = toBase(u, this.shape);
      this.last = logSlope;
      return z;
    }
    const i = Math.floor(place);
    const t = place - i;
    const l = this.logSlope;
    this.last = cubic(t, l[i], l[i + 1], (l[i + 1] - l[i - 1]) / 2, (l[i + 2] - l[i]) / 2);
    return cubic(t, this.z[i], this.z[i + 1], this.slope[i] / PER_UNIT, this.slope[i + 1] / PER_UNIT);
  }

  inverse(value) {
    const { z, slope } = this;
    const cell = Math.floor(((value + Z_REACH) * Z_CELLS) / (2 * Z_REACH));
    if (!(cell >= 0 && cell < Z_CELLS && value > z[0] && value < z[NODES - 1])) return fromBase(value, this.shape);
    let i = this.start[cell];
    while (z[i + 1] < value) i++;
    const gap = z[i + 1] - z[i];
    return (
      (i + cubic((value - z[i]) / gap, 0, 1, (gap / slope[i]) * PER_UNIT, (gap / slope[i + 1]) * PER_UNIT)) / PER_UNIT -
      U_REACH
    );
  }
}

export class TabulatedMixture {
  constructor(mixture) {
    this.mixture = mixture;
    this.kind = mixture.kind;
  }

  // The rows of a camera and an ISO; those of the one before are forgotten.
  use({ camera, iso }) {
    const key = `${camera}/${iso}`;
    if (this.key === key) return;
    this.key = key;
    this.tables = this.mixture.tables({ camera, iso });
    this.rows = [];
  }

  row(k) {
    this.rows[k] ??= new Row(this.mixture.shapeAt(this.tables, k / PER_KNOT));
    return this.rows[k];
  }

  // Calls act(lower row, upper row, share of the upper one, index) for every pixel.
  everyPixel({ clean }, act) {
    for (let i = 0; i < clean.length; i++) {
      const place = PER_KNOT * placeOf(clean[i], this.tables.unit);
      const low = Math.floor(place);
      act(this.row(low), place > low ? this.row(low + 1) : this.rows[low], place - low, i);
    }
  }

  forward(values, context) {
    this.use(context);
    const out = new Float64Array(values.length);
    let ladj = 0;
    this.everyPixel(context, (low, high, t, i) => {
      const z = low.forward(values[i]);
      out[i] = z + t * (high.forward(values[i]) - z);
      ladj += (1 - t) * low.last + t * high.last;
    });
    return { values: out, ladj };
  }

  inverse(values, context) {
    this.use(context);
    const out = new Float64Array(values.length);
    let ladj = 0;
    this.everyPixel(context, (low, high, t, i) => {
      const u = low.inverse(values[i]);
      out[i] = u + t * (high.inverse(values[i]) - u);
      low.forward(out[i]);
      high.forward(out[i]);
      ladj += (1 - t) * low.last + t * high.last;
    });
    return { values: out, ladj };
  }
}
