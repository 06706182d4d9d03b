// The engine's side of the page: workers, or where a page may not have any the engine itself.
import { Session } from "./session.js";

const [FEWEST, MOST] = [2, 3];

// receive(message) -> {count, to(number, message), close()}
export function connect(setup, receive) {
  const count = Math.min(Math.max(navigator.hardwareConcurrency || FEWEST, FEWEST), MOST);
  let workers = [];
  try {
    const address = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
    workers = Array.from({ length: count }, () => new Worker(address));
    URL.revokeObjectURL(address);
  } catch {
    const session = new Session(receive);
    session.receive({ setup });
    return { count: 1, to: (_, message) => session.receive(message), close: () => {} };
  }
  for (const worker of workers) {
    worker.onmessage = ({ data }) => receive(data);
    worker.postMessage({ setup });
  }
  return {
    count,
    to: (k, message) => workers[k].postMessage(message),
    close: () => {
      for (const worker of workers) worker.terminate();
    },
  };
}
