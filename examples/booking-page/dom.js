// Elements are built, never parsed from text: no answer of the API can become markup.

const ICONS = {
  clock: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  place: "M12 21s7-6.2 7-11a7 7 0 1 0-14 0c0 4.8 7 11 7 11m0-8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5",
  calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.5 20c0-8 13-8 13 0M16 4.5a3.5 3.5 0 0 1 0 6.5M18.5 14.5c2 .8 3 2.6 3 5.5",
};

/** An element with these properties (attributes if it has no such property) and children. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.flat().filter(Boolean));
  return element;
}

export const button = (className, onclick, ...children) => h("button", { type: "button", className, onclick }, ...children);

/** Placeholders for loading content. */
export const skeletons = (className, item, length) =>
  h("ul", { className, ariaBusy: "true" }, Array.from({ length }, () => h("li", {}, h("div", { className: `${item} skeleton` }))));

/** A decorative icon. */
export function icon(name) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.ariaHidden = "true";
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A link if the URL is https:, else `null`, so that no answer can run a script. */
export function link(address, properties, ...children) {
  return URL.parse(address)?.protocol === "https:" ? h("a", { ...properties, href: address }, ...children) : null;
}
