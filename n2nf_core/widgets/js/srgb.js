// The sRGB curve, IEC 61966-2-1, as n2nf_core.raw has it; values in [0, 1].

export const linearFromSrgb = (s) => (s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4);

export const srgbFromLinear = (x) => (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055);
