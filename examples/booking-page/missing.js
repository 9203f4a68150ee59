// Says so when a script of the page does not load: none of the others could.
addEventListener("error", ({ target }) => {
  if (target.src) document.getElementById("status").textContent = "A part of this page did not load. Reload it, or try again later.";
}, true);
