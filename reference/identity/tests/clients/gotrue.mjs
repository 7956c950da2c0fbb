// gotrue-js: every method, in Node.
import GoTrue, { Admin, User } from "gotrue-js";
import { Called, Gate, same, site } from "./world.mjs";

const called = new Called({ GoTrue: GoTrue.prototype, User: User.prototype, Admin: Admin.prototype });

// What the library keeps its session in.
const kept = new Map();
globalThis.localStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, String(value)),
  removeItem: (key) => kept.delete(key),
};

async function refused(promise, status, what) {
  try {
    await promise;
  } catch (error) {
    same(error.status ?? error.json?.code, status, what);
    return error;
  }
  throw new Error(`${what}: not refused`);
}

const gate = await Gate.start(site(), "--identity-provider", "github");
try {
  const auth = new GoTrue({ APIUrl: `${gate.origin("127.0.0.1")}/.netlify/identity`, audience: "", setCookie: true });
  const token = () => gate.link().split("=").at(-1);

  same((await auth.settings()).external.github, true, "settings");
  same(auth.loginExternalUrl("github").endsWith("/authorize?provider=github"), true, "loginExternalUrl");

  const made = await auth.signup("ada@b.example", "pässwörd&=+", { full_name: "Ada" });
  same([made.email, made.user_metadata, made.confirmed_at], ["ada@b.example", { full_name: "Ada" }, undefined], "signup");
  const early = await refused(auth.login("ada@b.example", "pässwörd&=+"), 400, "login before confirm");
  same(early.message.includes("Email not confirmed"), true, early.message);
  let user = await auth.confirm(token(), true);
  same(user.email, "ada@b.example", "confirm");
  same(auth.currentUser().id, user.id, "currentUser");
  await refused(auth.confirm("nonsense"), 404, "confirm twice");

  user = await auth.login("ada@b.example", "pässwörd&=+", true);
  const before = await user.jwt();
  gate.user("role", "ada@b.example", "admin", "editor");
  const after = await user.jwt(true);
  same(before === after, false, "jwt(true) is another token");
  const roles = JSON.parse(Buffer.from(after.split(".")[1], "base64url")).app_metadata.roles;
  same(roles, ["admin", "editor"], "roles in the next token");
  same((await user.getUserData()).app_metadata.roles, ["admin", "editor"], "getUserData");
  same((await user.update({ data: { colour: "green" } })).user_metadata.colour, "green", "update");
  await refused(user.update({ app_metadata: { roles: [] } }), 401, "update of app_metadata");

  await user.update({ email: "grace@b.example" });
  same((await user.update({ email_change_token: token() })).email, "grace@b.example", "change of address");
  await auth.requestPasswordRecovery("grace@b.example");
  user = await auth.recover(token(), true);
  await user.update({ password: "new password" });
  user = await auth.login("grace@b.example", "new password");

  // The admin API asks for GoTrue's own role.
  await refused(user.admin.listUsers(""), 401, "listUsers without the role");
  const id = user.id;
  const running = JSON.parse((await import("node:fs")).readFileSync(`${gate.identity}/running.json`, "utf8"));
  const promoted = await gate.ask(`/.netlify/identity/admin/users/${id}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${running.token}` },
    body: JSON.stringify({ role: "admin" }),
  });
  same(promoted.status, 200, promoted.text);
  const listed = await user.admin.listUsers("");
  same(listed.users.map((one) => one.email), ["grace@b.example"], "listUsers");
  const created = await user.admin.createUser("alan@b.example", "password", { confirm: true });
  same(created.email, "alan@b.example", "createUser");
  same((await user.admin.getUser(created)).id, created.id, "getUser");
  const changed = await user.admin.updateUser(created, { app_metadata: { roles: ["x"] } });
  same(changed.app_metadata.roles, ["x"], "updateUser");
  same((await auth.login("alan@b.example", "password")).email, "alan@b.example", "log in as the user that was made");
  user = await auth.login("grace@b.example", "new password");
  await user.admin.deleteUser(created);
  await refused(auth.login("alan@b.example", "password"), 400, "log in as a user who is gone");

  user = await auth.login("grace@b.example", "new password");
  gate.user("invite", "invited@b.example", "--role", "member");
  const external = new URL(auth.acceptInviteExternalUrl("github", token()));
  const sent = await gate.ask(external.pathname + external.search);
  same([sent.status, sent.headers.location.includes("/stand-in?state=")], [302, true], "acceptInviteExternalUrl");
  const invited = await auth.acceptInvite(token(), "a password", true);
  same(invited.app_metadata.roles, ["member"], "acceptInvite");
  const shown = await auth.createUser(
    await (async () => {
      const answer = await gate.ask("/.netlify/identity/token", {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: "grant_type=password&username=invited%40b.example&password=a%20password",
      });
      return JSON.parse(answer.text);
    })(),
  );
  same(shown.email, "invited@b.example", "createUser of a token answer");
  same((await auth.validateCurrentSession()).email, "invited@b.example", "validateCurrentSession");
  await shown.logout();
  same(auth.currentUser(), null, "logout");
  called.all();
  console.log("gotrue-js: every method");
} finally {
  await gate.stop();
}
