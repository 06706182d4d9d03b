// The engine in a worker of its own, so that the page stays responsive.
import { Session } from "./session.js";

const session = new Session((message, transfer) => self.postMessage(message, transfer));
self.onmessage = ({ data }) => session.receive(data);
