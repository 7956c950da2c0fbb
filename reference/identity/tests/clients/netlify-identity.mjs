// @netlify/identity, its admin and server part, in Node.
import { readFileSync } from "node:fs";
import { createHmac } from "node:crypto";
import { Called, Gate, same, site } from "./world.mjs";

const gate = await Gate.start(site());
try {
  const url = `${gate.origin("127.0.0.1")}/.netlify/identity`;
  const secret = readFileSync(`${gate.identity}/secret`, "utf8");
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const message = `${part({ alg: "HS256", typ: "JWT" })}.${part({ exp: Math.floor(Date.now() / 1000) + 60, sub: "0" })}`;
  const token = `${message}.${createHmac("sha256", secret).update(message).digest("base64url")}`;
  globalThis.netlifyIdentityContext = { url, token };
  const identity = await import("@netlify/identity");
  const { admin } = identity;
  const called = new Called({ admin });

  const made = await admin.createUser({ email: "ada@b.example", password: "password", data: { user_metadata: { full_name: "Ada" } } });
  same(made.email, "ada@b.example", "createUser");
  same((await admin.listUsers()).map((user) => user.email), ["ada@b.example"], "listUsers");
  same((await admin.getUser(made.id)).id, made.id, "getUser");
  await admin.updateUser(made.id, { app_metadata: { roles: ["admin"] } });
  const changed = await admin.getUser(made.id);
  same(changed.roles ?? changed.appMetadata?.roles, ["admin"], "updateUser");
  same((await identity.getSettings()).autoconfirm, false, "getSettings");
  await admin.deleteUser(made.id);
  same((await admin.listUsers()).length, 0, "deleteUser");
  called.all();
  console.log("@netlify/identity: admin and server part");
} finally {
  await gate.stop();
}
