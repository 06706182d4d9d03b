// One canvas with two pictures of the same scene, left and right of a divider.
import { Panel } from "./panels.js";

const STEPS = {
  ArrowLeft: -0.02,
  ArrowDown: -0.02,
  ArrowRight: 0.02,
  ArrowUp: 0.02,
  PageDown: -0.1,
  PageUp: 0.1,
  Home: -1,
  End: 1,
};

export class DividedPanel extends Panel {
  // moved(share) after the divider went somewhere.
  constructor(lens, title, moved) {
    super(lens, "divided", title);
    this.moved = moved;
    this.share = 0.5;
    this.right = document.createElement("canvas");
    this.frame = document.createElement("div");
    this.frame.className = "frame";
    this.canvas.replaceWith(this.frame);
    this.frame.append(this.canvas);
    this.frame.insertAdjacentHTML(
      "beforeend",
      `<div class="side left"></div><div class="side right"></div>
      <div class="divider" role="slider" tabindex="0" aria-orientation="horizontal" aria-label="Divider"
        aria-valuemin="0" aria-valuemax="100"><i></i></div>`,
    );
    this.divider = this.frame.querySelector(".divider");
    this.listenToDivider();
  }

  listenToDivider() {
    const { divider, frame } = this;
    divider.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      divider.focus({ focusVisible: false });
      divider.setPointerCapture(event.pointerId);
    });
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = frame.getBoundingClientRect();
      this.divide((event.clientX - box.left) / box.width);
    });
    divider.addEventListener("keydown", (event) => {
      const step = event.ctrlKey || event.metaKey || event.altKey ? undefined : STEPS[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.divide(this.share + step);
    });
  }

  divide(share) {
    this.share = Math.min(Math.max(share, 0), 1);
    this.moved(this.share);
    this.draw();
  }

  // sides: [{name, paint}, {name, paint}], left and right; paint(pixels) fills RGBA.
  showBoth(width, height, sides, note) {
    Object.assign(this.right, { width, height });
    const pixels = new ImageData(width, height);
    sides[1].paint(pixels.data);
    this.right.getContext("2d").putImageData(pixels, 0, 0);
    this.names = sides.map(({ name }) => name);
    this.show(
      width,
      height,
      sides[0].paint,
      note,
      `${this.names[0]} left of the divider, ${this.names[1]} right of it`,
    );
  }

  draw() {
    super.draw();
    if (!this.names) return;
    const { canvas, right, lens, share } = this;
    const brush = canvas.getContext("2d");
    const [w, h] = [right.width / lens.zoom, right.height / lens.zoom];
    brush.save();
    brush.beginPath();
    brush.rect(Math.round(share * canvas.width), 0, canvas.width, canvas.height);
    brush.clip();
    brush.drawImage(
      right,
      lens.x * right.width - w / 2,
      lens.y * right.height - h / 2,
      w,
      h,
      0,
      0,
      canvas.width,
      canvas.height,
    );
    brush.restore();
    this.say();
  }

  say() {
    const percent = Math.round(100 * this.share);
    this.divider.style.left = `${100 * this.share}%`;
    this.divider.setAttribute("aria-valuenow", String(percent));
    this.divider.setAttribute("aria-valuetext", `${percent} % ${this.names[0]}, ${100 - percent} % ${this.names[1]}`);
    this.frame.querySelectorAll(".side").forEach((label, k) => {
      label.textContent = this.names[k];
      label.classList.toggle("hidden", k ? this.share > 0.85 : this.share < 0.15);
    });
  }
}
