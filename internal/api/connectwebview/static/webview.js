// The page works without this: it searches, shows progress, fills in, and tells an embedding page
// how it ended.
"use strict";

const { event: outcome, redirect, unopened, webview } = document.body.dataset;

// Once the address has been used up, the page can be loaded again in this browser without its token.
if (unopened === undefined && (location.search.includes("auth_token") || !location.search)) {
  if (webview) history.replaceState(null, "", location.pathname + "?connect_webview_id=" + encodeURIComponent(webview));
}

if (outcome) {
  if (window.parent !== window) {
    // What is told is no secret: any page that frames this one may hear it.
    window.parent.postMessage(outcome, "*");
    window.parent.postMessage({ type: outcome, event_type: outcome, connect_webview_id: webview }, "*");
  }
  if (redirect && outcome === "connect_webview.login_succeeded") setTimeout(() => location.replace(redirect), 1500);
}

for (const button of document.querySelectorAll("[data-close]")) {
  // A script may close only what a script has opened, or tell the page around it to.
  if (window.opener || window.parent !== window) {
    button.hidden = false;
    document.getElementById("close-by-hand").hidden = true;
  }
  button.addEventListener("click", () => {
    if (window.parent !== window) window.parent.postMessage({ type: "connect_webview.close", connect_webview_id: webview }, "*");
    window.close();
  });
}

// Escape closes the Console's dialog around this page, as it does outside of the frame. No other site
// hears of keys.
addEventListener("keydown", (e) => {
  if (e.key !== "Escape" || e.isComposing || e.target.value && e.target.type === "search") return; // which Escape empties
  let around;
  try {
    around = window.parent.location.origin;
  } catch {
    return; // another site's
  }
  if (window.parent !== window && around === location.origin) {
    window.parent.postMessage({ type: "connect_webview.close", connect_webview_id: webview }, around);
  }
});

const search = document.getElementById("search");
if (search) {
  search.parentElement.hidden = false;
  const rows = [...document.querySelectorAll("#brands li")];
  const nothing = document.getElementById("nothing");
  const plain = (text) => text.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]/g, "");
  search.addEventListener("input", () => {
    const wanted = plain(search.value);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !plain(row.textContent).includes(wanted);
      if (!row.hidden) shown++;
    }
    nothing.hidden = shown > 0;
    nothing.querySelector("b").textContent = search.value;
  });
  search.addEventListener("keydown", (e) => {
    const shown = rows.filter((row) => !row.hidden);
    if (e.key === "Enter" && shown.length === 1) shown[0].querySelector("button").click();
  });
}

for (const input of document.querySelectorAll("[data-time-zone]")) {
  if (!input.value) input.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
}

for (const button of document.querySelectorAll("[data-peek]")) {
  const input = document.getElementById(button.dataset.peek);
  button.hidden = false;
  button.addEventListener("click", () => {
    const show = input.type === "password";
    input.type = show ? "text" : "password";
    button.textContent = show ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(show));
  });
}

for (const button of document.querySelectorAll("[data-fill-in]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const value of document.querySelectorAll("[data-fill]")) document.getElementById(value.dataset.fill).value = value.textContent;
    button.closest("details").open = false;
  });
}

for (const form of document.querySelectorAll("[data-connects]")) {
  form.addEventListener("submit", () => {
    // After the form was read, so that hiding it changes nothing of what is sent.
    setTimeout(() => {
      document.getElementById("form-screen").hidden = true;
      document.getElementById("progress").hidden = false;
    });
    const text = document.getElementById("progress-text");
    setTimeout(() => { text.textContent = "Looking for your devices"; }, 2500);
    setTimeout(() => { text.textContent = "Still working. Some brands take a while."; }, 9000);
  });
}

// Coming back to a page that was left shows the form again.
addEventListener("pageshow", (e) => {
  if (!e.persisted) return;
  const screen = document.getElementById("form-screen"), progress = document.getElementById("progress");
  if (screen && progress) { screen.hidden = false; progress.hidden = true; }
});
