// @netlify/identity in Chromium, without a bundler.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { Gate, browser, same, site, until, write } from "./world.mjs";

const folder = site();
const modules = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "node_modules");
cpSync(join(modules, "@netlify/identity/dist/main.js"), join(folder, "site/lib/identity.js"));
cpSync(join(modules, "gotrue-js/lib"), join(folder, "site/lib/gotrue"), { recursive: true });
write(join(folder, "site/headless.html"), `<!doctype html><title>headless</title>
<script type="importmap">{"imports":{"gotrue-js":"/lib/gotrue/index.js","@netlify/identity":"/lib/identity.js"}}</script>
<script type="module">window.identity = await import("@netlify/identity");</script>`);

const chrome = await browser();
const gate = await Gate.start(folder);
try {
  for (const host of ["site.localhost", "127.0.0.1"]) {
    const email = `ada-${host.length}@b.example`;
    gate.addUser(email, "password");
    const context = await chrome.createBrowserContext();
    const page = await context.newPage();
    const open = async (path) => {
      await page.goto(gate.origin(host) + path);
      await page.waitForFunction(() => window.identity);
    };
    const status = () => page.evaluate(async () => (await fetch("/testauth/", { redirect: "manual" })).status);
    await open("/headless");
    same(await page.evaluate(async () => await identity.getUser()), null, "nobody");
    const user = await page.evaluate(async (email) => (await identity.login(email, "password")).email, email);
    same(user, email, "login");
    // A cookie that scripts cannot read would log the user out here.
    same(await page.evaluate(async () => (await identity.getUser())?.email), email, "getUser");
    same(await status(), 404, "without the role");
    gate.user("role", email, "admin");
    await page.evaluate(async (email) => { await identity.logout(); await identity.login(email, "password"); }, email);
    await until("the page opens", async () => (await status()) === 200);
    await open("/headless");
    same(await page.evaluate(async () => (await identity.getUser())?.email), email, "getUser after a reload");
    await page.evaluate(() => identity.logout());
    await until("the page is shut", async () => (await status()) === 404);
    same((await context.cookies()).filter((cookie) => cookie.name.startsWith("nf_")).length, 0, "no cookie is left");
    await context.close();
    console.log(`@netlify/identity, ${host}: log-in, roles, reload, log-out`);
  }
} finally {
  await gate.stop();
  await chrome.close();
}
