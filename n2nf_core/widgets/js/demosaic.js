// Four planes to RGB at every site of the mosaic, bilinear between the sites of a colour.

// Adds `share` of a plane to out, 2 height x 2 width; the plane's sites lie at (oy, ox) of each Bayer cell.
function spread(planes, at, height, width, oy, ox, share, out, to) {
  const inside = (k, length) => Math.min(Math.max(k, 0), length - 1);
  for (let y = 0; y < 2 * height; y++) {
    const [above, below] = [Math.floor((y - oy) / 2), Math.ceil((y - oy) / 2)].map(
      (k) => at + width * inside(k, height),
    );
    for (let x = 0; x < 2 * width; x++) {
      const left = inside((x - ox) >> 1, width);
      const right = inside((x - ox + 1) >> 1, width);
      const sum = planes[above + left] + planes[above + right] + planes[below + left] + planes[below + right];
      out[to + 2 * width * y + x] += (share * sum) / 4;
    }
  }
}

// R Gr Gb B planes of height x width -> R G G B planes of 2 height x 2 width, which panels.js develops.
export function demosaiced(planes, height, width) {
  const size = height * width;
  const out = new Float32Array(16 * size);
  spread(planes, 0, height, width, 0, 0, 1, out, 0);
  spread(planes, size, height, width, 0, 1, 0.5, out, 4 * size);
  spread(planes, 2 * size, height, width, 1, 0, 0.5, out, 4 * size);
  out.copyWithin(8 * size, 4 * size, 8 * size);
  spread(planes, 3 * size, height, width, 1, 1, 1, out, 12 * size);
  return out;
}
