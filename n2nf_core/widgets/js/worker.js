// The engine in a worker of its own, so that the page stays responsive.
import { Session } from "./engine.js";

const session = new Session((message) => self.postMessage(message));
self.onmessage = ({ data }) => session.receive(data);
