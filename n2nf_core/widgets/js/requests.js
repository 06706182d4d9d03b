// The lab's requests to its engine: at most one a frame of the screen, answered by several workers together.
import { shares } from "./engine.js";
import { Pacer } from "./pacing.js";

const STILL = 180; // ms without a move of a slider, after which everything is drawn at full size

export class Requests {
  // what() -> {kinds, settings}; complete(id, rough, milliseconds) when all workers have answered a request.
  constructor(engine, root, what, complete) {
    Object.assign(this, { engine, root, what, complete, newest: 0, left: new Map(), pacer: new Pacer() });
  }

  // moving: a slider is being dragged; a quarter of the picture is drawn then, and all of it when the slider rests.
  ask(moving = false) {
    this.root.dataset.asked = String(++this.newest);
    clearTimeout(this.resting);
    if (moving) this.resting = setTimeout(() => this.ask(), STILL);
    this.pacer.ask("request", () => this.send(moving));
  }

  // Until a rough answer has come and is painted the next request waits, so that all panels show the same settings.
  send(rough) {
    this.next = this.rough ? { rough } : null;
    if (this.next) return;
    this.rough = rough;
    const { kinds, settings } = this.what();
    const { count } = this.engine;
    this.left.set(this.newest, count);
    for (const [k, all] of shares(kinds, count).entries()) {
      const jobs = rough ? all.filter((job) => job !== "floor") : all;
      this.engine.to(k, { settings: { ...settings, id: this.newest, rough, jobs } });
    }
  }

  // A worker has done its share of a request.
  answered({ id, rough, done }) {
    this.left.set(id, this.left.get(id) - 1);
    if (this.left.get(id) !== 0) return;
    for (const other of this.left.keys()) if (other <= id) this.left.delete(other);
    this.complete(id, rough, done);
  }

  // An answer has been painted.
  shown(rough) {
    if (rough) this.rough = false;
    if (this.next) this.send(this.next.rough);
  }

  stop() {
    clearTimeout(this.resting);
    this.pacer.stop();
  }
}
