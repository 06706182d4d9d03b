// Reads cases (JSON) and weights (safetensors) from the files named, writes what the page's models make of them.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, weights, cases, out] = process.argv.slice(2);
const { readModels } = await import(pathToFileURL(`${modules}/models.js`));
const models = readModels(readFileSync(weights));
const results = JSON.parse(readFileSync(cases)).map(({ model, clean, noise, eps, ...about }) => {
  const context = { ...about, clean: Float32Array.from(clean) };
  const { latents, ladj } = models[model].latents(Float32Array.from(noise), context);
  const logProb = models[model].logProb(Float32Array.from(noise), context);
  const sample = models[model].sample(context, Float32Array.from(eps));
  return { latents: [...latents], ladj, logProb, sample: [...sample], line: models[model].line(context) };
});
writeFileSync(out, JSON.stringify(results));
