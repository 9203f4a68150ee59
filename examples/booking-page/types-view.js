// Event types as cards: links, or check boxes to choose several.

import { button, h, icon } from "./dom.js";

export function showTypes(page) {
  const { several, isUnknown } = page.state;
  const { text } = page;
  const types = page.types.filter((type) => !type.secret);
  const hint = text(types.length === 0 ? "nothing" : isUnknown ? "unknownType" : several ? "severalHint" : "chooseType");
  const cards = h("ul", { className: "cards" }, types.map((type) => h("li", {}, several ? choice(page, type) : card(page, type))));
  const chosen = () => types.filter((_, index) => cards.querySelectorAll("input")[index].checked);
  const show = button("primary", () => page.go({ types: chosen(), several: false }), text("severalShow"));
  show.disabled = true;
  // The API takes up to 10 event types.
  cards.onchange = () => {
    show.disabled = chosen().length < 2;
    for (const box of cards.querySelectorAll("input:not(:checked)")) box.disabled = chosen().length >= 10;
  };
  const mode = several ? page.back({ several: false }) : button("quiet", () => page.go({ several: true }), icon("people"), text("several"));
  const title = h("div", {}, page.heading(text(several ? "severalTitle" : "title")), h("p", { className: "about" }, hint));
  page.render(h("div", { className: "head" }, title, types.length > 1 && mode), cards, several && h("div", { className: "bar" }, show));
  page.say("");
}

function card(page, type) {
  const changes = { types: [type], day: undefined, at: undefined };
  const onclick = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    page.go(changes);
  };
  return h("a", { className: "card", href: page.address(changes), onclick }, describe(page, type));
}

const choice = (page, type) => h("label", { className: "card choice" }, h("input", { type: "checkbox" }), describe(page, type));

function describe(page, type) {
  const stripe = h("span", { className: "stripe" });
  stripe.style.backgroundColor = type.color;
  const about = type.description_plain && h("span", { className: "about" }, type.description_plain);
  return [stripe, h("span", { className: "name" }, nameOf(page, type)), about, facts(page, type)];
}

const nameOf = (page, type) => type.name ?? page.text("unnamed");

function facts(page, type) {
  const { texts: { places }, list, length } = page.format;
  const owners = new Set(page.types.map(({ profile }) => profile?.name));
  const where = (type.locations ?? []).map(({ kind, location }) => (kind === "physical" && location) || places[kind] || places.custom);
  const parts = { clock: length(type.duration), place: list(new Set(where), "disjunction"), people: owners.size > 1 && type.profile?.name };
  return h("span", { className: "facts" }, Object.entries(parts).map(([name, words]) => words && h("span", {}, icon(name), words)));
}

/** The booked event type, or the names of several. Shown next to the times and in the summary. */
export function subject(page, back, ...more) {
  const { types } = page.state;
  const [type] = types;
  const isOne = types.length === 1;
  const about = isOne ? type.description_plain : page.text("severalNames", { names: page.format.list(types.map((type) => nameOf(page, type))) });
  const title = isOne ? nameOf(page, type) : page.text("severalTitle");
  return h("header", { className: "subject" }, back, page.heading(title), isOne && facts(page, type), about && h("p", { className: "about" }, about), more);
}
