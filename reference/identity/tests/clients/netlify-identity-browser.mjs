// @netlify/identity in Chromium, without a bundler: each of its functions, in every flow that it has.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { Gate, browser, same, site, until, write } from "./world.mjs";

const folder = site();
const modules = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "node_modules");
cpSync(join(modules, "@netlify/identity/dist/main.js"), join(folder, "site/lib/identity.js"));
cpSync(join(modules, "gotrue-js/lib"), join(folder, "site/lib/gotrue"), { recursive: true });
const headless = `<!doctype html><title>headless</title>
<script type="importmap">{"imports":{"gotrue-js":"/lib/gotrue/index.js","@netlify/identity":"/lib/identity.js"}}</script>
<script type="module">
const all = await import("@netlify/identity");
window.called = new Set();
window.events = [];
window.identity = new Proxy(all, { get: (all, name) => { called.add(name); return all[name]; } });
all.onAuthChange((event) => events.push(event));
called.add("onAuthChange");
</script>`;
write(join(folder, "site/headless.html"), headless);
write(join(folder, "site/index.html"), headless);

const password = "pässwörd&=+";

class Page {
  static async at(chrome, gate, host) {
    const page = new Page();
    Object.assign(page, { gate, host, context: await chrome.createBrowserContext(), called: new Set() });
    page.tab = await page.context.newPage();
    await page.open("/headless");
    return page;
  }

  async open(path) {
    await this.remember();
    await this.tab.goto("about:blank");
    await this.tab.goto(path.startsWith("http") ? path : this.gate.origin(this.host) + path);
    await this.tab.waitForFunction(() => window.identity);
  }

  /** What a page has called is gone with it. */
  async remember() {
    for (const name of await this.tab.evaluate(() => [...(window.called ?? [])])) this.called.add(name);
  }

  /** Calls a function of the library, for the address of the user that it ends with, or what else it ends with. */
  call(name, ...rest) {
    return this.tab.evaluate(async (name, rest) => {
      const result = await window.identity[name](...rest);
      return result?.email ?? result?.user?.email ?? result ?? null;
    }, name, rest);
  }

  status() {
    return this.tab.evaluate(async () => (await fetch("/testauth/", { redirect: "manual" })).status);
  }

  async isOpen(what) {
    await until(`${what}: the page opens`, async () => (await this.status()) === 200);
  }

  async isShut(what) {
    await until(`${what}: the page is shut`, async () => (await this.status()) === 404);
  }

  /** Some functions of the library log in and write no cookie. By an address the service sets one all the same; by a name the
   * page opens with the next log-in. */
  async isOpenOr(what, email) {
    if (this.host !== "127.0.0.1") {
      await this.isShut(`${what}, without a cookie`);
      await this.call("login", email, password);
    }
    await this.isOpen(what);
  }

  async refused(what, why, name, ...rest) {
    const seen = await this.tab.evaluate((name, rest) => window.identity[name](...rest).then(() => "done", (error) => error.message), name, rest);
    same(seen.includes(why), true, `${what}: ${seen}`);
  }
}

async function roles(page, email) {
  same(await page.call("getUser"), null, "nobody");
  same(await page.call("isAuthenticated"), false, "nobody is there");
  same(await page.call("login", email, password), email, "login");
  // A cookie that scripts cannot read would log the user out here.
  same(await page.call("getUser"), email, "getUser");
  await page.isShut("without the role");
  page.gate.user("role", email, "admin");
  await page.isShut("the token is from before");
  await page.call("logout");
  await page.call("login", email, password);
  await page.isOpen("the next token");
  await page.open("/headless");
  same(await page.call("hydrateSession"), email, "hydrateSession");
  same(await page.call("getUser"), email, "getUser after a reload");
  same(await page.call("isAuthenticated"), true, "somebody is there");
  await page.call("logout");
  await page.isShut("after a log-out");
  same((await page.context.cookies()).filter((cookie) => cookie.name.startsWith("nf_")).length, 0, "no cookie is left");
  same(await page.tab.evaluate(() => window.events.includes("logout")), true, "an event");
}

async function mails(page, email) {
  const token = () => page.gate.link().split("=").at(-1);
  same((await page.call("getSettings")).autoconfirm, false, "getSettings");
  same((await page.call("getIdentityConfig")).url, `${page.gate.origin(page.host)}/.netlify/identity`, "getIdentityConfig");
  same(await page.call("signup", email, password, { full_name: "Ada" }), email, "signup");
  await page.refused("before the address is confirmed", "Email not confirmed", "login", email, password);
  await page.open(page.gate.link());
  same(await page.call("handleAuthCallback"), email, "a confirmation by its link");
  page.gate.user("role", email, "admin");
  await page.isShut("the token is from before");
  await page.call("logout");
  same(await page.call("login", email, password), email, "login");
  await page.isOpen("confirmed, with the role");
  same(await page.call("updateUser", { data: { full_name: "Grace" } }), email, "updateUser");

  await page.call("updateUser", { email: `new-${email}` });
  await page.open(page.gate.link());
  same(await page.call("handleAuthCallback"), `new-${email}`, "a change of address by its link");
  await page.call("updateUser", { email });
  same(await page.call("verifyEmailChange", token()), email, "verifyEmailChange");

  await page.call("logout");
  await page.call("requestPasswordRecovery", email);
  await page.open(page.gate.link());
  same(await page.call("handleAuthCallback"), email, "a recovery by its link");
  await page.call("updateUser", { password: "another" });
  await page.call("logout");
  await page.refused("with the password of before", "password invalid", "login", email, password);
  await page.call("requestPasswordRecovery", email);
  same(await page.call("recoverPassword", token(), password), email, "recoverPassword");
  await page.isOpenOr("after a recovery", email);
  await page.call("logout");

  await page.call("signup", `other-${email}`, password);
  same(await page.call("confirmEmail", token()), `other-${email}`, "confirmEmail");
  await page.call("logout");

  page.gate.user("invite", `invited-${email}`, "--role", "admin", "--site", page.gate.origin(page.host));
  await page.open(page.gate.link());
  same((await page.call("handleAuthCallback")).type, "invite", "an invitation by its link");
  same(await page.call("acceptInvite", token(), password), `invited-${email}`, "acceptInvite");
  await page.isOpenOr("an invitation with a role", `invited-${email}`);
  await page.call("logout");
}

async function provider(page, email) {
  for (const answer of ["deny", "allow"]) {
    await page.open("/headless");
    await page.remember();
    page.called.add("oauthLogin");
    // It ends with an error where it has sent the browser away.
    await Promise.all([
      page.tab.waitForSelector("input[name=email]"),
      page.tab.evaluate(() => { setTimeout(() => window.identity.oauthLogin("github")); }),
    ]);
    await page.tab.evaluate((email) => { document.querySelector("input[name=email]").value = email; }, email);
    await Promise.all([page.tab.waitForNavigation(), page.tab.click(`button[value=${answer}]`)]);
    await page.tab.waitForFunction(() => window.identity);
    if (answer === "deny") same(await page.call("getUser"), null, "nobody");
  }
  same(await page.call("handleAuthCallback"), email, "a provider");
  await page.isShut("a user of a provider, without the role");
  page.gate.user("role", email, "admin");
  await page.call("logout");
  await page.isShut("logged out");
}

/** A token of a minute: the library asks for the next one by itself, and the new role comes with it. */
async function refresh(chrome, gate, host) {
  const email = `short-${host.length}@b.example`;
  gate.addUser(email, password);
  const page = await Page.at(chrome, gate, host);
  await page.call("login", email, password);
  // Before the role is given: what runs out so soon the library may renew at any time, and the role comes with it.
  await page.isShut("no role yet");
  gate.user("role", email, "admin");
  const before = (await page.context.cookies()).find((cookie) => cookie.name === "nf_jwt").value;
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const token = await page.call("refreshSession");
  same(typeof token === "string" && token !== before, true, "refreshSession");
  await page.isOpen("the next token");
  await page.call("logout");
  await page.remember();
  console.log(`@netlify/identity, ${host}: refresh, with the role in the next token`);
  return page;
}

const chrome = await browser();
try {
  for (const host of ["site.localhost", "127.0.0.1"]) {
    const gate = await Gate.start(folder, "--identity-provider", "github");
    const called = new Set();
    try {
      const email = `ada-${host.length}@b.example`;
      gate.addUser(email, password);
      const page = await Page.at(chrome, gate, host);
      await roles(page, email);
      console.log(`@netlify/identity, ${host}: log-in, roles, reload, log-out`);
      await mails(page, `grace-${host.length}@b.example`);
      console.log(`@netlify/identity, ${host}: sign-up, confirm, change, address, recovery, invitation, each by its link`);
      await provider(page, `github-${host.length}@b.example`);
      console.log(`@netlify/identity, ${host}: provider, denied and allowed`);
      await page.remember();
      page.called.forEach((name) => called.add(name));
      await page.context.close();
    } finally {
      await gate.stop();
    }
    const short = await Gate.start(folder, "--identity-token-life", "30");
    try {
      const page = await refresh(chrome, short, host);
      page.called.forEach((name) => called.add(name));
      const all = await page.tab.evaluate(async () => {
        const all = await import("@netlify/identity");
        return Object.keys(all).filter((name) => typeof all[name] === "function" && !/^[A-Z]/.test(name));
      });
      // That one is of a server's part, and asks nothing of the service.
      same(all.filter((name) => !called.has(name) && name !== "verifyRequestOrigin"), [], "what nobody has called");
    } finally {
      await short.stop();
    }
    const auto = await Gate.start(folder, "--identity-autoconfirm");
    try {
      const email = `auto-${host.length}@b.example`;
      const page = await Page.at(chrome, auto, host);
      same(await page.call("signup", email, password), email, "signup");
      // GoTrue hands out no tokens with a sign-up, so nobody is logged in.
      same(await page.call("getUser"), null, "nobody is logged in by a sign-up");
      same(await page.call("login", email, password), email, "login at once");
      auto.user("role", email, "admin");
      await page.call("logout");
      await page.call("login", email, password);
      await page.isOpen("autoconfirm");
      await page.context.close();
      console.log(`@netlify/identity, ${host}, autoconfirm: sign-up, log-in`);
    } finally {
      await auto.stop();
    }
  }
} finally {
  await chrome.close();
}
