// Drives the CMS as an editor does: node drive.mjs CHROMIUM ORIGIN simple|workflow EMAIL, with the program in ROLEGATE and the
// folder of its users in IDENTITY. What the gateway was asked is told in lines that begin with `asked: `.
import { spawnSync } from "node:child_process";
import puppeteer from "puppeteer-core";

const [, , chromium, origin, mode, email] = process.argv;
const patience = { timeout: 120_000 };
const gateway = "/.netlify/git";
const browser = await puppeteer.launch({
  executablePath: chromium,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});
const page = await browser.newPage();
await page.setViewport({ width: 1280, height: 900 });
page.setDefaultTimeout(patience.timeout);
page.on("dialog", (dialog) => dialog.accept());
page.on("response", (answer) => {
  const { pathname } = new URL(answer.url());
  if (pathname.startsWith(gateway)) console.log(`asked: ${answer.status()} ${answer.request().method()} ${pathname.slice(gateway.length)}`);
});
page.on("pageerror", (error) => console.log(`page error: ${error.message}`));
page.on("console", (message) => {
  if (message.type() === "error") console.log(`console: ${message.text()}`);
});

// What a person sees and clicks: the last visible element with just this text.
async function click(text, selector = "button, a, [role=menuitem], [role=button]") {
  const found = await page.waitForFunction(
    (text, selector) => {
      const shown = (e) => e.getClientRects().length > 0 && !e.disabled;
      return [...document.querySelectorAll(selector)].filter((e) => shown(e) && e.textContent.trim() === text).pop();
    },
    patience,
    text,
    selector,
  );
  await found.click();
}

async function see(text) {
  await page.waitForFunction((text) => document.body.innerText.includes(text), patience, text);
  console.log(`seen: ${text}`);
}

async function put(selector, text) {
  const field = await page.waitForSelector(selector, { visible: true });
  await field.click({ count: 3 });
  await field.press("Backspace");
  await field.type(text);
}

async function go(hash) {
  await page.evaluate((hash) => { location.hash = hash; }, hash);
}

// A notice stays for a while; the next one must not be taken for it.
async function saved(text) {
  await see(text);
  await page.waitForFunction((text) => !document.body.innerText.includes(text), patience, text);
}

const steps = {
  async simple() {
    await see("First");
    await go("#/collections/posts/entries/first");
    await put("[id^=title-field]", "First, edited");
    await put("[id^=body-field]", "Edited in a browser");
    await click("Publish");
    await click("Publish now");
    await saved("Entry saved");

    await go("#/collections/posts/new");
    await put("[id^=title-field]", "Grüße aus Köln");
    await put("[id^=body-field]", "New in a browser");
    await click("Publish");
    await click("Publish now");
    await saved("Entry saved");

    await go("#/collections/posts");
    await click("Media");
    const upload = await page.waitForSelector("input[type=file]");
    await upload.uploadFile(new URL("picture.png", import.meta.url).pathname);
    await see("picture.png");
    // What was uploaded is selected.
    await click("Delete selected");
    await page.waitForFunction(() => !document.body.innerText.includes("picture.png"), patience);
    const again = await page.waitForSelector("input[type=file]");
    await again.uploadFile(new URL("picture.png", import.meta.url).pathname);
    await see("picture.png");
    await page.reload();

    await see("Second");
    await go("#/collections/posts/entries/second");
    await page.waitForSelector("[id^=title-field]");
    await click("Delete entry");
    await see("First, edited");
    await page.waitForFunction(() => !location.hash.includes("second"), patience);
  },

  async workflow() {
    await see("First");
    await go("#/collections/posts/new");
    await put("[id^=title-field]", "A draft");
    await put("[id^=body-field]", "Written in drafts");
    await click("Save");
    await saved("Entry saved");
    await put("[id^=body-field]", "Written anew in drafts");
    await click("Save");
    await saved("Entry saved");
    await go("#/workflow");
    await see("A draft");
    await go("#/collections/posts/entries/a-draft");
    await page.waitForSelector("[id^=title-field]");
    await click("Status: Draft");
    await click("Ready");
    await saved("Entry status updated");
    await click("Publish");
    await click("Publish now");
    await saved("Entry published");

    await go("#/collections/posts/new");
    await put("[id^=title-field]", "Never published");
    await put("[id^=body-field]", "x");
    await click("Save");
    await saved("Entry saved");
    await click("Delete unpublished entry");
    await see("A draft");
    await page.waitForFunction(() => !location.hash.includes("never"), patience);
  },
};

try {
  await page.goto(`${origin}/`);
  await page.waitForFunction(() => window.netlifyIdentity?.gotrue, patience);
  await page.evaluate(async (email) => {
    await netlifyIdentity.gotrue.signup(email, "password", { full_name: "Ada Lovelace" });
    await netlifyIdentity.gotrue.login(email, "password", true);
  }, email);
  await page.goto(`${origin}/admin/`);
  await see("You don't have sufficient permissions");
  const given = spawnSync(process.env.ROLEGATE, ["identity", "user", "role", email, "editor", "--identity", process.env.IDENTITY], { encoding: "utf8" });
  if (given.status !== 0) throw new Error(given.stderr);
  await page.goto(`${origin}/`);
  await page.waitForFunction(() => window.netlifyIdentity?.currentUser(), patience);
  await page.evaluate(() => netlifyIdentity.refresh(true));
  await page.goto(`${origin}/admin/`);
  await steps[mode]();
  console.log("done");
} catch (error) {
  console.log(`failed: ${error.message}`);
  console.log(await page.evaluate(() => `${location.href}\n${document.body.innerText}`));
  await page.screenshot({ path: process.env.DECAP_PICTURE ?? "/dev/null", type: "png" }).catch(() => undefined);
  process.exitCode = 1;
} finally {
  await browser.close();
}
