// A month with the days that have times, and the times of the chosen day.

import "./node_modules/cally/dist/cally.js";
import { OWN_ZONE, YEAR_DAYS, addDays, nextMonth, today } from "./availability.js";
import { button, h, icon, skeletons } from "./dom.js";
import { subject } from "./types-view.js";

/** Shows the day in the URL. A change of day or month only, with the same event types and zone, keeps the view. */
export function showTimes(page) {
  const { types, zone, day } = page.state;
  const uris = types.map((type) => type.uri);
  const key = [zone, ...uris].join();
  if (page.times?.key !== key) build(page, { key, zone, uris });
  void openMonth(page, (day ?? today(zone)).slice(0, 7), day);
}

function build(page, times) {
  const { text, format: { locale, firstDay: firstDayOfWeek }, state: { zone } } = page;
  const zones = new Set([zone, OWN_ZONE, "UTC", ...Intl.supportedValuesOf("timeZone")]);
  const select = h("select", {}, [...zones].map((name) => new Option(name.replaceAll("_", " "), name)));
  select.onchange = () => {
    page.go({ zone: select.value });
    page.view.querySelector("select").focus();
  };
  const zoneName = h("span", { className: "muted" }, zoneText(page.format, Date.now(), zone));
  const [heading, panel] = [h("span", { slot: "heading" }), h("section", { className: "panel", tabIndex: -1 })];
  const turn = (slot, sign, name) => h("span", { slot }, h("span", { ariaHidden: "true" }, sign), h("span", { className: "hidden" }, text(name)));
  const calendar = h("calendar-date",
    { locale, firstDayOfWeek, formatWeekday: "short", min: today(zone), today: today(zone), max: addDays(today(zone), YEAR_DAYS) },
    turn("previous", "‹", "previousMonth"), heading, turn("next", "›", "nextMonth"), h("calendar-month"));
  calendar.addEventListener("change", () => page.go({ day: calendar.value }));
  calendar.addEventListener("focusday", ({ detail }) => {
    const month = detail.toISOString().slice(0, 7);
    if (month !== times.month) void openMonth(page, month);
  });
  const label = h("label", { className: "zone" }, h("span", {}, icon("globe"), text("timeZone")), select, zoneName);
  page.render(h("div", { className: "booking" }, subject(page, page.back({ types: [], day: undefined, several: times.uris.length > 1 }), label), calendar, panel));
  page.times = Object.assign(times, { calendar, heading, panel, zoneName });
}

const zoneText = (format, moment, zone) => `${format.zone(moment, zone, "shortOffset")} · ${format.zone(moment, zone)}`;

/** Opens a month on a day, or on its first day with times. If it has none, the first view moves on to the next times. */
function openMonth(page, month, day) {
  const { text, format, availability, times } = page;
  const { calendar, panel, uris, zone } = times;
  const isFirst = !times.month && !day;
  times.month = month;
  times.heading.textContent = format.month(month);
  focusDay(calendar, day ?? [`${month}-01`, today(zone)].sort().at(-1));
  markDays(calendar, undefined);
  if (panel.matches(":focus-within")) panel.focus();
  panel.replaceChildren(page.subheading(day ? format.day(day) : "\u00a0"), skeletons("times", "time", 12));
  page.say(text("loading"));
  return page.attempt(panel, async (isCurrent) => {
    const days = await availability.month(uris, zone, month);
    if (!isCurrent()) return;
    markDays(calendar, days);
    const shown = day ?? days.keys().next().value;
    if (days.has(shown)) {
      page.replace({ day: shown });
      showDay(page, shown, days.get(shown));
      return void availability.month(uris, zone, nextMonth(month)).catch(() => {});
    }
    const next = [...days.keys()].find((later) => later > day) ?? (await availability.first(uris, zone, `${nextMonth(month)}-01`))?.day;
    if (!isCurrent()) return;
    if (isFirst && next) return openMonth(page, next.slice(0, 7), next);
    page.replace({ day: day ?? `${month}-01` });
    const words = isFirst ? text("noneAtAll") : day ? text("noneOnDay", { day: format.day(day) }) : text("noneInMonth", { month: format.month(month) });
    const jump = next && button("secondary", () => page.go({ day: next }), text("nextFree", { day: format.day(next) }));
    panel.replaceChildren(takenNotice(page), h("div", { className: "none" }, icon("calendar"), h("p", {}, words), jump));
    page.say([words, jump?.textContent].join(" "));
  });
}

function markDays(calendar, days) {
  const has = (date) => days?.has(date.toISOString().slice(0, 10));
  Object.assign(calendar, { isDateDisallowed: (date) => !has(date), getDayParts: (date) => (has(date) ? "free" : "") });
  calendar.classList.toggle("loading", !days);
}

/** Moves the calendar to a day, unless the calendar has the keyboard focus. */
const focusDay = (calendar, day) => calendar.matches(":focus-within") || (calendar.focusedDate = day);

function showDay(page, day, slots) {
  const { format, times: { calendar, panel, zone, zoneName } } = page;
  calendar.value = day;
  focusDay(calendar, day);
  const names = slots.map(({ start }) => format.time(start, zone));
  // A clock change repeats an hour, so the offset distinguishes its times.
  const isTwice = (name) => names.indexOf(name) !== names.lastIndexOf(name);
  const named = slots.map(({ start }, index) => names[index] + (isTwice(names[index]) ? ` ${format.zone(start, zone, "shortOffset")}` : ""));
  zoneName.textContent = zoneText(format, slots[0].start, zone);
  panel.replaceChildren(takenNotice(page), page.subheading(format.day(day)), timeList(page, slots, named));
  page.say(page.text("timesCount", { day: format.day(day), count: slots.length }));
  panel.querySelector(".taken")?.focus();
}

function timeList(page, slots, names) {
  const time = (slot, name) => h("li", {}, button("time", ({ currentTarget }) => choose(page, slot, currentTarget, name), name));
  return h("ul", { className: "times" }, slots.map((slot, index) => time(slot, names[index])));
}

/** Checks whether a clicked time is still free. Shows the summary if so, and the next free times otherwise. */
function choose(page, slot, clicked, name) {
  const { panel, uris, zone } = page.times;
  panel.querySelector(".notice")?.remove();
  const notice = h("div");
  panel.prepend(notice);
  clicked.ariaBusy = "true";
  page.say(page.text("checking", { time: name }));
  return page.attempt(notice, async (isCurrent) => {
    const { slot: free, next } = await page.availability.check(uris, zone, slot.start).finally(() => (clicked.ariaBusy = null));
    if (!isCurrent()) return;
    page.checked = free;
    if (free) return page.go({ day: slot.day, at: slot.start });
    page.taken = { at: slot.start, next };
    return openMonth(page, slot.day.slice(0, 7), slot.day);
  });
}

/** Says, once, that a time has been taken. */
function takenNotice(page) {
  const { text, format, taken, times: { zone } } = page;
  page.taken = undefined;
  if (!taken) return "";
  const names = taken.next.map((slot) => `${format.shortDay(slot.day)}, ${format.time(slot.start, zone)}`);
  const words = [h("strong", {}, text("taken", { time: format.time(taken.at, zone) })), " ", text(names.length ? "takenNext" : "takenNone")];
  return h("div", { className: "notice taken", role: "alert", tabIndex: -1 }, h("p", {}, words), timeList(page, taken.next, names));
}
