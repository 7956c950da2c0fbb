// The Identity widget in Chromium: every flow, by a name below localhost and by an address, with mail and without.
import { createServer } from "node:http";
import { join } from "node:path";
import { Visitor, chrome, picture } from "./visitor.mjs";
import { Gate, same, site, until, write } from "./world.mjs";

const version = process.argv[2];

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
  // The widget asks for the user beside it, and whichever answer it reads last stays: the next page shows what is true.
  await until("the address is changed", () => gate.user("list", "--filter", other).includes(other));
  await visitor.open("/");
  await visitor.isUser(other);

  // A forgotten password.
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

  // The same by a provider, who has to say the address that was invited.
  await visitor.open("/");
  await visitor.logOut();
  gate.user("invite", `external-${email}`, "--role", "admin", "--site", gate.origin(host));
  await visitor.open(gate.link());
  await visitor.press("button.btnProvider");
  await visitor.page.waitForSelector("input[name=email]");
  await visitor.page.evaluate((email) => { document.querySelector("input[name=email]").value = email; }, `external-${email}`);
  await Promise.all([visitor.page.waitForNavigation(), visitor.page.click("button[value=allow]")]);
  await visitor.isUser(`external-${email}`);
  await visitor.isOpen("an invitation with a role, by a provider");

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
      // The widget opens the form for signing up where it reads that access was denied, to the letter.
      await until("the form for signing up", async () => (await visitor.fields()).join() === "name,email,password");
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
  console.log(`widget ${version}, ${host}, mail: sign-up, confirm, roles, log-out, log-in, address, recovery, invitation, provider, invitation by a provider`);
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

/** A function of the site gives the role when the address is confirmed; one that refuses keeps people out. */
async function eventFunction(host) {
  const answers = { signup: [200, '{"app_metadata":{"roles":["admin"]}}'] };
  const asked = [];
  const functions = createServer((request, answer) => {
    request.resume().on("end", () => {
      asked.push(request.headers["x-netlify-event"]);
      const [status, body] = answers[request.url.slice(1)] ?? [204, ""];
      answer.writeHead(status, { "content-type": "application/json" }).end(body);
    });
  });
  await new Promise((resolve) => functions.listen(0, "127.0.0.1", resolve));
  const folder = site(version);
  const url = (name) => `${name} = "http://127.0.0.1:${functions.address().port}/${name}"\n`;
  write(join(folder, "identity/identity.toml"), `[hooks]\n${["validate", "signup", "login"].map(url).join("")}`);
  const gate = await Gate.start(folder);
  try {
    const email = `event-${host.length}@b.example`;
    const visitor = await Visitor.at(gate, host);
    await visitor.modal("signup");
    await visitor.send({ name: "Ada", email, password: "password" });
    await until("a mail", () => gate.mails() === 1);
    await visitor.open(gate.link());
    await visitor.isUser(email);
    await visitor.isOpen("right after the confirmation");
    answers.login = [403, ""];
    await visitor.open("/");
    await visitor.logOut();
    await visitor.modal("login");
    await visitor.send({ email, password: "password" });
    await visitor.says("Failed to handle login webhook");
    await visitor.isNobody();
    await visitor.isShut("a function refuses");
    same([...new Set(asked)].sort(), ["identity_login", "identity_signup", "identity_validate"], "what was asked");
    same(gate.said.includes("the event function did not accept"), true, gate.said);
    await visitor.context.close();
    console.log(`widget ${version}, ${host}, event functions: a role at the confirmation, a log-in that is refused`);
  } finally {
    await gate.stop();
    functions.close();
  }
}

/** What the pages of the sample site show of the visitor, and what is on them to press. */
async function samplePages(gate, host) {
  const email = `sample-${host.length}@b.example`;
  gate.addUser(email, "password");
  const visitor = await Visitor.at(gate, host);
  const text = (selector) => visitor.page.evaluate((selector) => document.querySelector(selector)?.innerText, selector);
  const shows = (what) => until(`the page shows ${what}`, async () => (await text("#state")) === what);
  const form = (names) => until(`a form with ${names}`, async () => (await visitor.fields()).join() === names);
  await shows("You are not logged in.");
  same(await visitor.page.$$eval("td a", (links) => links.map((link) => link.getAttribute("href"))), ["/", "/testauth/", "/testlogin", "/admin/"], "routes");
  for (const [selector, names] of [
    [".netlify-identity-signup", "name,email,password"],
    [".netlify-identity-login", "email,password"],
    [".netlify-identity-button", "email,password"],
    ["#log-in", "email,password"],
  ]) {
    await until(`there is ${selector}`, () => visitor.page.$(selector));
    await visitor.page.click(selector);
    await form(names);
    await visitor.close();
  }
  await visitor.modal("login");
  await visitor.send({ email, password: "password" });
  await shows(`You are logged in as ${email}. Roles: none.`);
  await visitor.close();
  // Version 1 does not draw its menu anew for who is logged in.
  if (version === "v2") await until("a button for logging out", () => visitor.page.$(".netlify-identity-logout"));
  gate.user("role", email, "admin");
  await visitor.page.click("#refresh");
  await shows(`You are logged in as ${email}. Roles: admin.`);
  await visitor.isOpen("a new token by the button");
  await visitor.page.click("#log-out");
  await shows("You are not logged in.");
  const events = (await text("#log")).split("\n").map((line) => line.trim());
  for (const event of ["init", "open", "close", "login", "refresh", "logout"]) {
    same(events.includes(event), true, `${event} is among the events: ${events}`);
  }
  await visitor.context.close();
  console.log(`widget ${version}, ${host}, sample pages: routes, log-in state, events, buttons`);
}

/** The operator's page, with what the flows above have left. */
async function operator(gate) {
  const page = await chrome.newPage();
  const origin = gate.origin("operator.localhost");
  const shot = async (name) => {
    await picture(page, name);
    for (const width of [1280, 390]) {
      await page.setViewport({ width, height: 860 });
      const beyond = await page.evaluate(() => [...document.querySelectorAll("body, .scroll")].filter((box) => box.scrollWidth > box.clientWidth).length);
      same(beyond, 0, `${name} is ${width} pixels wide`);
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
      await samplePages(auto, host);
    } finally {
      await auto.stop();
    }
    await eventFunction(host);
  }
} finally {
  await chrome.close();
}
