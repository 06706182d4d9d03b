// What a worker does with the messages that it gets, one after the other; of several requests the newest only.
import { Engine } from "./engine.js";
import { openPicture, openScene } from "./image.js";

// Lets other messages in; timers would wait four milliseconds each.
function pause() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

export class Session {
  // post(message, transfer)
  constructor(post) {
    Object.assign(this, { post, wanted: null, busy: false, opened: Promise.resolve() });
  }

  receive({ setup, scene, open, settings }) {
    if (setup) this.engine = new Engine(setup);
    if (scene) this.engine.show(scene);
    if (open) this.opened = this.opened.then(() => this.open(open));
    if (settings) this.wanted = settings;
    if (this.wanted && !this.busy) this.work();
  }

  // about: {id, label, png or file, cameraFromSrgb}
  async open({ png, file, cameraFromSrgb, ...about }) {
    try {
      const picture = png ? await openScene(png) : await openPicture(file, cameraFromSrgb);
      this.post({ opened: { ...about, picture } }, [picture.planes.buffer]);
    } catch (error) {
      this.post({ refused: { ...about, why: error.message } });
    }
  }

  // A request at full size gives way to the next one; a rough one is quick and comes to its end.
  async work() {
    this.busy = true;
    while (this.wanted) {
      const settings = this.wanted;
      this.wanted = null;
      const { id, camera, rough } = settings;
      const started = performance.now();
      for (const message of this.engine.draw(settings)) {
        const noise = message?.frame?.noise;
        if (message) this.post({ id, camera, rough, ...message }, noise ? [noise.buffer] : []);
        await pause();
        if (this.wanted && !rough) break;
      }
      if (rough || !this.wanted) this.post({ id, camera, rough, done: performance.now() - started });
    }
    this.busy = false;
  }
}
