// Small conveniences over pages that work without them: theme, shortcuts, live parts, rows by keyboard.
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const paint = () => { root.dataset.bsTheme = chosen() ?? (dark.matches ? "dark" : "light"); };
  paint();
  dark.addEventListener("change", paint);

  const GO = { o: "operatividad", c: "cargas", i: "incidencias", b: "bandeja", m: "mantenimientos", r: "reportes", a: "administracion" };
  let before = "";
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");

  const rows = () => [...document.querySelectorAll("tr[data-row]")];
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const now = all.findIndex((row) => row.classList.contains("chosen"));
    all[now]?.classList.remove("chosen");
    const next = all[Math.min(all.length - 1, Math.max(0, now + step))];
    next.classList.add("chosen");
    next.querySelector("a")?.focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const key = event.key;
    if (before === "g" && GO[key]) document.querySelector(`[data-go="${GO[key]}"]`)?.click();
    else if (key === "?") document.getElementById("shortcuts")?.showModal();
    else if (key === "/") { event.preventDefault(); document.querySelector("input[type=search]")?.focus(); }
    else if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === "n") document.querySelector("[data-go=nueva]")?.click();
    else if (key === "x") { const first = document.querySelector("details.action"); if (first) { first.open = true; first.querySelector("input:not([type=hidden]), textarea, select, button")?.focus(); } }
    before = key;
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    if (button.dataset.do === "theme") {
      const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
      try { localStorage.setItem("theme", next); } catch { /* a browser without storage keeps the system's */ }
      root.dataset.bsTheme = next;
    } else if (button.dataset.do === "shortcuts") document.getElementById("shortcuts")?.showModal();
    else if (button.dataset.do === "print") { document.querySelectorAll("details[data-print]").forEach((part) => { part.open = true; }); print(); }
  });

  document.addEventListener("submit", (event) => {
    const sent = event.target;
    if (sent.method !== "post") return;
    if (sent.dataset.sent) event.preventDefault();
    sent.dataset.sent = "1";
    setTimeout(() => { delete sent.dataset.sent; }, 5000);
  });

  const refresh = async (part) => {
    if (document.hidden || part.contains(document.activeElement)) return;
    const note = document.getElementById("live-note");
    try {
      const answer = await fetch(part.dataset.live, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      part.innerHTML = await answer.text();
      if (note) note.textContent = "";
    } catch {
      if (note) note.textContent = "Sin conexión con el servidor: lo que se ve puede haber cambiado. Se vuelve a intentar.";
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelector(".is-invalid")?.focus();
    const back = document.querySelector("[data-return]")?.dataset.return;
    if (back) setInterval(async () => { try { if ((await fetch(back)).ok) location.reload(); } catch { /* not yet */ } }, 5000);
    for (const part of document.querySelectorAll("[data-live]")) setInterval(() => refresh(part), 1000 * Number(part.dataset.every ?? 10));
    document.addEventListener("visibilitychange", () => { if (!document.hidden) document.querySelectorAll("[data-live]").forEach(refresh); });
  });
})();
