// Shows the anywidgets of a saved notebook page without a kernel: reads the embedded state, imports each widget's own
// code and calls its render(). No other library is needed, and no network.
(() => {
  const STATE = "application/vnd.jupyter.widget-state+json";
  const VIEW = "application/vnd.jupyter.widget-view+json";

  // One saved model, as much of it as an anywidget asks for.
  class SavedModel {
    constructor({ state, buffers = [] }) {
      this.state = state;
      this.listeners = [];
      for (const { path, data } of buffers) {
        const bytes = Uint8Array.fromBase64?.(data) ?? Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        const holder = path.slice(0, -1).reduce((inner, key) => inner[key], state);
        holder[path.at(-1)] = new DataView(bytes.buffer);
      }
    }

    get(name) {
      return this.state[name];
    }

    set(name, value) {
      this.state[name] = value;
      for (const [event, call] of [...this.listeners]) if (event === `change:${name}`) call();
    }

    on(event, call) {
      this.listeners.push([event, call]);
    }

    off(event, call) {
      this.listeners = this.listeners.filter(([e, c]) => (event && e !== event) || (call && c !== call));
    }

    save_changes() {}

    send() {}
  }

  async function show(script, saved) {
    const model = new SavedModel(saved);
    const element = document.createElement("div");
    script.after(element);
    const style = document.createElement("style");
    style.textContent = model.get("_css") ?? "";
    document.head.append(style);
    const address = URL.createObjectURL(new Blob([model.get("_esm")], { type: "text/javascript" }));
    try {
      const { default: widget } = await import(address);
      await new Promise((resume) => setTimeout(resume)); // the page may draw between the two
      await widget.render({ model, el: element });
    } finally {
      URL.revokeObjectURL(address);
    }
  }

  function showAll() {
    const saved = {};
    for (const script of document.querySelectorAll(`script[type="${STATE}"]`)) {
      Object.assign(saved, JSON.parse(script.textContent).state);
    }
    for (const script of document.querySelectorAll(`script[type="${VIEW}"]`)) {
      const found = saved[JSON.parse(script.textContent).model_id];
      if (found?.state._esm) show(script, found);
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", showAll);
  else showAll();
})();
