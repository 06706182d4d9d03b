// Work of the page in small pieces: what is asked for is done in the next frames of the screen, a few milliseconds each.

const SLICE = 8; // ms

export class Pacer {
  // idle() is called whenever everything that was asked for has been done.
  constructor(idle = () => {}) {
    Object.assign(this, { idle, wanted: new Map(), waiting: false });
  }

  // Of pieces with the same name the last one is done.
  ask(name, act) {
    this.wanted.delete(name);
    this.wanted.set(name, act);
    this.wait();
  }

  get empty() {
    return !this.wanted.size;
  }

  wait() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => this.work());
  }

  work() {
    this.waiting = false;
    const end = performance.now() + SLICE;
    for (const [name, act] of this.wanted) {
      this.wanted.delete(name);
      act();
      if (performance.now() > end) break;
    }
    if (this.empty) this.idle();
    else this.wait();
  }

  stop() {
    this.wanted.clear();
  }
}
