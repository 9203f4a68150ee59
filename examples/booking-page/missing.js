// Says so when a script of the page does not load: none of the others could.

const sentence = "A part of this page did not load. Reload it, or try again later.";
const say = ({ target }) => target.src && (document.getElementById("status").textContent = sentence);
addEventListener("error", say, true);
