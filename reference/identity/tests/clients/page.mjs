// The page `docs/identity-on-your-machine.md`, as somebody reads it: its commands from an empty folder on, and its walk in
// Chromium. What it says of each step has to stand there to the letter.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Visitor, chrome } from "./visitor.mjs";
import { Gate, program, same, until, write } from "./world.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const text = readFileSync(join(here, "../../../../docs/identity-on-your-machine.md"), "utf8");
const prose = text.replace(/\s+/g, " ");
const commands = [...text.matchAll(/```console\n([^]*?)```/g)].map(([, block]) =>
  block.split("\n").filter((line) => line.startsWith("$ ")).map((line) => line.slice(2)),
);

/** What is tried next is what the page says. */
function says(sentence) {
  if (!prose.includes(sentence)) throw new Error(`the page does not say: ${sentence}`);
}

const folder = mkdtempSync(join(tmpdir(), "page-"));
const programs = join(folder, "programs");
mkdirSync(programs);
symlinkSync(program, join(programs, "rolegate"));
const reader = join(folder, "reader");
mkdirSync(reader);
const env = { ...process.env, PATH: `${programs}:${process.env.PATH}` };
delete env.JWT_SECRET;

function shell(command) {
  const ran = spawnSync("sh", ["-c", command], { cwd: reader, env, encoding: "utf8" });
  if (ran.status !== 0) throw new Error(`${command}: ${ran.stderr}`);
  return ran.stdout;
}

// The package as npm would fetch it; no registry is asked.
const packed = execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder, join(here, "node_modules/netlify-identity-widget")], { encoding: "utf8" });
const [install, make] = commands;
same(install.slice(0, 2), ["cargo install --path reference/cli", "npm install netlify-identity-widget"], "what is installed");
shell(`npm install --silent --offline --ignore-scripts --no-audit --no-fund ${join(folder, packed.trim())}`);
install.slice(2).forEach(shell);
const serve = make.pop();
make.forEach(shell);
same(serve, "rolegate serve my-site --identity", "how it is started");
console.log(`page: ${install.length + make.length} commands from an empty folder on`);

const gate = await Gate.by(reader, join(reader, ".identity"), serve.split(" ").slice(1));
const site = "my-site.localhost";
const you = "you@example.com";
try {
  await until("the addresses", () => gate.said.includes("for users and mails"));
  same(gate.said.includes(`open ${gate.origin(site)} for the site, ${gate.origin("operator.localhost")} for users and mails`), true, gate.said);

  const visitor = await Visitor.at(gate, site);
  const members = async () => (await visitor.page.goto(`${gate.origin(site)}/members/`)).status();
  const isShut = async (what) => same(await members(), 404, `${what}: shut`);
  const isOpen = async (what) => {
    same(await members(), 200, `${what}: open`);
    same(await visitor.heading(), "Members", what);
  };
  const operator = await (await chrome.createBrowserContext()).newPage();
  const at = async (path) => {
    await operator.goto(gate.origin("operator.localhost") + path);
    return operator.evaluate(() => document.querySelector("main").innerText);
  };
  const pressed = async (selector) => {
    await Promise.all([operator.waitForNavigation(), operator.click(selector)]);
    return operator.evaluate(() => document.querySelector("main").innerText);
  };

  says("1. Open the site and follow the link: 404. Nobody is logged in.");
  const [followed] = await Promise.all([visitor.page.waitForNavigation(), visitor.page.click("a[href='/members/']")]);
  same(followed.status(), 404, "the link");
  await visitor.open("/");
  await visitor.isNobody();

  says("2. Sign up. No mail is sent; it is a file in `.identity/mail`, a line on the console, and a link on");
  says("A log-in is refused with “Email not confirmed” before that link was opened.");
  await visitor.page.click(".netlify-identity-signup");
  await visitor.send({ name: "You", email: you, password: "a long password" });
  await until("a mail", () => gate.mails() === 1);
  await until("a line on the console", () => gate.said.includes(`mail to ${you}: `) && gate.said.includes(gate.link()));
  await visitor.close();
  await visitor.page.click(".netlify-identity-login");
  await visitor.send({ email: you, password: "a long password" });
  await visitor.says("Email not confirmed");
  await at("/mail");
  const link = await operator.$eval("a.link", (link) => link.href);
  same(link, gate.link(), "the link on the operator's page");

  says("3. Open the link: you are logged in. The page is still shut, for want of the role.");
  await visitor.open(link);
  await visitor.isUser(you);
  await isShut("without the role");

  says("4. Give the role, on the operator's page or with `rolegate identity user role you@example.com member`. The page is **still** shut: the cookie is from before. The operator's page says so, and until when.");
  await at("/");
  await pressed("td a");
  await operator.$eval("input[name=roles]", (input) => { input.value = "member"; });
  const given = await pressed("form[action$='/roles'] button");
  same(/the cookie is still the old one, with no roles, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC at the latest/.test(given), true, given);
  await isShut("the cookie is from before");
  const user = new URL(operator.url()).pathname;
  const explained = await at(`${user}?path=/members/`);
  same(/The roles are there, and the cookie is from before: it is good until \d{4}-/.test(explained), true, explained);

  says("5. Log out and in again, or call `netlifyIdentity.refresh(true)` in the page, in the console of the browser's developer tools: the next token has the role, and the page opens.");
  await visitor.open("/");
  await visitor.isUser(you);
  await visitor.refresh();
  await isOpen("the next token");

  says("6. Log out, in the dialog that the button opens: the page is shut again.");
  await visitor.open("/");
  await visitor.isUser(you);
  await visitor.page.click(".netlify-identity-logout");
  await visitor.send({});
  await visitor.isNobody();
  await isShut("after a log-out");

  // The other way of steps 4 and 5.
  const logIn = async () => {
    await visitor.open("/");
    await visitor.page.click(".netlify-identity-login");
    await visitor.send({ email: you, password: "a long password" });
    await visitor.isUser(you);
  };
  shell(`rolegate identity user role ${you}`);
  await logIn();
  await isShut("the role was taken away");
  shell("rolegate identity user role you@example.com member");
  await isShut("the cookie is from before, once more");
  await visitor.open("/");
  await visitor.logOut();
  await logIn();
  await isOpen("out and in again");
  console.log("page: the walk in its six steps, with both ways of each");

  says("or the role stands in `role`, which is the admin of the API: the user's page at the operator's says which");
  shell(`rolegate identity user role ${you}`);
  await visitor.open("/");
  await visitor.isUser(you);
  await visitor.refresh();
  await at(user);
  await pressed("button[name=role][value=admin]");
  const admin = await at(`${user}?path=/members/`);
  same(admin.includes("The user's role is admin: that is the admin of the API."), true, admin);

  says("open `http://my-site.localhost:8888`, or type the address that you came by");
  const typed = await Visitor.at(gate, "localhost");
  await typed.modal("login");
  await typed.type("url", gate.origin("localhost"));
  await typed.page.waitForFunction(() => document.querySelector("iframe#netlify-identity-widget")?.contentDocument?.querySelector("form input[name=password]"));
  await typed.send({ email: you, password: "a long password" });
  await typed.isUser(you);

  says("`localStorage.removeItem(\"netlifySiteURL\")` in the console of its developer tools, and load the page again");
  const asked = await Visitor.at(gate, "localhost");
  await asked.page.evaluate(() => localStorage.setItem("netlifySiteURL", "http://127.0.0.1:9"));
  await asked.open("/");
  await asked.modal("login");
  await asked.says("Failed to load settings");
  await asked.page.evaluate(() => localStorage.removeItem("netlifySiteURL"));
  await asked.open("/");
  await asked.modal("login");
  await asked.type("url", gate.origin("localhost"));
  await until("the form for logging in", async () => (await asked.fields()).join() === "email,password");

  says("name one that does, `mail_path = \"/welcome\"` in `.identity/identity.toml`");
  await gate.stop();
  write(join(reader, ".identity/identity.toml"), 'mail_path = "/welcome"\n');
  write(join(reader, "my-site/welcome.html"), readFileSync(join(reader, "my-site/index.html"), "utf8"));
  await gate.run();
  shell("rolegate identity user invite new@example.com --role member");
  same(gate.link().startsWith(`${gate.origin(site)}/welcome#invite_token=`), true, gate.link());
  const invited = await Visitor.at(gate, site);
  await invited.open(gate.link());
  await invited.send({ password: "a long password" });
  await invited.isUser("new@example.com");
  await invited.page.goto(`${gate.origin(site)}/members/`);
  same(await invited.heading(), "Members", "an invitation by another page");
  console.log("page: what to do when");
} finally {
  await gate.stop();
  await chrome.close();
}
