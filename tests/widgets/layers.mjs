// Every state of a patch on its way through each model's layers, both ways; arguments as parity.mjs.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, weights, cases, out] = process.argv.slice(2);
const { readModels } = await import(pathToFileURL(`${modules}/models.js`));
const { layersOf, runningNll, through } = await import(pathToFileURL(`${modules}/layers.js`));
const models = readModels(readFileSync(weights));
const results = JSON.parse(readFileSync(cases)).map(({ model, clean, noise, eps, ...about }) => {
  const context = { ...about, clean: Float32Array.from(clean) };
  const layers = layersOf(models[model]);
  const way = (start, backward) => {
    const { states, ladj } = through(layers, Float32Array.from(start), context, backward);
    return { states: states.map((state) => [...state]), ladj, nll: runningNll({ states, ladj }) };
  };
  return { kinds: layers.map(({ kind }) => kind), forward: way(noise, false), backward: way(eps, true) };
});
writeFileSync(out, JSON.stringify(results));
