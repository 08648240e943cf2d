/** Creates `window.app`, the page's only global, and opens the page. */
import { makeBus } from "./events.js";
import { openPage } from "./page.js";

window.app = Object.freeze({ events: makeBus() });
openPage({ events: window.app.events, root: document.body });
