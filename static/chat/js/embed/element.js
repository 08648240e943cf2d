/**
 * `<chatty-room room="support">` for any page: /embed.js, a classic script without dependencies. docs/embedding.md describes it.
 *
 * The room is a frame of Chatty's own page. Nothing of the page around is read or changed, and messages are only taken from that frame and its origin.
 */
(() => {
  if (customElements.get("chatty-room")) return;
  const base = new URL("chatty/", /** @type {HTMLScriptElement} */ (document.currentScript).src);
  const AUTO = "auto";
  const TOKEN_MS = 9_000; // The frame waits for 10 s.
  const LIVE = ["token", "theme", "height"]; // The others load the frame again.
  const ATTRIBUTES = [...LIVE, "room", "lang", "header", "accent", "font", "bubble", "token-url", "label"];
  const STYLE = `
    :host { display: block; min-width: 0; }
    :host([hidden]) { display: none; }
    iframe { display: block; width: 100%; height: 100%; border: 0; }
    .auto iframe { min-height: 20rem; max-height: 40rem; height: var(--height, 20rem); }
    button { display: none; }
    .bubble button {
      all: unset; box-sizing: border-box; position: fixed; inset-block-end: 1rem; inset-inline-end: 1rem; z-index: 2147483001;
      width: 3.5rem; height: 3.5rem; border-radius: 50%; background: var(--accent); color: var(--on-accent); cursor: pointer;
      display: grid; place-items: center; box-shadow: 0 2px 12px rgb(0 0 0 / 30%);
    }
    .bubble button:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
    .bubble iframe {
      position: fixed; z-index: 2147483000; inset-block-end: 5.5rem; inset-inline-end: 1rem; width: min(24rem, 100vw - 2rem);
      height: min(36rem, 100dvh - 7rem); border-radius: 0.75rem; box-shadow: 0 8px 32px rgb(0 0 0 / 30%);
    }
    .bubble:not(.open) iframe { visibility: hidden; pointer-events: none; transform: translateY(0.5rem); }
    svg { width: 1.75rem; height: 1.75rem; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
    .open .closed, .bubble:not(.open) .opened { display: none; }
    span {
      position: absolute; inset-block-start: -0.25rem; inset-inline-end: -0.25rem; min-width: 1.375rem; height: 1.375rem; padding: 0 0.375rem;
      box-sizing: border-box; border-radius: 1rem; background: #b3261e; color: #fff; font: 600 0.75rem/1.375rem system-ui, sans-serif; text-align: center;
    }
    span:empty { display: none; }
    @media (max-width: 30rem) {
      .bubble iframe { inset: 0 0 5rem; width: 100vw; height: calc(100dvh - 5rem); border-radius: 0; }
    }`;
  const sheet = new CSSStyleSheet(); // A strict Content-Security-Policy forbids <style>, not this.
  sheet.replaceSync(STYLE);

  const SVG = "http://www.w3.org/2000/svg";
  const drawing = (name, d) => {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("class", name);
    svg.append(document.createElementNS(SVG, "path"));
    /** @type {Element} */ (svg.firstElementChild).setAttribute("d", d);
    return svg;
  };

  class ChattyRoom extends HTMLElement {
    static observedAttributes = ATTRIBUTES;
    #frame = document.createElement("iframe");
    #box = document.createElement("div");
    #button = document.createElement("button");
    #badge = document.createElement("span");
    #isReady = false; // The frame has spoken.
    #isUsed = false; // The frame has had the token of the attribute.
    #isPlanned = false;
    unread = 0;
    mentions = 0;

    constructor() {
      super();
      const shadow = this.attachShadow({ mode: "open" });
      shadow.adoptedStyleSheets = [sheet];
      this.#frame.allow = "clipboard-write";
      this.#button.type = "button";
      const speech = "M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v7a2.5 2.5 0 0 1-2.5 2.5H11l-4.5 4v-4A2.5 2.5 0 0 1 4 13.5z";
      this.#button.append(drawing("closed", speech), drawing("opened", "M6 9.5l6 6 6-6"), this.#badge);
      this.#button.addEventListener("click", () => (this.isOpen ? this.close() : this.open()));
      this.#box.append(this.#frame, this.#button);
      shadow.append(this.#box);
    }

    connectedCallback() {
      addEventListener("message", this.#hear);
      this.#plan();
    }

    disconnectedCallback() {
      removeEventListener("message", this.#hear);
      this.#isReady = false;
      this.#frame.removeAttribute("src");
    }

    attributeChangedCallback(name) {
      if (name === "token" && this.#isReady && this.#isSigned && this.token) {
        this.#isUsed = true;
        this.#say("token", { token: this.token });
      } else if (name === "theme" && this.#isReady) {
        this.#say("theme", { theme: this.#theme });
      }
      this.#plan();
    }

    get token() {
      return this.getAttribute("token") ?? "";
    }

    set token(token) {
      this.setAttribute("token", token);
    }

    get isOpen() {
      return !this.hasAttribute("bubble") || this.#box.classList.contains("open");
    }

    open() {
      this.#turn(true);
      this.#frame.focus();
      if (matchMedia("(hover: hover)").matches) this.#say("focus"); // Elsewhere a keyboard would come up.
    }

    close() {
      this.#turn(false);
      this.#button.focus();
    }

    #turn(isOpen) {
      if (!this.hasAttribute("bubble") || isOpen === this.isOpen) return;
      this.#box.classList.toggle("open", isOpen);
      this.#draw();
      this.dispatchEvent(new CustomEvent(isOpen ? "open" : "close"));
    }

    get #theme() {
      return this.getAttribute("theme") ?? "system";
    }

    get #isSigned() {
      return Boolean(this.token) || this.hasAttribute("token-url") || this.hasAttribute("token");
    }

    /** Several attributes may change at once, before the frame is loaded. */
    #plan() {
      if (this.#isPlanned) return;
      this.#isPlanned = true;
      queueMicrotask(() => {
        this.#isPlanned = false;
        if (this.isConnected) this.#show();
      });
    }

    #show() {
      const isBubble = this.hasAttribute("bubble");
      const height = this.getAttribute("height") ?? (this.style.height ? "" : AUTO);
      this.#box.classList.toggle("bubble", isBubble);
      this.#box.classList.toggle("auto", height === AUTO && !isBubble);
      this.#box.style.height = height && height !== AUTO && !isBubble ? height : "100%";
      if (height === AUTO) this.#box.style.height = "";
      this.#frame.style.colorScheme = this.#theme === "system" ? "light dark" : this.#theme;
      this.#draw();

      const own = getComputedStyle(this);
      const url = new URL(encodeURIComponent(this.getAttribute("room") ?? "lobby"), base);
      const asked = {
        embed: "1",
        lang: this.getAttribute("lang") ?? document.documentElement.lang.split("-")[0],
        header: this.getAttribute("header"),
        accent: this.getAttribute("accent") ?? own.getPropertyValue("--chatty-accent").trim(),
        font: this.getAttribute("font") ?? own.getPropertyValue("--chatty-font").trim(),
        signed: this.#isSigned && "1",
        closable: isBubble && "1",
        height: height === AUTO && !isBubble && AUTO,
      };
      for (const [name, value] of Object.entries(asked)) if (value) url.searchParams.set(name, value);
      const known = this.#frame.dataset.src;
      if (known === url.href && this.#frame.src) return;
      this.#frame.dataset.src = url.href;
      this.#isReady = false;
      url.searchParams.set("theme", this.#theme); // A change of the theme alone needs no other page.
      this.#frame.src = url.href;
    }

    #draw() {
      const label = this.getAttribute("label") ?? "Chat";
      const accent = this.getAttribute("accent") || "var(--chatty-accent, #1d7549)";
      this.#frame.title = label;
      this.#box.style.setProperty("--accent", accent);
      this.#box.style.setProperty("--on-accent", "var(--chatty-on-accent, #fff)");
      this.#badge.textContent = this.unread ? (this.unread > 99 ? "99+" : String(this.unread)) : "";
      this.#button.setAttribute("aria-label", this.unread ? `${label} (${this.unread})` : label);
      this.#button.setAttribute("aria-expanded", String(this.isOpen));
    }

    #say(kind, details = {}) {
      this.#frame.contentWindow?.postMessage({ chatty: kind, ...details }, base.origin);
    }

    #hear = ({ source, origin, data }) => {
      if (source !== this.#frame.contentWindow || origin !== base.origin) return;
      const { chatty, unread, mentions, height } = data ?? {};
      if (chatty === "ready") {
        this.#isReady = true;
        this.#isUsed = false;
        this.#say("hello");
        this.#say("theme", { theme: this.#theme });
      } else if (chatty === "token") {
        this.#renew();
      } else if (chatty === "unread") {
        Object.assign(this, { unread: Number(unread), mentions: Number(mentions) });
        this.#draw();
        this.dispatchEvent(new CustomEvent("unread", { detail: { unread: this.unread, mentions: this.mentions } }));
      } else if (chatty === "height") {
        this.#box.style.setProperty("--height", `${Number(height)}px`);
      } else if (chatty === "leave") {
        this.close();
      }
    };

    /** The attribute's token the first time; after that it may have expired, and the page's server must sign another. The frame asks again after a failure. */
    async #renew() {
      try {
        const token = this.#isUsed || !this.token ? await this.#ask() : this.token;
        this.#isUsed = true;
        if (token) this.#say("token", { token });
      } catch {
        this.#say("failed");
      }
    }

    /** A new token. Empty if the page sets the attribute later. */
    async #ask() {
      const address = this.getAttribute("token-url");
      if (address) {
        const answer = await fetch(address, { cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(TOKEN_MS) });
        if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
        return (await answer.text()).trim();
      }
      let token = "";
      this.dispatchEvent(new CustomEvent("gettoken", { detail: { give: (given) => (token = given) } }));
      return token; // It may be a promise.
    }
  }
  customElements.define("chatty-room", ChattyRoom);
})();
