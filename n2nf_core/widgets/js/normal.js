// The upper tail of the standard normal distribution and its inverse, in logarithms and to double precision.

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);
const FAR = 3; // from here on the continued fraction has its digits, and 1/2 - ... would lose them
const FRACTIONS = 80;

// log phi(x).
export function logDensity(x) {
  return -0.5 * x * x - HALF_LOG_TWO_PI;
}

// log(1 - Phi(x)): for x < 3 by the series of Phi, beyond by the continued fraction of Mills' ratio.
export function logTail(x) {
  if (x < FAR) {
    let term = x;
    let sum = x;
    for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) {
      term *= (x * x) / n;
      sum += term;
    }
    if (x < -FAR) return Math.log1p(-Math.exp(logTail(-x)));
    return Math.log(0.5 - sum * Math.exp(logDensity(x)));
  }
  let fraction = x;
  for (let n = FRACTIONS; n > 0; n--) fraction = x + n / fraction;
  return logDensity(x) - Math.log(fraction);
}

// z with log(1 - Phi(z)) = logP, by Newton's steps; logTail is concave, so they cannot run away. tailOf: logTail, or
// what takes its place.
export function tailQuantile(logP, tailOf = logTail) {
  let z = Math.sqrt(Math.max(0, -2 * logP - 1.4));
  for (let step = 0; step < 50; step++) {
    const tail = tailOf(z);
    const change = (tail - logP) / Math.exp(logDensity(z) - tail);
    z += change;
    if (Math.abs(change) <= 1e-14 * Math.max(1, Math.abs(z))) break;
  }
  return z;
}
