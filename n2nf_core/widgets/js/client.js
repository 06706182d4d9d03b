// The engine's side of the page: a worker, or where a page may not have one the engine itself.
import { Session } from "./engine.js";

export function connect(setup, receive) {
  let worker = null;
  try {
    const address = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
    worker = new Worker(address);
    URL.revokeObjectURL(address);
  } catch {
    const session = new Session(receive);
    session.receive({ setup });
    return { send: (message) => session.receive(message), close: () => {} };
  }
  worker.onmessage = ({ data }) => receive(data);
  worker.postMessage({ setup });
  return { send: (message) => worker.postMessage(message), close: () => worker.terminate() };
}
