// A classic script, run before the page is painted: how the page around a frame wants the room to look (docs/embedding.md).
(() => {
  const asked = new URLSearchParams(location.search);
  if (asked.get("embed") !== "1") return;
  const { dataset, style } = document.documentElement;
  const one = (name, choices) => choices.find((choice) => choice === asked.get(name)) ?? choices[0];
  dataset.embed = "";
  dataset.hostTheme = one("theme", ["system", "light", "dark"]);
  dataset.header = one("header", ["full", "none"]);
  if (asked.get("signed") === "1") dataset.signed = "";

  const font = asked.get("font") ?? "";
  if (/^[\w "',-]{1,200}$/.test(font) && CSS.supports("font-family", font)) style.setProperty("--font", font);

  const accent = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(asked.get("accent") ?? "")?.[1];
  if (!accent) return;
  const digits = accent.length === 3 ? accent.replace(/./g, "$&$&") : accent;
  const chosen = [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16));
  const BLACK = [0, 0, 0];
  const WHITE = [255, 255, 255];
  const mix = (one, other, share) => one.map((value, index) => Math.round(value + (other[index] - value) * share));
  const luminance = (colour) =>
    colour
      .map((value) => (value <= 10 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4))
      .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  // The tokens' canvases. Text in the accent needs 4.5:1 (WCAG), here also on the accent's own washes, which take some of it.
  for (const [scheme, canvas, towards] of [["light", [250, 249, 246], BLACK], ["dark", [35, 34, 31], WHITE]]) {
    let share = 0;
    while (contrast(mix(chosen, towards, share), canvas) < 5.8) share += 0.05;
    const colour = mix(chosen, towards, share);
    style.setProperty(`--host-accent-${scheme}`, `rgb(${colour})`);
    style.setProperty(`--host-on-accent-${scheme}`, contrast(colour, WHITE) >= contrast(colour, BLACK) ? "#fff" : "#000");
  }
  dataset.accent = "";
})();
