// A classic script, run before the page is painted: a module would come too late and the page would flash. theme.js does the rest.
(() => {
  let choice = document.documentElement.dataset.hostTheme ?? null; // Of the page around a frame (embed-early.js).
  try {
    choice ??= JSON.parse(localStorage.getItem("chatty.theme") ?? "null");
  } catch {
    // Without storage, the system's theme.
  }
  const isDark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.bsTheme = isDark ? "dark" : "light";
})();
