// The summary of the choice, and the link to Calendly's page.

import { dayOf } from "./availability.js";
import { h, icon, link } from "./dom.js";
import { subject } from "./types-view.js";

export function showSummary(page) {
  const { text, format, state: { types, at, zone } } = page;
  const day = dayOf(at, zone);
  const end = types.length === 1 ? Date.parse(at) + types[0].duration * 60_000 : at;
  const facts = { calendar: format.fullDay(day), clock: format.time(at, zone, end), globe: format.zone(at, zone) };
  const when = h("div", { className: "when" }, Object.entries(facts).map(([name, words]) => h("p", {}, icon(name), words)));
  const box = h("div", { className: "confirm", ariaBusy: "true" }, h("p", { className: "muted" }, text("loading")), h("div", { className: "primary skeleton" }));
  const panel = h("section", { className: "panel" }, page.subheading(text("summary")), when, box);
  page.render(h("div", { className: "booking summary" }, subject(page, page.back({ day, at: undefined })), panel));
  void page.attempt(box, async (isCurrent) => {
    // A clicked time has just been checked. A time from a link has not.
    let slot = page.checked;
    page.checked = undefined;
    if (slot?.start !== at) {
      const found = await page.availability.check(types.map((type) => type.uri), zone, at);
      if (!isCurrent()) return;
      slot = found.slot;
      page.taken = slot ? undefined : { at, next: found.next };
    }
    if (!slot) return page.go({ day, at: undefined }, "replaceState");
    const links = types.map((type) => {
      const words = types.length === 1 ? text("confirm") : text("confirmFor", { name: type.name ?? text("unnamed") });
      return link(slot.byType[type.uri].scheduling_url, { className: "primary", target: "_top" }, words) ?? h("p", {}, text("noLink"));
    });
    box.replaceChildren(h("p", { className: "muted" }, text("summaryHint")), ...links);
    box.ariaBusy = null;
    page.say(text("summaryHint"));
  });
}
