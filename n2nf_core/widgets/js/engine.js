// Draws the true noise and every model's, and measures them; in workers where there are some.
import { readModels } from "./models.js";
import { Random } from "./random.js";
import { readDraws, sensorAt, sensorLine, sensorNoise } from "./sensor.js";
import { autocorrelation, density, deviation, kl, klCounts, signalBins, varianceBySignal } from "./stats.js";
import { telegraphNoise } from "./telegraph.js";

// The order in which models are drawn, and which random numbers each takes; a saved page may list them in any.
export const KINDS = [
  "awgn",
  "camera_nlf",
  "photon_transfer",
  "calibrated_pg",
  "nlf_flow",
  "noise_flow",
  "sensor_flow",
];
const COSTS = { sensor_flow: 14, noise_flow: 12, floor: 10 }; // in times of a quick piece, in falling order
const COLUMNS = 81;
const LAGS = 8;
const WIDTHS = 4; // deviations of the true noise that histograms reach to
const FLOOR_DRAWS = 8; // further true frames, for the range of the floor

// Which of `count` workers does what. The quick pieces are the first one's; of the others the longest comes first, and
// goes to the worker that has least to do. Each worker begins with what is quick.
export function shares(kinds, count) {
  const jobs = Array.from({ length: count }, () => []);
  jobs[0].push("true", ...kinds.filter((kind) => !(kind in COSTS)));
  const load = jobs.map(({ length }) => length);
  for (const job of Object.keys(COSTS).filter((job) => job === "floor" || kinds.includes(job))) {
    const least = load.indexOf(Math.min(...load));
    jobs[least].push(job);
    load[least] += COSTS[job];
  }
  return jobs;
}

// Every second Bayer cell along both sides: a quarter of a scene, drawn while a slider is dragged.
export function quartered({ planes, height, width }) {
  const [h, w] = [height, width].map((side) => Math.max(Math.floor(side / 2), 1));
  const out = new Float32Array(4 * h * w);
  for (let plane = 0, to = 0; plane < 4; plane++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++, to++)
        out[to] = planes[(plane * height + Math.min(2 * y, height - 1)) * width + Math.min(2 * x, width - 1)];
  return { planes: out, height: h, width: w };
}

export class Engine {
  // setup: {weights: bytes of a safetensors file, cameras: [{id, models: {kind: name}, sensor | truth, telegraph}]}
  constructor({ weights, cameras }) {
    this.models = readModels(weights);
    for (const model of Object.values(this.models)) model.quicken?.();
    this.cameras = Object.fromEntries(cameras.map((camera) => [camera.id, camera]));
    this.kept = {};
  }

  show(scene) {
    this.scenes = { full: scene, rough: quartered(scene) };
    this.kept = {};
  }

  // What make() gives, or gave for the same key the last time; at full and at a quarter of the size apart.
  keep(what, key, rough, make) {
    const name = `${what} ${rough}`;
    if (this.kept[name]?.key !== key) this.kept[name] = { key, value: make() };
    return this.kept[name].value;
  }

  // Generator of messages, one after each piece of work, some of them null. settings: {camera, iso, seed, temperature,
  // exposure, rough, jobs}; a job is "true", a model's kind, or "floor".
  *draw(settings) {
    const { camera, iso, exposure, rough, jobs } = settings;
    if (!jobs.length) return;
    const about = this.cameras[camera];
    const { planes, height, width } = this.scenes[rough ? "rough" : "full"];
    const { clean, bins } = this.keep("clean", exposure, rough, () => exposed(planes, exposure));
    const context = { clean, bins, height, width, camera, iso };
    const truth = new Measure(context, this.truth(about, context, settings, 1));
    for (const job of jobs) {
      if (job === "true")
        yield {
          frame: { kind: job, noise: truth.noise.slice(), stats: truth.of(truth.noise), line: truth.line, clean },
        };
      else if (job === "floor") yield* this.floor(truth, about, context, settings);
      else yield* this.model(job, truth, context, settings);
    }
  }

  *model(kind, truth, context, { camera, seed, temperature, rough }) {
    const name = this.cameras[camera].models[kind];
    const model = this.models[name];
    const { clean } = context;
    const started = performance.now();
    const blended = this.keep(kind, [name, seed, temperature].join(), rough, () => {
      const eps = new Random(seed, 100 + KINDS.indexOf(kind)).normals(new Float64Array(clean.length), temperature);
      return model.blend(eps, context);
    });
    const noise = new Float32Array(model.colour(blended, context));
    const milliseconds = performance.now() - started;
    yield { frame: { kind, noise, milliseconds, stats: truth.ofModel(noise) } };
    yield { kind, nll: -model.logProb(truth.noise, context) / clean.length };
  }

  // KL between the true frame and further ones: from where to where it falls.
  *floor(truth, about, context, settings) {
    const found = [];
    for (let stream = 2; stream < 2 + FLOOR_DRAWS; stream++) {
      found.push(truth.kl(this.truth(about, context, settings, stream).noise));
      yield null;
    }
    yield { floor: [Math.min(...found), Math.max(...found)] };
  }

  // A frame of true noise, and the line that its variance follows; streams of random numbers are frames.
  truth(about, context, { seed, rough }, stream) {
    const { height, width, clean, iso } = context;
    const draws = this.keep(`true ${stream}`, [seed, about.id].join(), rough, () => {
      if (about.sensor) return readDraws(about.sensor, height, width, seed, stream);
      const random = new Random(seed, stream);
      const values = new Float64Array(clean.length);
      return about.telegraph ? telegraphNoise(random, values, about.telegraph) : random.normals(values);
    });
    if (about.sensor) {
      const sensor = sensorAt(about.sensor, iso);
      return { noise: new Float32Array(sensorNoise(sensor, context, seed, stream, draws)), line: sensorLine(sensor) };
    }
    const model = this.models[about.truth];
    return { noise: new Float32Array(model.colour(draws, context)), line: model.line(context) };
  }
}

// The scene in a stronger or weaker light, and the bins of its signal.
function exposed(planes, exposure) {
  const clean = new Float32Array(planes.length);
  for (let i = 0; i < clean.length; i++) clean[i] = Math.min(planes[i] * exposure, 1);
  return { clean, bins: signalBins(clean) };
}

// What is measured of a frame of noise; of a model's against the true one.
class Measure {
  constructor(context, truth) {
    Object.assign(this, { context, ...truth });
    this.limit = WIDTHS * deviation(truth.noise);
    this.counts = klCounts(truth.noise, this.limit);
    const { shot, read } = truth.line;
    this.scale = context.clean.slice();
    for (let i = 0; i < this.scale.length; i++) this.scale[i] = 1 / Math.sqrt(shot * this.scale[i] + read);
  }

  kl(noise) {
    return kl(this.counts, klCounts(noise, this.limit));
  }

  ofModel(noise) {
    return { ...this.of(noise), kl: this.kl(noise) };
  }

  // Autocorrelation is of the noise over its true deviation, so that dark pixels count as bright ones do.
  of(noise) {
    const { clean, bins, height, width } = this.context;
    const white = noise.slice();
    for (let i = 0; i < white.length; i++) white[i] *= this.scale[i];
    return {
      sigma: deviation(noise),
      limit: this.limit,
      density: density(noise, this.limit, COLUMNS),
      variance: varianceBySignal(noise, clean, bins),
      correlation: autocorrelation(white, height, width, LAGS),
    };
  }
}
