// Random telegraph noise of n2nf_core.simulation.densities: a share of the values jumps up or down, variance 1.

export function telegraphNoise(random, out, { share, jump }) {
  random.normals(out);
  const scale = 1 / Math.sqrt(1 + share * jump * jump);
  for (let i = 0; i < out.length; i++) {
    const u = random.uniform();
    const step = u < share / 2 ? jump : u > 1 - share / 2 ? -jump : 0;
    out[i] = (out[i] + step) * scale;
  }
  return out;
}
