// Draws the true noise and every model's, and measures them; in workers where there are some.
import { readModels } from "./models.js";
import { Random } from "./random.js";
import { sensorAt, sensorLine, sensorNoise } from "./sensor.js";
import { autocorrelation, density, deviation, kl, klCounts, varianceBySignal } from "./stats.js";
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
const SLOW = ["noise_flow", "sensor_flow"];
const COLUMNS = 81;
const LAGS = 8;
const WIDTHS = 4; // deviations of the true noise that histograms reach to
const FLOOR_DRAWS = 8; // further true frames, for the range of the floor

// Which of `count` workers does what: the first everything that is quick, and the floor at last.
export function shares(kinds, count) {
  const jobs = Array.from({ length: count }, () => []);
  const [quick, slow] = [false, true].map((is) => kinds.filter((kind) => SLOW.includes(kind) === is));
  jobs[0].push("true", ...quick);
  for (const [k, kind] of slow.entries()) jobs[count === 1 ? 0 : 1 + (k % (count - 1))].push(kind);
  jobs[0].push("floor");
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

  // What make() gives, or gave for the same key the last time.
  keep(name, key, make) {
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
    const clean = planes.map((value) => Math.min(value * exposure, 1));
    const context = { clean, height, width, camera, iso };
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

  *model(kind, truth, context, { camera, seed, temperature }) {
    const model = this.models[this.cameras[camera].models[kind]];
    const { clean, height, width } = context;
    const key = [this.cameras[camera].models[kind], seed, temperature, height, width].join();
    const started = performance.now();
    const blended = this.keep(kind, key, () => {
      const eps = new Random(seed, 100 + KINDS.indexOf(kind)).normals(new Float64Array(clean.length), temperature);
      return model.blend(eps, context);
    });
    const noise = Float32Array.from(model.colour(blended, context));
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
  truth(about, context, { seed }, stream) {
    if (about.sensor) {
      const sensor = sensorAt(about.sensor, context.iso);
      return { noise: Float32Array.from(sensorNoise(sensor, context, seed, stream)), line: sensorLine(sensor) };
    }
    const { height, width, clean } = context;
    const base = this.keep(`true ${stream}`, [seed, height, width, about.id].join(), () => {
      const random = new Random(seed, stream);
      const values = new Float64Array(clean.length);
      return about.telegraph ? telegraphNoise(random, values, about.telegraph) : random.normals(values);
    });
    const model = this.models[about.truth];
    return { noise: Float32Array.from(model.colour(base, context)), line: model.line(context) };
  }
}

// What is measured of a frame of noise; of a model's against the true one.
class Measure {
  constructor(context, truth) {
    Object.assign(this, { context, ...truth });
    this.limit = WIDTHS * deviation(truth.noise);
    this.counts = klCounts(truth.noise, this.limit);
    const { shot, read } = truth.line;
    this.scale = Float32Array.from(context.clean, (value) => 1 / Math.sqrt(shot * value + read));
  }

  kl(noise) {
    return kl(this.counts, klCounts(noise, this.limit));
  }

  ofModel(noise) {
    return { ...this.of(noise), kl: this.kl(noise) };
  }

  // Autocorrelation is of the noise over its true deviation, so that dark pixels count as bright ones do.
  of(noise) {
    const { clean, height, width } = this.context;
    return {
      sigma: deviation(noise),
      limit: this.limit,
      density: density(noise, this.limit, COLUMNS),
      variance: varianceBySignal(noise, clean),
      correlation: autocorrelation(
        noise.map((value, i) => value * this.scale[i]),
        height,
        width,
        LAGS,
      ),
    };
  }
}
