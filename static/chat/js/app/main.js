/** Creates `window.app`, the page's only global, and launches the modules. */
import { makeBus } from "./events.js";
import { launch } from "./launch.js";

window.app = Object.freeze({ events: makeBus() });
launch({ events: window.app.events, root: document.body });
