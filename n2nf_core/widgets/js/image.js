// Pictures to packed planes: PNG (8 and 16 bits) read here, whatever else the browser reads by the browser.
import { linearFromSrgb } from "./srgb.js";

const PNG_CHANNELS = { 0: 1, 2: 3, 4: 2, 6: 4 };

// A PNG without interlacing and palette -> {width, height, channels, data in [0, 1]}; null for any other file.
export async function decodePng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47) return null;
  const [width, height, depth, type] = [view.getUint32(16), view.getUint32(20), bytes[24], bytes[25]];
  const channels = PNG_CHANNELS[type];
  if (!channels || bytes[28] || (depth !== 8 && depth !== 16)) return null;
  const stride = (width * channels * depth) / 8;
  const rows = unfiltered(await inflate(imageChunks(bytes, view)), height, stride, (channels * depth) / 8);
  const data = new Float32Array(width * height * channels);
  for (let i = 0; i < data.length; i++) {
    data[i] = depth === 8 ? rows[i] / 255 : (256 * rows[2 * i] + rows[2 * i + 1]) / 65535;
  }
  return { width, height, channels, data };
}

function imageChunks(bytes, view) {
  const parts = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === 0x49444154) parts.push(bytes.subarray(at + 8, at + 8 + length)); // IDAT
    at += length + 12;
  }
  return parts;
}

async function inflate(parts) {
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function paeth(a, b, c) {
  const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

const FILTERS = [() => 0, (a) => a, (_, b) => b, (a, b) => (a + b) >> 1, paeth];

function unfiltered(raw, height, stride, step) {
  const out = new Uint8Array(height * stride);
  for (let y = 0; y < height; y++) {
    const filter = FILTERS[raw[y * (stride + 1)]];
    const [from, to] = [y * (stride + 1) + 1, y * stride];
    for (let x = 0; x < stride; x++) {
      const left = x >= step ? out[to + x - step] : 0;
      const up = y ? out[to + x - stride] : 0;
      const corner = y && x >= step ? out[to + x - stride - step] : 0;
      out[to + x] = raw[from + x] + filter(left, up, corner);
    }
  }
  return out;
}

// Bytes as they are, for pictures that may have many millions of pixels; a worker has no canvas of a page.
async function decodeByBrowser(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const canvas =
    typeof OffscreenCanvas === "function"
      ? new OffscreenCanvas(width, height)
      : Object.assign(document.createElement("canvas"), { width, height });
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  brush.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, channels: 4, data: brush.getImageData(0, 0, width, height).data, full: 255 };
}

// Mean of linear light in blocks, so that the longer side is at most `longest`; even sides; -> (3, height, width).
// data are in [0, 1], or whole numbers up to `full`.
export function linearRgb({ width, height, channels, data, full }, longest) {
  const block = Math.ceil(Math.max(width, height) / longest);
  const [w, h] = [width, height].map((side) => 2 * Math.floor(Math.floor(side / block) / 2));
  if (w < 2 || h < 2) throw new RangeError(`the picture is ${width} x ${height} pixels; 2 x 2 are the least`);
  const table = full && Float32Array.from({ length: full + 1 }, (_, k) => linearFromSrgb(k / full));
  const linear = table ? (value) => table[value] : linearFromSrgb;
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  const share = 1 / (block * block);
  const out = new Float32Array(3 * w * h);
  for (let y = 0; y < block * h; y++) {
    const row = Math.floor(y / block) * w;
    for (let i = row, at = y * width * channels; i < row + w; i++) {
      let [r, g, b] = [0, 0, 0];
      for (let k = 0; k < block; k++, at += channels) {
        r += linear(data[at]);
        g += linear(data[at + green]);
        b += linear(data[at + blue]);
      }
      out[i] += share * r;
      out[i + w * h] += share * g;
      out[i + 2 * w * h] += share * b;
    }
  }
  return { rgb: out, width: w, height: h };
}

// Linear sRGB -> camera colours -> RGGB planes of half the size.
export function mosaic({ rgb, width, height }, cameraFromSrgb) {
  const [h, w] = [height / 2, width / 2];
  const planes = new Float32Array(4 * h * w);
  const size = width * height;
  [0, 1, 1, 2].forEach((channel, plane) => {
    const [r, g, b] = cameraFromSrgb[channel];
    for (let i = 0; i < h * w; i++) {
      const at = (2 * Math.floor(i / w) + (plane >> 1)) * width + 2 * (i % w) + (plane & 1);
      planes[plane * h * w + i] = Math.max(r * rgb[at] + g * rgb[size + at] + b * rgb[2 * size + at], 0);
    }
  });
  return { planes, height: h, width: w };
}

// A picture of the reader's own, at most 512 pixels along its longer side. Browsers cut PNG of 16 bits to 8.
export async function openPicture(blob, cameraFromSrgb) {
  const head = new Uint8Array(await blob.slice(0, 33).arrayBuffer());
  const deep = head.length === 33 && head[1] === 0x50 && head[24] === 16;
  const picture =
    (deep && (await decodePng(new Uint8Array(await blob.arrayBuffer())))) || (await decodeByBrowser(blob));
  return mosaic(linearRgb(picture, 512), cameraFromSrgb);
}

// A shipped scene: a mosaic as a grey PNG of square roots.
export async function openScene(bytes) {
  const { width, height, data } = await decodePng(bytes);
  const [h, w] = [height / 2, width / 2];
  const planes = new Float32Array(4 * h * w);
  for (let i = 0; i < planes.length; i++) {
    const [plane, pixel] = [Math.floor(i / (h * w)), i % (h * w)];
    const at = (2 * Math.floor(pixel / w) + (plane >> 1)) * width + 2 * (pixel % w) + (plane & 1);
    planes[i] = data[at] ** 2;
  }
  return { planes, height: h, width: w };
}
