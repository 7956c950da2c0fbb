// Starts the gate with its identity service on the sample site, and Chromium.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";

const here = dirname(fileURLToPath(import.meta.url));
const sample = join(here, "../../../examples/identity-site/site");
export const program = process.env.ROLEGATE;

/** The script of the widget, by version. */
const widgets = {
  v2: join(here, "node_modules/netlify-identity-widget/build/netlify-identity-widget.js"),
  v1: join(here, "node_modules/netlify-identity-widget-v1/build/netlify-identity-widget.js"),
};

/** A folder with the sample site and one version of the widget. */
export function site(widget) {
  const folder = mkdtempSync(join(tmpdir(), "identity-"));
  cpSync(sample, join(folder, "site"), { recursive: true });
  rmSync(join(folder, "site/netlify-identity-widget.js"), { force: true });
  if (widget) copyFileSync(widgets[widget], join(folder, "site/netlify-identity-widget.js"));
  return folder;
}

/** A gate that serves it. */
export class Gate {
  static async start(folder, ...options) {
    const gate = new Gate();
    gate.folder = folder;
    gate.identity = join(folder, "identity");
    gate.options = options;
    gate.port = 0;
    await gate.run();
    return gate;
  }

  /** A gate that is started with this line, in this folder, on a free port. */
  static async by(folder, identity, line) {
    const gate = new Gate();
    Object.assign(gate, { folder, identity, line, options: [], port: 0 });
    await gate.run();
    return gate;
  }

  async run() {
    const own = ["serve", join(this.folder, "site"), "--identity", this.identity, ...this.options];
    const line = [...(this.line ?? own), "--port", String(this.port)];
    const env = { ...process.env, RUST_LOG: "rolegate=warn" };
    delete env.JWT_SECRET;
    this.process = spawn(program, line, { stdio: ["ignore", "pipe", "pipe"], env, cwd: this.folder });
    this.said = "";
    this.process.stderr.on("data", (text) => { this.said += text; });
    this.port = await new Promise((resolve, reject) => {
      let out = "";
      this.process.stdout.on("data", (text) => {
        out += text;
        const match = out.match(/listening on https?:\/\/[^\s]*:(\d+)/);
        if (match) resolve(Number(match[1]));
      });
      this.process.on("exit", (code) => reject(new Error(`the gate ended with ${code}: ${this.said}`)));
    });
  }

  /** Ends the process without a word to it. */
  async kill() {
    await this.end("SIGKILL");
  }

  async stop() {
    await this.end("SIGINT");
  }

  async end(signal) {
    this.process.removeAllListeners("exit");
    const gone = new Promise((resolve) => this.process.on("exit", resolve));
    this.process.kill(signal);
    await gone;
  }

  origin(host) {
    return `http://${host}:${this.port}`;
  }

  /** `rolegate identity user …` */
  user(...line) {
    const ran = spawnSync(program, ["identity", "user", ...line, "--identity", this.identity], { encoding: "utf8" });
    if (ran.status !== 0) throw new Error(`user ${line.join(" ")}: ${ran.stderr}`);
    return ran.stdout;
  }

  addUser(email, password, ...roles) {
    const line = ["identity", "user", "add", email, "--password-stdin", "--identity", this.identity];
    const ran = spawnSync(program, [...line, ...roles.flatMap((role) => ["--role", role])], { encoding: "utf8", input: password });
    if (ran.status !== 0) throw new Error(ran.stderr);
  }

  /** The link of the newest mail. */
  link() {
    const folder = join(this.identity, "mail");
    const name = readdirSync(folder).filter((name) => name.endsWith(".eml")).sort().at(-1);
    return readFileSync(join(folder, name), "utf8").trim().split("\r\n").at(-1);
  }

  mails() {
    return readdirSync(join(this.identity, "mail")).length;
  }

  /** Asks over a raw socket with a Host of one's own: Node does not resolve `*.localhost`. */
  ask(path, { host = "site.localhost", method = "GET", headers = {}, body } = {}) {
    return new Promise((resolve, reject) => {
      const request = http.request(
        { host: "127.0.0.1", port: this.port, path, method, headers: { host: `${host}:${this.port}`, ...headers } },
        (answer) => {
          let text = "";
          answer.on("data", (part) => { text += part; });
          answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  }
}

export function chromium() {
  const named = process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(":");
  const names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
  return [named, ...folders.flatMap((folder) => names.map((name) => join(folder, name)))].find((path) => path && existsSync(path));
}

export async function browser() {
  return puppeteer.launch({
    executablePath: chromium(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"],
  });
}

export function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Asks again until it is so; what is last seen is told where it never is. */
export async function until(what, check, time = 120_000) {
  const end = Date.now() + time;
  let seen;
  for (;;) {
    try {
      seen = await check();
      if (seen) return seen;
    } catch (error) {
      seen = error;
    }
    if (Date.now() > end) throw new Error(`${what}: ${seen}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function same(seen, expected, what) {
  const [one, other] = [seen, expected].map((value) => JSON.stringify(value));
  if (one !== other) throw new Error(`${what}: ${one}, expected ${other}`);
}

/** What of a library has been called: `all` are its classes or objects of functions, by name. */
export class Called {
  constructor(all) {
    this.missing = new Set();
    for (const [name, owner] of Object.entries(all)) {
      for (const [method, { value, writable }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
        if (typeof value !== "function" || !writable || method === "constructor" || method.startsWith("_")) continue;
        const whole = `${name}.${method}`;
        const { missing } = this;
        missing.add(whole);
        owner[method] = function (...rest) {
          missing.delete(whole);
          return value.apply(this, rest);
        };
      }
    }
  }

  /** Fails where something was not. */
  all() {
    same([...this.missing], [], "what nobody has called");
  }
}
