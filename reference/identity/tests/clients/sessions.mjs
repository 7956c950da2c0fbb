// Sessions: two tabs that refresh at once, a token of 65 seconds, a store that was thrown away, a process that was killed.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Gate, browser, same, site, until } from "./world.mjs";

const chrome = await browser();
const password = "password";

async function logIn(context, gate, host, email) {
  const page = await context.newPage();
  if (host === "127.0.0.1") {
    await page.evaluateOnNewDocument(() => {
      if (location.protocol === "http:") localStorage.setItem("netlifySiteURL", location.origin);
    });
  }
  await home(page, gate, host);
  await page.evaluate(() => netlifyIdentity.open("login"));
  await page.waitForFunction(() => document.querySelector("iframe#netlify-identity-widget")?.contentDocument?.querySelector("form input[name=password]"));
  await page.evaluate(async ({ email, password }) => {
    const inside = document.querySelector("iframe#netlify-identity-widget").contentDocument;
    for (const [name, value] of Object.entries({ email, password })) {
      const input = inside.querySelector(`form input[name=${name}]`);
      input.value = value;
      input.dispatchEvent(new inside.defaultView.Event("input", { bubbles: true }));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    inside.querySelector("form button[type=submit]").click();
  }, { email, password });
  await page.waitForFunction(() => netlifyIdentity.currentUser());
  return page;
}

async function home(page, gate, host) {
  await page.goto(gate.origin(host) + "/", { waitUntil: "load" });
  await page.waitForFunction(() => window.netlifyIdentity);
}

const status = (page) => page.evaluate(async () => (await fetch("/testauth/", { redirect: "manual" })).status);

try {
  const gate = await Gate.start(site("v2"), "--identity-token-life", "65");
  try {
    gate.addUser("ada@b.example", password, "admin");
    const waiting = [];
    for (const host of ["site.localhost", "127.0.0.1"]) {
      const context = await chrome.createBrowserContext();
      const page = await logIn(context, gate, host, "ada@b.example");
      same(await status(page), 200, `${host}: open`);
      waiting.push({ host, page, since: Date.now() });
    }

    const tabs = await chrome.createBrowserContext();
    const one = await logIn(tabs, gate, "site.localhost", "ada@b.example");
    const other = await tabs.newPage();
    await home(other, gate, "site.localhost");
    await other.waitForFunction(() => netlifyIdentity.currentUser());
    const refresh = (page) => page.evaluate(() => netlifyIdentity.currentUser().jwt(true).then(() => "stays in", (error) => error.message));
    same(await Promise.all([refresh(one), refresh(other)]), ["stays in", "stays in"], "two tabs at once");
    same([await status(one), await status(other)], [200, 200], "both are open");
    await home(other, gate, "site.localhost");
    same(await other.evaluate(() => Boolean(netlifyIdentity.currentUser())), true, "still in after a reload");
    console.log("sessions: two tabs refresh at once, and both stay in");

    await gate.kill();
    await gate.run();
    same(await refresh(one), "stays in", "after a kill");
    same(await status(one), 200, "open after a kill");
    console.log("sessions: the process is killed, and who was in stays in");
    await tabs.close();

    for (const { host, page, since } of waiting) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, since + 66_000 - Date.now())));
      same(await status(page), 404, `${host}: the token has run out`);
      await home(page, gate, host);
      await until(`${host}: the widget refreshes`, async () => (await status(page)) === 200);
      console.log(`sessions: a token of 65 seconds runs out, ${host}: shut, and open again after the next page`);
    }

    const context = await chrome.createBrowserContext();
    const lost = await logIn(context, gate, "site.localhost", "ada@b.example");
    same(await status(lost), 200, "open");
    await gate.stop();
    rmSync(join(gate.identity, "identity.redb"));
    await gate.run();
    same(await status(lost), 404, "shut at once: the secret went with the store");
    await home(lost, gate, "site.localhost");
    await until("the cookie is gone", async () => (await context.cookies()).every((cookie) => cookie.name !== "nf_jwt"));
    // `currentUser()` is what the browser remembers until it wants the next token, whatever `/user` answers; the widget asks
    // for one with every page within 60 seconds of the token's end.
    await until("nobody is logged in", async () => {
      await home(lost, gate, "site.localhost");
      return lost.waitForFunction(() => netlifyIdentity.currentUser() === null, { timeout: 1000 }).then(() => true, () => false);
    });
    same(await status(lost), 404, "shut");
    console.log("sessions: the store is thrown away, and so are session and cookie");
  } finally {
    await gate.stop();
  }
} finally {
  await chrome.close();
}
