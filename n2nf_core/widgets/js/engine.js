// Draws the true noise and every model's, and measures them; in a worker where there is one.
import { readModels } from "./models.js";
import { Random } from "./random.js";
import { sensorAt, sensorLine, sensorNoise } from "./sensor.js";
import { autocorrelation, density, deviation, kl, klCounts, varianceBySignal } from "./stats.js";

// The order in which models are drawn, and which random numbers each takes; a saved page may list them in any.
export const KINDS = ["awgn", "camera_nlf", "photon_transfer", "calibrated_pg", "nlf_flow", "noise_flow"];
const COLUMNS = 81;
const LAGS = 8;
const WIDTHS = 4; // deviations of the true noise that histograms reach to

export class Engine {
  // setup: {weights: bytes of a safetensors file, cameras: [{id, models: {kind: name}, sensor | truth}]}
  constructor({ weights, cameras }) {
    this.models = readModels(weights);
    this.cameras = Object.fromEntries(cameras.map((camera) => [camera.id, camera]));
  }

  // Generator of frames {kind, noise, stats}: the true one first. settings: {camera, iso, seed, temperature, scene,
  // exposure}, scene {planes, height, width}.
  *draw(settings) {
    const { camera, iso, seed, temperature, scene, exposure } = settings;
    const about = this.cameras[camera];
    const clean = scene.planes.map((value) => Math.min(value * exposure, 1));
    const context = { clean, height: scene.height, width: scene.width, camera, iso };
    const truth = this.truth(about, context, seed);
    const measure = new Measure(context, truth);
    yield { kind: "true", noise: Float32Array.from(truth.noise), stats: measure.truth(), line: truth.line, clean };
    for (const kind of KINDS.filter((known) => known in about.models)) {
      const model = this.models[about.models[kind]];
      const started = performance.now();
      const eps = new Random(seed, 10 + KINDS.indexOf(kind)).normals(new Float64Array(clean.length), temperature);
      const noise = model.sample(context, eps);
      const milliseconds = performance.now() - started;
      const nll = -model.logProb(truth.noise, context) / clean.length;
      yield { kind, noise: Float32Array.from(noise), milliseconds, stats: { ...measure.model(noise), nll } };
    }
  }

  // One frame of true noise and a second one, for the floor; the line that its variance follows.
  truth(about, context, seed) {
    if (about.sensor) {
      const sensor = sensorAt(about.sensor, context.iso);
      const [noise, second] = [1, 2].map((stream) => sensorNoise(sensor, context, seed, stream));
      return { noise, second, line: sensorLine(sensor) };
    }
    const model = this.models[about.truth];
    const [noise, second] = [1, 2].map((stream) => {
      const eps = new Random(seed, stream).normals(new Float64Array(context.clean.length));
      return model.sample(context, eps);
    });
    return { noise, second, line: model.line(context) };
  }
}

class Measure {
  constructor(context, truth) {
    Object.assign(this, { context, ...truth });
    this.sigma = deviation(truth.noise);
    this.limit = WIDTHS * this.sigma;
    this.counts = klCounts(truth.noise, this.limit);
  }

  truth() {
    return { ...this.of(this.noise), kl: kl(this.counts, klCounts(this.second, this.limit)) };
  }

  model(noise) {
    return { ...this.of(noise), kl: kl(this.counts, klCounts(noise, this.limit)) };
  }

  // Autocorrelation is of the noise over its true deviation, so that dark pixels count as bright ones do.
  of(noise) {
    const { clean, height, width } = this.context;
    const { shot, read } = this.line;
    const white = noise.map((value, i) => value / Math.sqrt(shot * clean[i] + read));
    return {
      sigma: deviation(noise),
      limit: this.limit,
      density: density(noise, this.limit, COLUMNS),
      variance: varianceBySignal(noise, clean),
      correlation: autocorrelation(white, height, width, LAGS),
    };
  }
}

// Answers requests one after the other; of those that came in meanwhile, the newest only.
export class Session {
  constructor(post) {
    this.post = post;
    this.wanted = null;
    this.busy = false;
  }

  receive({ setup, scene, settings }) {
    if (setup) this.engine = new Engine(setup);
    if (scene) this.scene = scene;
    if (settings) this.wanted = settings;
    if (!this.busy) this.work();
  }

  async work() {
    this.busy = true;
    while (this.wanted) {
      const settings = this.wanted;
      const { id, camera, size } = settings;
      const about = { id, camera, size };
      const started = performance.now();
      for (const frame of this.engine.draw({ ...settings, scene: this.scene })) {
        this.post({ ...about, frame });
        await new Promise((resolve) => setTimeout(resolve)); // a page without a worker stays responsive
      }
      this.post({ ...about, done: performance.now() - started });
      if (this.wanted === settings) this.wanted = null;
    }
    this.busy = false;
  }
}
