// Reports a script of the page that fails to load. A separate file, because the other scripts may be missing.
addEventListener("error", ({ target }) => {
  if (target.src) document.getElementById("swagger-ui").textContent = "A part of this page did not load. Reload it, or try again later.";
}, true);
