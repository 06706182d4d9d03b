// The mixture of sensor_flow.js read from tables, for pictures that are drawn while a reader waits.
//
// Along u there are nodes with z, log dz/du and their slopes, and cubics between them. Along the signal a value is
// linear between two rows of nodes. Rows are made when a signal needs them. Values beyond the nodes are computed
// without them.
import { logDensity, logTail } from "./normal.js";
import { fromBase, placeOf, toBase } from "./sensor_flow.js";

const U_REACH = 10; // deviations that the nodes reach to
const PER_UNIT = 8; // nodes
const NODES = 2 * U_REACH * PER_UNIT + 1;
const PER_KNOT = 8; // rows between two signal knots
const [Z_REACH, Z_CELLS] = [8, 256]; // cells of equal width in z, each of which knows the node to begin at
const [TAIL_FROM, TAIL_TO] = [-10, 40]; // the nodes of the normal tail
const NORMAL_TAILS = Float64Array.from({ length: (TAIL_TO - TAIL_FROM) * PER_UNIT + 1 }, (_, k) =>
  logTail(TAIL_FROM + k / PER_UNIT),
);
const NORMAL_SLOPES = NORMAL_TAILS.map((tail, k) => -Math.exp(logDensity(TAIL_FROM + k / PER_UNIT) - tail) / PER_UNIT);

// The cubic with these ends and slopes; t in [0, 1], slopes times the interval.
function cubic(t, left, right, slopeLeft, slopeRight) {
  const s = 1 - t;
  return s * s * ((1 + 2 * t) * left + t * slopeLeft) + t * t * ((1 + 2 * s) * right - s * slopeRight);
}

// log(1 - Phi(x)) between nodes; beyond them its limits.
export function quickLogTail(x) {
  if (x < TAIL_FROM) return 0;
  if (!(x < TAIL_TO)) return logDensity(x) - Math.log(x);
  const place = (x - TAIL_FROM) * PER_UNIT;
  const k = Math.floor(place);
  return cubic(place - k, NORMAL_TAILS[k], NORMAL_TAILS[k + 1], NORMAL_SLOPES[k], NORMAL_SLOPES[k + 1]);
}

// The nodes for one signal; slopes are per interval between nodes.
class Row {
  constructor(shape) {
    this.shape = shape;
    [this.z, this.slope, this.log, this.logSlope] = [0, 0, 0, 0].map(() => new Float64Array(NODES));
    for (let i = 0; i < NODES; i++) {
      const { z, logSlope } = toBase(i / PER_UNIT - U_REACH, shape, quickLogTail);
      [this.z[i], this.slope[i], this.log[i]] = [z, Math.exp(logSlope) / PER_UNIT, logSlope];
    }
    for (let i = 1; i < NODES - 1; i++) this.logSlope[i] = (this.log[i + 1] - this.log[i - 1]) / 2;
    this.start = new Uint16Array(Z_CELLS);
    for (let cell = 0, i = 0; cell < Z_CELLS; cell++) {
      const low = (2 * cell * Z_REACH) / Z_CELLS - Z_REACH;
      while (i < NODES - 2 && this.z[i + 1] <= low) i++;
      this.start[cell] = i;
    }
  }

  inverse(value) {
    const { z, slope } = this;
    const cell = Math.floor(((value + Z_REACH) * Z_CELLS) / (2 * Z_REACH));
    if (!(cell >= 0 && cell < Z_CELLS && value > z[0] && value < z[NODES - 1])) return fromBase(value, this.shape);
    let i = this.start[cell];
    while (z[i + 1] < value) i++;
    const gap = z[i + 1] - z[i];
    return (i + cubic((value - z[i]) / gap, 0, 1, gap / slope[i], gap / slope[i + 1])) / PER_UNIT - U_REACH;
  }
}

export class TabulatedMixture {
  constructor(mixture) {
    this.mixture = mixture;
    this.kind = mixture.kind;
  }

  // The rows of a camera and an ISO, and where the signals lie between them; those of the one before are forgotten.
  use({ camera, iso, clean }) {
    const key = `${camera}/${iso}`;
    if (this.key === key && this.clean === clean) return;
    if (this.key !== key) {
      this.tables = this.mixture.tables({ camera, iso });
      this.rows = [];
    }
    Object.assign(this, { key, clean, places: new Float64Array(clean.length) });
    for (let i = 0; i < clean.length; i++) {
      this.places[i] = PER_KNOT * placeOf(clean[i], this.tables.unit);
      const k = Math.floor(this.places[i]);
      this.rows[k] ??= this.row(k);
      this.rows[k + 1] ??= this.row(k + 1);
    }
  }

  row(k) {
    return new Row(this.mixture.shapeAt(this.tables, k / PER_KNOT));
  }

  forward(values, context) {
    this.use(context);
    const { rows, places } = this;
    const out = new Float64Array(values.length);
    let ladj = 0;
    for (let i = 0; i < out.length; i++) {
      const k = Math.floor(places[i]);
      const share = places[i] - k;
      const place = (values[i] + U_REACH) * PER_UNIT;
      const low = rows[k];
      const high = rows[k + 1];
      if (place >= 1 && place < NODES - 2) {
        const n = Math.floor(place);
        const t = place - n;
        const z = cubic(t, low.z[n], low.z[n + 1], low.slope[n], low.slope[n + 1]);
        out[i] = z + share * (cubic(t, high.z[n], high.z[n + 1], high.slope[n], high.slope[n + 1]) - z);
        const log = cubic(t, low.log[n], low.log[n + 1], low.logSlope[n], low.logSlope[n + 1]);
        ladj += log + share * (cubic(t, high.log[n], high.log[n + 1], high.logSlope[n], high.logSlope[n + 1]) - log);
      } else {
        const [left, right] = [low, high].map(({ shape }) => toBase(values[i], shape));
        out[i] = left.z + share * (right.z - left.z);
        ladj += left.logSlope + share * (right.logSlope - left.logSlope);
      }
    }
    return { values: out, ladj };
  }

  // ladj is computed when it is asked for; samples do not need it.
  inverse(values, context) {
    this.use(context);
    const { rows, places } = this;
    const out = new Float64Array(values.length);
    for (let i = 0; i < out.length; i++) {
      const k = Math.floor(places[i]);
      const u = rows[k].inverse(values[i]);
      out[i] = u + (places[i] - k) * (rows[k + 1].inverse(values[i]) - u);
    }
    const ladj = () => this.forward(out, context).ladj;
    return {
      values: out,
      get ladj() {
        return ladj();
      },
    };
  }
}
