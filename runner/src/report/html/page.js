"use strict";
// The state of the page is its fragment (`#q=text&verdict=leak,fail&level=MUST&theme=dark&case=ID`), so that a view can be sent to somebody.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const tools = document.querySelector(".tools");
  const query = document.querySelector("#q");
  const level = document.querySelector("#level");
  const chips = all(".chips button");
  const shown = document.querySelector(".shown");
  const empty = document.querySelector("#empty");
  // A group without a finding, such as a gate that did not start, is there whatever the filter says.
  const groups = all(".group").filter((group) => group.querySelector(".finding"));
  const sections = all("#findings, #known").filter((section) => section.querySelector(".finding"));
  const areas = all(".area");
  const requirements = all(".requirement");
  const rests = all(".more");
  const found = document.querySelector("#found");
  const total = found?.textContent;
  const textOf = (element) => element.textContent.toLowerCase();
  const entry = (element, context) => ({ element, verdict: element.dataset.verdict, level: element.dataset.level, text: `${textOf(element)} ${context}` });
  const own = new Map(requirements.map((one) => [one, textOf(one.querySelector("summary"))]));
  const findings = all(".finding").map((one) => entry(one, textOf(one.closest(".group").querySelector("h3"))));
  const cases = all(".cases li").map((one) => entry(one, own.get(one.closest(".requirement"))));
  // What a reader opened or closed himself stays so when the filter is taken away.
  const first = new Map(requirements.map((one) => [one, one.open]));

  const read = () => new URLSearchParams(location.hash.slice(1));
  const write = (changes) => {
    const state = read();
    state.delete("case");
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
    const verdicts = new Set((state.get("verdict") || "").split(",").filter(Boolean));
    const wanted = state.get("level") || "";
    const theme = state.get("theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    if (document.activeElement !== query) query.value = state.get("q") || "";
    level.value = wanted;
    for (const chip of chips) chip.setAttribute("aria-pressed", String(verdicts.has(chip.value)));

    const filtering = words.length > 0 || verdicts.size > 0 || wanted !== "";
    const fits = (one) =>
      (verdicts.size === 0 || verdicts.has(one.verdict)) && (wanted === "" || wanted === one.level) && words.every((word) => one.text.includes(word));
    for (const one of findings) one.element.hidden = !fits(one);
    let count = 0;
    for (const one of cases) {
      const fit = fits(one);
      one.element.hidden = !fit;
      count += fit;
    }
    const shows = (within) => findings.filter((one) => !one.element.hidden && within.contains(one.element)).length;
    const visible = findings.filter((one) => !one.element.hidden).length;
    const main = document.querySelector("#findings");
    const live = (element, selector) => element.querySelector(`${selector}:not([hidden])`) !== null;
    for (const rest of rests) {
      rest.hidden = !live(rest, ".finding");
      rest.open = filtering && visible <= 200;
    }
    for (const group of groups) group.hidden = !live(group, ".finding");
    for (const one of requirements) {
      const itself = verdicts.size === 0 && (wanted === "" || wanted === one.dataset.level) && words.every((word) => own.get(one).includes(word));
      const some = live(one, ".cases li");
      one.hidden = filtering && !some && !itself;
      one.open = filtering && words.length + verdicts.size > 0 ? some && count <= 60 : first.get(one);
    }
    for (const area of areas) area.hidden = !live(area, ".requirement");
    if (found) found.textContent = visible === findings.length ? total : `${shows(main).toLocaleString("en")} of ${total}`;
    for (const section of sections) {
      const always = all(".group", section).some((group) => !groups.includes(group));
      section.hidden = shows(section) === 0 && !always;
    }
    empty.hidden = count > 0 || visible > 0 || areas.some((area) => !area.hidden);
    shown.textContent = filtering ? `${count.toLocaleString("en")} of ${cases.length.toLocaleString("en")} cases` : `${cases.length.toLocaleString("en")} cases`;

    const target = state.has("case") && document.getElementById(`case=${state.get("case")}`);
    if (target) {
      target.hidden = false;
      target.open = true;
      for (const around of [target.closest(".group"), target.closest(".more")]) {
        if (around) around.hidden = false;
        if (around?.matches("details")) around.open = true;
      }
      target.closest("section").hidden = false;
      target.scrollIntoView();
    }
  };

  query.addEventListener("input", () => write({ q: query.value.trim() }));
  level.addEventListener("change", () => write({ level: level.value }));
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const pressed = new Set((read().get("verdict") || "").split(",").filter(Boolean));
      pressed.delete(chip.value) || pressed.add(chip.value);
      write({ verdict: [...pressed].join(",") });
    });
  }
  document.querySelector("#theme").addEventListener("click", () => {
    const dark = read().get("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    write({ theme: dark === "dark" ? "light" : "dark" });
  });
  for (const button of all(".copy")) {
    button.addEventListener("click", async () => {
      const code = button.closest("figure").querySelector("pre");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
  // A link to a place on the page leaves the filter alone.
  for (const link of all("h2 a")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.querySelector(link.hash).scrollIntoView();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== query) {
      event.preventDefault();
      query.focus();
    } else if (event.key === "Escape" && document.activeElement === query) {
      query.value = "";
      write({ q: "" });
    }
  });
  addEventListener("hashchange", apply);
  for (const element of [tools, ...all(".needs-script")]) element.hidden = false;
  apply();
})();
