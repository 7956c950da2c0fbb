// What the pages tell of the visitor: event handlers of the widget, and plain JavaScript.
const identity = window.netlifyIdentity;
const state = document.querySelector("#state");
const log = document.querySelector("#log");

// What the gate reads: the token, and not the user as the widget remembers it.
function rolesOf(user) {
  const payload = user?.token?.access_token?.split(".")[1];
  if (!payload) return [];
  const bytes = Uint8Array.from(atob(payload.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)).app_metadata?.roles ?? [];
}

function show(user) {
  if (!state) return;
  const roles = rolesOf(user);
  state.textContent = user
    ? `You are logged in as ${user.email}. Roles: ${roles.length ? roles.join(", ") : "none"}.`
    : "You are not logged in.";
  for (const part of document.querySelectorAll("[data-for]")) {
    part.hidden = part.dataset.for !== (user ? "user" : "visitor");
  }
}

function note(text) {
  if (!log) return;
  const line = document.createElement("li");
  line.textContent = text;
  log.append(line);
}

if (identity) {
  identity.on("init", (user) => { note("init"); show(user); });
  identity.on("login", (user) => { note("login"); show(user); });
  identity.on("logout", () => { note("logout"); show(null); });
  identity.on("open", () => note("open"));
  identity.on("close", () => note("close"));
  identity.on("error", (error) => note(`error: ${error.message}`));
  document.querySelector("#log-in")?.addEventListener("click", () => identity.open("login"));
  document.querySelector("#log-out")?.addEventListener("click", () => identity.logout());
  document.querySelector("#refresh")?.addEventListener("click", async () => {
    await identity.refresh(true);
    note("refresh");
    show(identity.currentUser());
  });
} else if (state) {
  state.textContent = "The widget is not here: run `npm install` in the folder of this example.";
}
