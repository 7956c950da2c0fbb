// One person's browser, which uses the Identity widget as a person does.
import { mkdirSync } from "node:fs";
import { browser, until } from "./world.mjs";

const pictures = process.env.PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });
export const chrome = await browser();

/** One person's browser, at one host. */
export class Visitor {
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

  /** Fills in the one field of a form in the modal that asks nothing of the service, and sends it. */
  async type(name, value) {
    await until(`a field ${name}`, () =>
      this.page.evaluate(({ name, value }) => {
        const inside = document.querySelector("iframe#netlify-identity-widget")?.contentDocument;
        const input = inside?.querySelector(`form input[name=${name}]`);
        if (!input) return false;
        input.value = value;
        input.dispatchEvent(new inside.defaultView.Event("input", { bubbles: true }));
        return true;
      }, { name, value }),
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    await this.press("form button[type=submit]");
  }

  /** The names of the fields in the form of the modal. */
  fields() {
    return this.page.evaluate(() => {
      const inside = document.querySelector("iframe#netlify-identity-widget")?.contentDocument;
      return [...(inside?.querySelectorAll("form input") ?? [])].map((input) => input.name);
    });
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

  picture(name) {
    return picture(this.page, name);
  }
}

/** A picture of a page as it is, at the width of a telephone and at that of a desk. */
export async function picture(page, name) {
  if (!pictures) return;
  for (const width of [390, 1280]) {
    await page.setViewport({ width, height: 860 });
    await new Promise((resolve) => setTimeout(resolve, 400));
    await page.screenshot({ path: `${pictures}/${name}-${width}.png` });
  }
}
