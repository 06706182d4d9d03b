// The clean pictures of the lab: those that came with it, and the reader's own, all opened by a worker.
import { bytesOf, make } from "./page.js";
import { brightness, develop } from "./panels.js";

export class Pictures {
  // lab: {root, status, engine, controls, look, settings}; ready() once the wanted one is there.
  constructor(lab, scenes, cameraFromSrgb, ready) {
    Object.assign(this, { lab, cameraFromSrgb, ready, all: {}, expected: new Set(scenes.map(({ id }) => id)) });
    for (const { id, label, png } of scenes) lab.engine.to(0, { open: { id, label, png: bytesOf(png) } });
    this.acceptDrops(lab.root);
  }

  // The one that is chosen, or the first.
  get shown() {
    return this.all[this.lab.settings.scene] ?? Object.values(this.all)[0];
  }

  add({ id, label, picture }) {
    const { lab } = this;
    this.all[id] = picture;
    const { planes, width, height } = picture;
    const thumbnail = Object.assign(make("canvas"), { width, height });
    const pixels = new ImageData(width, height);
    develop(planes, width * height, lab.look, brightness(planes), pixels.data);
    thumbnail.getContext("2d").putImageData(pixels, 0, 0);
    thumbnail.setAttribute("aria-hidden", "true");
    lab.controls.addScene(id, label, thumbnail);
    if (!this.expected.delete(id)) return lab.controls.set("scene", id);
    if (this.waiting !== false && (id === lab.settings.scene || !this.expected.size)) {
      this.waiting = false;
      this.ready();
    }
  }

  open(file) {
    this.lab.status.textContent = `opening ${file.name} ...`;
    const id = `own ${Object.keys(this.all).length}`;
    this.lab.engine.to(0, { open: { id, label: file.name, file, cameraFromSrgb: this.cameraFromSrgb } });
  }

  refuse({ label, why }) {
    this.lab.status.textContent = `${label} could not be opened as a picture: ${why}`;
  }

  acceptDrops(root) {
    for (const name of ["dragenter", "dragover"]) {
      root.addEventListener(name, (event) => {
        event.preventDefault();
        root.classList.add("over");
      });
    }
    root.addEventListener("dragleave", (event) => root.contains(event.relatedTarget) || root.classList.remove("over"));
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      root.classList.remove("over");
      if (event.dataTransfer.files[0]) this.open(event.dataTransfer.files[0]);
    });
  }
}
