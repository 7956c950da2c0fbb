"use strict";
// The state of the page is its fragment (`#q=text&theme=dark&differ=1`), so that a view can be sent to somebody.
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const query = document.querySelector("#q");
  const differ = document.querySelector("#differ");
  const shown = document.querySelector(".shown");
  const rows = all("tbody tr").map((row) => ({ row, text: row.textContent.toLowerCase(), differs: row.hasAttribute("data-differs") }));
  const read = () => new URLSearchParams(location.hash.slice(1));
  const write = (changes) => {
    const state = read();
    for (const [name, value] of Object.entries(changes)) value ? state.set(name, value) : state.delete(name);
    const fragment = state.toString();
    try {
      history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
      apply();
    } catch {
      location.hash = fragment;
    }
  };
  const apply = () => {
    const state = read();
    const words = (state.get("q") || "").toLowerCase().split(/\s+/).filter(Boolean);
    const only = state.has("differ");
    const theme = state.get("theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    if (document.activeElement !== query) query.value = state.get("q") || "";
    differ.setAttribute("aria-pressed", String(only));
    let count = 0;
    for (const { row, text, differs } of rows) {
      row.hidden = (only && !differs) || !words.every((word) => text.includes(word));
      count += !row.hidden;
    }
    shown.textContent = count === rows.length ? `${rows.length} requirements` : `${count} of ${rows.length} requirements`;
  };
  query.addEventListener("input", () => write({ q: query.value.trim() }));
  differ.addEventListener("click", () => write({ differ: read().has("differ") ? "" : "1" }));
  document.querySelector("#theme").addEventListener("click", () => {
    const dark = read().get("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    write({ theme: dark === "dark" ? "light" : "dark" });
  });
  addEventListener("hashchange", apply);
  for (const element of all(".tools, .needs-script")) element.hidden = false;
  apply();
})();
