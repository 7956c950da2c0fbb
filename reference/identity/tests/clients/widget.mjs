// The Identity widget in Chromium: every flow, by a name below localhost and by an address, with mail and without.
import { mkdirSync } from "node:fs";
import { Gate, browser, same, site, until } from "./world.mjs";

const version = process.argv[2];
const pictures = process.env.PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });
const chrome = await browser();

/** One person's browser, at one host. */
class Visitor {
  static async at(gate, host) {
    const visitor = new Visitor();
    visitor.gate = gate;
    visitor.origin = gate.origin(host);
    visitor.context = await chrome.createBrowserContext();
    visitor.page = await visitor.context.newPage();
    visitor.page.setDefaultTimeout(120_000);
    visitor.page.on("pageerror", (error) => { visitor.error = error; });
    if (host === "127.0.0.1") {
      // What a person types into the form that the widget shows there.
      await visitor.page.evaluateOnNewDocument(() => {
        if (location.protocol === "http:") localStorage.setItem("netlifySiteURL", location.origin);
      });
    }
    await visitor.open("/");
    return visitor;
  }

  async open(path) {
    await this.page.goto("about:blank");
    // The widget asks for the user first; a log-out before the answer comes would be undone by it.
    await this.page.goto(path.startsWith("http") ? path : `${this.origin}${path}`, { waitUntil: "networkidle0" });
    await this.page.waitForFunction(() => window.netlifyIdentity && document.querySelector("iframe#netlify-identity-widget, body"));
  }

  /** What the gate answers to this browser. */
  gatePage() {
    return this.page.evaluate(async () => (await fetch("/testauth/", { redirect: "manual" })).status);
  }

  async isOpen(what) {
    await until(`${what}: the page opens`, async () => (await this.gatePage()) === 200);
  }

  async isShut(what) {
    await until(`${what}: the page is shut`, async () => (await this.gatePage()) === 404);
  }

  modal(tab) {
    return this.page.evaluate((tab) => { netlifyIdentity.open(tab); }, tab);
  }

  close() {
    return this.page.evaluate(() => netlifyIdentity.close());
  }

  /** Fills the form of the modal that has these fields, and sends it. */
  async send(fields) {
    await until(`a form with ${Object.keys(fields)}`, () =>
      this.page.evaluate((names) => {
        const inside = document.querySelector("iframe#netlify-identity-widget")?.contentDocument;
        const visible = [...(inside?.querySelectorAll("form input") ?? [])].map((input) => input.name);
        return names.every((name) => visible.includes(name)) && visible.length === names.length;
      }, Object.keys(fields)),
    );
    // The widget drops what comes while it draws itself anew: the form is filled in and sent until it has gone out.
    const sent = new AbortController();
    const isForm = (request) => request.method() !== "GET" && request.url().includes("/.netlify/identity/");
    const isSent = this.page.waitForRequest(isForm, { signal: sent.signal }).then(() => true, () => false);
    const fill = (fields) => {
      const inside = document.querySelector("iframe#netlify-identity-widget")?.contentDocument;
      for (const [name, value] of Object.entries(fields)) {
        const input = inside?.querySelector(`form input[name=${name}]`);
        if (!input) return;
        input.value = value;
        input.dispatchEvent(new inside.defaultView.Event("input", { bubbles: true }));
      }
    };
    const click = () => document.querySelector("iframe#netlify-identity-widget")?.contentDocument?.querySelector("form button[type=submit]")?.click();
    const within = (time) => Promise.race([isSent, new Promise((resolve) => setTimeout(() => resolve(false), time))]);
    try {
      await until("the form goes out", async () => {
        await this.page.evaluate(fill, fields);
        if (await within(100)) return true;
        await this.page.evaluate(click);
        return within(1000);
      });
    } finally {
      sent.abort();
    }
  }

  async press(selector) {
    await until(`a button ${selector}`, () =>
      this.page.evaluate((selector) => {
        const button = document.querySelector("iframe#netlify-identity-widget")?.contentDocument?.querySelector(selector);
        button?.click();
        return Boolean(button);
      }, selector),
    );
  }

  says(text) {
    return until(`the modal says ${text}`, () =>
      this.page.evaluate(
        (text) => document.querySelector("iframe#netlify-identity-widget").contentDocument.body.innerText.includes(text),
        text,
      ),
    );
  }

  async isUser(email) {
    await until(`${email} is logged in`, () => this.page.evaluate((email) => netlifyIdentity.currentUser()?.email === email, email));
  }

  async isNobody() {
    await until("nobody is logged in", () => this.page.evaluate(() => netlifyIdentity.currentUser() === null));
  }

  async logOut() {
    await this.page.evaluate(() => new Promise((resolve) => {
      netlifyIdentity.on("logout", () => resolve());
      netlifyIdentity.logout();
    }));
    await this.isNobody();
  }

  heading() {
    return this.page.evaluate(() => document.querySelector("h1")?.innerText);
  }

  refresh() {
    return this.page.evaluate(() => netlifyIdentity.refresh(true));
  }

  /** The cookie, as the browser has it. */
  async cookie() {
    const cookies = await this.context.cookies();
    const found = cookies.filter((cookie) => cookie.name === "nf_jwt");
    return found.length === 0 ? null : found.map((cookie) => ({ script: !cookie.httpOnly, secure: cookie.secure }))[0];
  }

  async picture(name) {
    if (!pictures) return;
    for (const width of [390, 1280]) {
      await this.page.setViewport({ width, height: 860 });
      await new Promise((resolve) => setTimeout(resolve, 400));
      await this.page.screenshot({ path: `${pictures}/${name}-${width}.png` });
    }
  }
}

async function byMail(gate, host) {
  const email = `ada-${host.length}@b.example`;
  const visitor = await Visitor.at(gate, host);
  const isNamed = host !== "127.0.0.1";
  await visitor.isShut("a stranger");

  await visitor.modal("signup");
  if (isNamed) await visitor.picture(`sign-up-${version}`);
  const mails = gate.mails();
  await visitor.send({ name: "Ada", email, password: "pässwörd&=+" });
  await until("a mail", () => gate.mails() === mails + 1);
  await visitor.close();
  await visitor.modal("login");
  await visitor.send({ email, password: "pässwörd&=+" });
  await visitor.says("Email not confirmed");
  same(await visitor.cookie(), null, "no cookie before the address is confirmed");

  await visitor.open(gate.link());
  await visitor.isUser(email);
  await visitor.isShut("a user without the role");
  // The server's own where the client asks for it; else one that scripts can replace.
  same(await visitor.cookie(), isNamed ? { script: false, secure: true } : { script: true, secure: false }, "the cookie");
  gate.user("role", email, "admin");
  await visitor.isShut("the cookie is from before");
  await visitor.refresh();
  await visitor.isOpen("the next token");
  if (isNamed) {
    await visitor.open("/testauth/");
    await visitor.picture(`gated-${version}`);
  }
  await visitor.open("/");
  await visitor.isUser(email);

  // By hand, in the dialog, after a look at the gated page; which is not shown again by going back.
  await visitor.open("/testauth/");
  same(await visitor.heading(), "You have the role admin", "the gated page");
  await visitor.open("/");
  await visitor.isUser(email);
  await visitor.modal();
  await visitor.send({});
  await visitor.isNobody();
  await visitor.isShut("after log-out");
  await until("the cookie is gone", async () => (await visitor.cookie()) === null);
  await visitor.page.goBack();
  await visitor.page.goBack();
  same(new URL(visitor.page.url()).pathname, "/testauth/", "back in the history");
  await until("a page", async () => (await visitor.heading()) !== undefined);
  same(await visitor.heading(), "This page is for admins", "the page of who is not logged in");
  await visitor.open("/");
  await visitor.modal("login");
  await visitor.send({ email, password: "pässwörd&=+" });
  await visitor.isUser(email);
  await visitor.isOpen("after log-in");

  // A change of address, by somebody who is logged in.
  const other = `new-${email}`;
  await visitor.page.evaluate((email) => netlifyIdentity.gotrue.currentUser().update({ email }), other);
  await visitor.open(gate.link());
  await visitor.isUser(other);

  // A forgotten password.
  await visitor.open("/");
  await visitor.logOut();
  await visitor.modal("login");
  await visitor.press(".forgotPasswordLink");
  const before = gate.mails();
  await visitor.send({ email: other });
  await until("a mail", () => gate.mails() === before + 1);
  await visitor.open(gate.link());
  // The link alone logs in; the form then sends the password.
  const changed = visitor.page.waitForResponse((answer) => answer.request().method() === "PUT");
  await visitor.send({ password: "another" });
  same((await changed).status(), 200, "the new password");
  await visitor.isUser(other);
  await visitor.isOpen("after a recovery");
  await visitor.open("/");
  await visitor.logOut();
  await visitor.modal("login");
  await visitor.send({ email: other, password: "another" });
  await visitor.isUser(other);
  await visitor.isOpen("with the new password");

  // A change of address, by somebody who has to log in first.
  await visitor.page.evaluate((email) => netlifyIdentity.gotrue.currentUser().update({ email }), email);
  const link = gate.link();
  await visitor.logOut();
  await visitor.open(link);
  await visitor.send({ email: other, password: "another" });
  await visitor.isUser(email);

  // An invitation.
  await visitor.open("/");
  await visitor.logOut();
  gate.user("invite", `invited-${email}`, "--role", "admin", "--site", gate.origin(host));
  await visitor.open(gate.link());
  await visitor.send({ password: "password" });
  await visitor.isUser(`invited-${email}`);
  await visitor.isOpen("an invitation with a role");

  // A provider.
  await visitor.open("/");
  await visitor.logOut();
  for (const answer of ["deny", "allow"]) {
    await visitor.open("/");
    await visitor.modal("login");
    await visitor.press("button.btnProvider");
    await visitor.page.waitForSelector("input[name=email]");
    await visitor.page.evaluate((email) => { document.querySelector("input[name=email]").value = email; }, `github-${email}`);
    if (isNamed && answer === "allow") await visitor.picture(`stand-in-${version}`);
    await Promise.all([visitor.page.waitForNavigation(), visitor.page.click(`button[value=${answer}]`)]);
    if (answer === "deny") {
      await visitor.page.waitForFunction(() => window.netlifyIdentity);
      await visitor.isNobody();
    }
  }
  await visitor.isUser(`github-${email}`);
  await visitor.isShut("a user of a provider, without the role");
  gate.user("role", `github-${email}`, "admin");
  await visitor.refresh();
  await visitor.isOpen("a user of a provider, with the role");
  await visitor.logOut();
  await visitor.isShut("after the last log-out");
  await visitor.context.close();
  console.log(`widget ${version}, ${host}, mail: sign-up, confirm, roles, log-out, log-in, address, recovery, invitation, provider`);
}

async function atOnce(gate, host) {
  const email = `auto-${host.length}@b.example`;
  const visitor = await Visitor.at(gate, host);
  await visitor.modal("signup");
  await visitor.send({ name: "Auto", email, password: "password" });
  await visitor.isUser(email);
  await visitor.isShut("a user without the role");
  gate.user("role", email, "admin");
  await visitor.refresh();
  await visitor.isOpen("the next token");
  await visitor.logOut();
  await visitor.isShut("after log-out");
  await visitor.context.close();
  console.log(`widget ${version}, ${host}, autoconfirm: sign-up, roles, log-out`);
}

/** The operator's page, with what the flows above have left. */
async function operator(gate) {
  const page = await chrome.newPage();
  const origin = gate.origin("operator.localhost");
  const shot = async (name) => {
    for (const width of [390, 1280]) {
      await page.setViewport({ width, height: 860 });
      const beyond = await page.evaluate(() => [...document.querySelectorAll("body, .scroll")].filter((box) => box.scrollWidth > box.clientWidth).length);
      same(beyond, 0, `${name} is ${width} pixels wide`);
      if (pictures) await page.screenshot({ path: `${pictures}/${name}-${width}.png` });
    }
  };
  gate.addUser("operated@b.example", "password");
  const visitor = await Visitor.at(gate, "site.localhost");
  await visitor.modal("login");
  await visitor.send({ email: "operated@b.example", password: "password" });
  await visitor.isUser("operated@b.example");

  await page.goto(`${origin}/`);
  await shot("operator-users");
  await Promise.all([page.waitForNavigation(), page.evaluate(() => {
    [...document.querySelectorAll("a")].find((link) => link.textContent === "operated@b.example").click();
  })]);
  const path = new URL(page.url()).pathname;
  const explained = async () => {
    await page.goto(`${origin}${path}?path=/testauth/`);
    return page.evaluate(() => document.querySelector("main").innerText);
  };
  same((await explained()).includes("None of the user's roles opens the page"), true, "no role");
  await page.evaluate(() => { document.querySelector("input[name=roles]").value = "admin"; });
  await Promise.all([page.waitForNavigation(), page.evaluate(() => document.querySelector("form[action$='/roles'] button").click())]);
  const text = await explained();
  same(text.includes("the cookie is still the old one"), true, text);
  same(text.includes("the cookie is from before"), true, text);
  await shot("operator-user");
  await visitor.isShut("the cookie is from before");
  await visitor.refresh();
  await visitor.isOpen("the next token");
  same((await explained()).includes("The page is open for the user"), true, "open");

  await page.goto(`${origin}/mail`);
  same(await page.evaluate(() => document.querySelectorAll("a.link").length > 0), true, "mails with links");
  await shot("operator-mail");
  await page.goto(`${origin}/audit`);
  await shot("operator-audit");
  // No script of the site reads or presses anything there.
  const stolen = await visitor.page.evaluate(async (origin) => {
    const ask = (path, options) => fetch(`${origin}${path}`, options).then((answer) => answer.status, () => "blocked");
    return [await ask("/"), await ask("/users", { method: "POST", body: new URLSearchParams({ email: "eve@b.example", how: "invite" }) })];
  }, origin);
  same(stolen, ["blocked", "blocked"], "the site's scripts");
  same(gate.user("list", "--filter", "eve@").trim(), "", "nobody was invited");
  await visitor.context.close();
  await page.close();
  console.log("operator's page: users, roles, why a page is shut, mailbox, audit log");
}

try {
  for (const host of ["site.localhost", "127.0.0.1"]) {
    const gate = await Gate.start(site(version), "--identity-provider", "github");
    try {
      await byMail(gate, host);
      if (version === "v2" && host === "site.localhost") await operator(gate);
    } finally {
      await gate.stop();
    }
    const auto = await Gate.start(site(version), "--identity-autoconfirm");
    try {
      await atOnce(auto, host);
    } finally {
      await auto.stop();
    }
  }
} finally {
  await chrome.close();
}
