// What the current layer does, in words and plain symbols, with its own numbers.
import { minus } from "./page.js";

// Of every kind of layer: towards the base, towards the noise, and the log-determinant; z is what the layer leaves, u
// what it is given, x the clean signal.
const EQUATIONS = {
  scale: [
    "z = n / σ,  σ² = shot · max(x, 0) + read",
    "n = z · σ,  σ² = shot · max(x, 0) + read",
    "log |det J| = − Σ log σ",
  ],
  rows: [
    "z = (I + a² v vᵀ)^(−½) n / σ in every row,  v = 1/σ",
    "n = σ (I + a² v vᵀ)^(½) z in every row,  v = 1/σ",
    "log |det J| = − Σ log σ − ½ Σ log(1 + a² |v|²)",
  ],
  mixture: [
    "z = Φ⁻¹(Σ wₖ Φ((u − mₖ) / sₖ))",
    "u is found with Σ wₖ Φ((u − mₖ) / sₖ) = Φ(z)",
    "log |det J| = Σ log dz/du",
  ],
  mix: ["z = W u, at every pixel", "u = W⁻¹ z, at every pixel", "log |det J| = pixels · log |det W|"],
  coupling: [
    "z₁ z₂ = u₁ u₂;   z₃ z₄ = u₃ u₄ · exp(l) + t",
    "u₁ u₂ = z₁ z₂;   u₃ u₄ = (z₃ z₄ − t) · exp(−l)",
    "(t, l) = network of planes 1 and 2;   log |det J| = Σ l",
  ],
  gain: ["z = u / g", "u = z · g", "log |det J| = − values · log g"],
};
const TITLES = {
  scale: "S, signal-dependent scale",
  rows: "R, row noise and scale",
  mixture: "T, tails and skewness",
  mix: "W, 1×1 convolution",
  coupling: "C, affine coupling",
  gain: "G, gain",
};

// What to look at, towards the base and towards the noise.
const NOTICE = {
  scale: [
    "the picture is gone from the noise, and the histogram has become narrower in its tails.",
    "the picture's shape returns: noise is strong where the scene is bright.",
  ],
  rows: [
    "the stripes are gone, and the correlation along rows has fallen to zero.",
    "stripes appear, and neighbours along rows agree.",
  ],
  mixture: [
    "the histogram lies on the Gaussian now, to its ends; no pixel has moved.",
    "single pixels stand out that were not rare before.",
  ],
  mix: [
    "the planes have been turned into one another: compare the square of their correlations with the one before.",
    "the planes are those before the turn again.",
  ],
  coupling: [
    "planes 1 and 2 are as they were; what they know of planes 3 and 4 has been taken out of these.",
    "planes 3 and 4 have got back what planes 1 and 2 know of them.",
  ],
  gain: ["only the width has changed.", "only the width has changed."],
};

export const titleOf = ({ kind }) => TITLES[kind];

const figures = (value) => minus(value.toPrecision(3));

// Small numbers as 2.3·10⁻⁶, in HTML.
function scientific(value) {
  const [digits, exponent] = value.toExponential(2).split("e");
  return minus(`${digits}·10<sup>${Number(exponent)}</sup>`);
}

const DETAILS = {
  rows: (layer, { context }) => {
    const share = Math.exp(layer.knots.at(layer.logRow, context.camera, context.iso));
    return `<p>At this ISO the row noise found in training has a deviation of a = ${scientific(share)}. Its density has
      a closed form: the noise of a row adds a matrix of rank one to the covariance.</p>`;
  },
  mixture:
    () => `<p>The same curve is applied to every pixel of the same signal: three Gaussians, whose weights, means and
    widths change with the signal. It makes tails and skewness, and leaves neighbours alone.</p>`,
  scale: ({ model }, { context }) => {
    const { shot, read } = model.nlf(context);
    return `<p>At this ISO shot = ${scientific(shot)} and read = ${scientific(read)}: the noise level function that
      training found. Bright pixels are divided by more than dark ones, and all have the same deviation after it.</p>`;
  },
  mix: ({ weight }) => {
    const row = (r) =>
      `<tr>${[0, 1, 2, 3].map((c) => `<td>${minus(weight[4 * r + c].toFixed(2))}</td>`).join("")}</tr>`;
    const rows = [0, 1, 2, 3].map(row).join("");
    return `<div class="matrix"><span>W =</span><table aria-label="W"><tbody>${rows}</tbody></table></div>
      <p>Mixes the four planes, so that the next coupling can predict other combinations from other ones.</p>`;
  },
  coupling: (layer, { before, context, share }) => {
    const shift = layer.shift(before, context);
    const spread = Math.sqrt(shift.reduce((sum, value) => sum + value * value, 0) / shift.length);
    const factor = Math.exp(2 * share); // half of the values are scaled
    return `<p>Planes 1 and 2 predict planes 3 and 4, through 3×3, 1×1 and 3×3 convolutions. Here the prediction t has a
      root mean square of ${figures(spread)}, and what it leaves is scaled by ${figures(factor)} on average.</p>`;
  },
  gain: ({ logGain }) => `<p>One number for all pixels: g = ${figures(Math.exp(logGain))}.</p>`,
};

const ENDS = {
  forward: [
    "The noise as it is",
    "n = y − x, noisy minus clean",
    "What to notice now: the scene can be seen in the noise. Move on to push it through the first layer.",
  ],
  backward: [
    "A draw from the base",
    "z ~ N(0, 1), every value by itself",
    "What to notice now: there is nothing to see. Move back to undo the last layer.",
  ],
};

// state: {layer, before, context, share}; layer is the one just passed, before what it read in the density direction.
export function explained(state, direction) {
  const { layer } = state;
  if (!layer) {
    const [title, equation, text] = ENDS[direction];
    return `<div class="title">${title}</div><p class="equation">${equation}</p><p>${text}</p>`;
  }
  const [forward, inverse, determinant] = EQUATIONS[layer.kind];
  const [ahead, back] = NOTICE[layer.kind];
  const undone = direction === "backward" ? " <small>undone</small>" : "";
  return `<div class="title">${TITLES[layer.kind]}${undone}</div>
    <p class="equation">${direction === "backward" ? inverse : forward}</p><p class="equation">${determinant}</p>
    ${DETAILS[layer.kind](layer, state)}
    <p class="notice"><b>What to notice now:</b> ${direction === "backward" ? back : ahead}</p>`;
}
