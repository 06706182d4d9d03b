// What the current layer does, in words and plain symbols, with its own numbers.
import { minus } from "./page.js";

const EQUATIONS = {
  scale: [
    "z = x / σ, with σ² = shot · max(signal, 0) + read",
    "x = z · σ, with σ² = shot · max(signal, 0) + read",
    "ladj = − Σ log σ",
  ],
  mix: ["z = W x, at every pixel", "x = W⁻¹ z, at every pixel", "ladj = pixels · log |det W|"],
  coupling: [
    "z₁ z₂ = x₁ x₂;   z₃ z₄ = x₃ x₄ · exp(l) + t",
    "x₁ x₂ = z₁ z₂;   x₃ x₄ = (z₃ z₄ − t) · exp(−l)",
    "(t, l) = network of planes 1 and 2;   ladj = Σ l",
  ],
  gain: ["z = x / g", "x = z · g", "ladj = − values · log g"],
};
const TITLES = {
  scale: "S, signal-dependent scale",
  mix: "W, 1×1 convolution",
  coupling: "C, affine coupling",
  gain: "G, gain",
};

export const titleOf = ({ kind }) => TITLES[kind];

const figures = (value) => minus(value.toPrecision(3));

// Small numbers as 2.3·10⁻⁶, in HTML.
function scientific(value) {
  const [digits, exponent] = value.toExponential(2).split("e");
  return minus(`${digits}·10<sup>${Number(exponent)}</sup>`);
}

const DETAILS = {
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
    "Nothing has been done yet. Move on to push it through the first layer.",
  ],
  backward: [
    "A draw from the base",
    "z ~ N(0, 1), every value by itself",
    "Nothing has been undone yet. Move back to push it through the last layer.",
  ],
};

// state: {layer, before, context, share}; layer is the one just passed, before what it read in the density direction.
export function explained(state, direction) {
  const { layer } = state;
  if (!layer) {
    const [title, equation, text] = ENDS[direction];
    return `<div class="title">${title}</div><p class="equation">${equation}</p><p>${text}</p>`;
  }
  const [forward, inverse, ladj] = EQUATIONS[layer.kind];
  const undone = direction === "backward" ? " <small>undone</small>" : "";
  return `<div class="title">${TITLES[layer.kind]}${undone}</div>
    <p class="equation">${direction === "backward" ? inverse : forward}</p><p class="equation">${ladj}</p>
    ${DETAILS[layer.kind](layer, state)}`;
}
