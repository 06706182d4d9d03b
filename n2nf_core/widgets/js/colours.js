// A diverging scale: dark is zero, blue below, orange above.

const [ZERO, BELOW, ABOVE] = [
  [16, 20, 26],
  [86, 190, 238],
  [255, 158, 74],
];

// Writes RGBA at pixels[at]; share: the value over what is shown in full colour.
export function diverging(share, pixels, at) {
  const end = share < 0 ? BELOW : ABOVE;
  const part = Math.min(Math.abs(share), 1);
  for (let c = 0; c < 3; c++) pixels[at + c] = ZERO[c] + part * (end[c] - ZERO[c]);
  pixels[at + 3] = 255;
}
