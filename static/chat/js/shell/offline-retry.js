// The offline page's script, a classic one. It retries until the server answers, then loads the requested page.
(() => {
  const FIRST_MS = 2_000;
  const LONGEST_MS = 30_000;
  const ANSWER_MS = 10_000; // A server that takes longer counts as unavailable.
  /** @type {(name: string) => any} */
  const slot = (name) => document.querySelector(`[data-slot="${name}"]`);
  const words = slot("words").content;
  const word = (name) => words.querySelector(`[data-word="${name}"]`).textContent;
  let pause = FIRST_MS;
  let timer = null;
  let isTrying = false;

  function say(name) {
    const text = word(name);
    if (slot("status").textContent !== text) slot("status").textContent = text; // A live region would speak again.
  }

  async function attempt() {
    if (isTrying) return;
    isTrying = true;
    clearTimeout(timer);
    try {
      const answer = await fetch(document.body.dataset.probe ?? "", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
      if (answer.ok) return location.reload();
    } catch {
      // The server is still unavailable.
    }
    isTrying = false;
    say("waiting");
    timer = setTimeout(attempt, pause);
    pause = Math.min(pause * 1.5, LONGEST_MS);
  }

  slot("again").addEventListener("click", () => {
    say("trying");
    attempt();
  });
  addEventListener("online", () => {
    pause = FIRST_MS;
    attempt();
  });
  timer = setTimeout(attempt, FIRST_MS);
})();
