// The open times of event types in a week, as a calendar. A slot leads to Calendly's own page.

import { get } from "./api.js";
import { words } from "./words.js";

// What to wait for when an answer says "too many" and not for how long.
const PATIENCE_SECONDS = 10;

const [eventTypes, timeZones, problemBox, status, box] = [
  "event-types", "time-zone", "problem", "status", "calendar",
].map((id) => document.getElementById(id));
const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
let asked, waiting, shown;

const calendar = new FullCalendar.Calendar(box, {
  initialView: innerWidth < 700 ? "listWeek" : "timeGridWeek",
  headerToolbar: { start: "prev,next today", center: "title", end: "timeGridWeek,listWeek" },
  views: { timeGridWeek: { buttonText: "Week" }, listWeek: { buttonText: "List" } },
  buttonText: { today: "This week" },
  buttonHints: { prev: "Previous week", next: "Next week", today: "This week" },
  viewHint: "Show as $0",
  // The API gives times of the zone asked for, which stand here as they are.
  timeZone: ownZone,
  now: () => new Intl.DateTimeFormat("sv", { timeZone: timeZones.value || ownZone, dateStyle: "short", timeStyle: "medium" }).format().replace(" ", "T"),
  validRange: (now) => ({ start: new Date(now).toISOString().slice(0, 10) }),
  locale: "en-gb",
  firstDay: 1,
  height: "auto",
  allDaySlot: false,
  slotLabelInterval: "01:00",
  slotLabelFormat: time,
  eventTimeFormat: time,
  slotEventOverlap: false,
  noEventsText: "No open times",
  eventDidMount: ({ el, event }) => {
    const link = el.matches("a") ? el : el.querySelector("a");
    if (link) link.title = link.ariaLabel = event.extendedProps.label;
  },
  datesSet: () => void showTimes(),
});

/** One more question to the API; the earlier one no longer counts. Says what went wrong if it goes wrong. */
async function ask(route, parameters, show) {
  asked?.abort();
  clearTimeout(waiting);
  const mine = (asked = new AbortController());
  box.setAttribute("aria-busy", "true");
  status.textContent = "Loading …";
  try {
    const answer = await get(route, parameters, mine.signal);
    if (mine.signal.aborted) return;
    problemBox.replaceChildren();
    show(answer);
  } catch (problem) {
    if (!mine.signal.aborted) showProblem(problem, () => void ask(route, parameters, show));
  } finally {
    if (mine === asked) box.setAttribute("aria-busy", "false");
  }
}

/** Nothing but a sentence. What was asked no longer counts. */
function showNothing(sentence) {
  asked?.abort();
  clearTimeout(waiting);
  problemBox.replaceChildren();
  calendar.removeAllEvents();
  status.textContent = sentence;
}

function showProblem(problem, again) {
  showNothing("");
  const paragraph = (text) => Object.assign(document.createElement("p"), { textContent: text });
  const lines = [words(problem), problem.message].filter(Boolean).map(paragraph);
  if (problem.requestId) lines.push(paragraph(`If you ask for help, quote the request ${problem.requestId}.`));
  const wait = problem.retryAfter ?? (problem.status === 429 ? PATIENCE_SECONDS : null);
  if (wait) {
    lines.push(paragraph(`Trying again in ${wait} seconds.`));
    waiting = setTimeout(again, wait * 1000);
  } else {
    lines.push(Object.assign(document.createElement("button"), { type: "button", textContent: "Try again", onclick: again }));
  }
  problemBox.replaceChildren(...lines);
}

async function showEventTypes() {
  await ask("user-event-types", { active: true }, (all) => {
    const bookable = all.filter((type) => type.booking_method === "instant" && !type.deleted_at && !type.secret);
    eventTypes.append(...bookable.map(asChoice));
    // It then asks for the times of the week that it shows.
    if (bookable.length > 0) calendar.render();
    else status.textContent = "Nothing can be booked at the moment.";
  });
}

function asChoice(type, index) {
  const name = type.name ?? "Without a name";
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name, value: type.uri, checked: index === 0 });
  const label = document.createElement("label");
  label.append(box, ` ${name} (${type.duration} minutes)`);
  return label;
}

async function showTimes() {
  const chosen = [...eventTypes.querySelectorAll(":checked")];
  // The list of what can be booked is still to come, and must not be called off.
  if (!eventTypes.querySelector("input")) return;
  const { activeStart, activeEnd } = calendar.view;
  // Days of the calendar are kept as if they were UTC; the last is the one before its end.
  const day = (date) => date.toISOString().slice(0, 10);
  const zone = timeZones.value;
  const question = [
    ...chosen.map((box) => ["event_type", box.value]),
    ...(chosen.length > 1 ? [["match", "all"]] : []),
    ["timezone", zone], ["start_time", day(activeStart)], ["end_time", day(new Date(activeEnd - 1))],
  ];
  // The calendar calls for every change of what it shows, its hours included.
  if (JSON.stringify(question) === shown) return;
  shown = JSON.stringify(question);
  if (chosen.length === 0) return void showNothing("Choose what for.");
  await ask("check-availability", question, ({ collection }) => {
    // Of several event types, an instant has a slot of each.
    const open = collection.map((entry) => chosen.map((box) => entry.slots?.[box.value] ?? entry))
      .filter((slots) => slots.every((slot) => slot.status === "available"));
    // Beside each other in the grid, their names need the room; it says when.
    box.classList.toggle("several", chosen.length > 1);
    calendar.batchRendering(() => {
      calendar.removeAllEvents();
      for (const [name, value] of Object.entries(grid(open.map(([slot]) => slot)))) calendar.setOption(name, value);
      const names = chosen.length > 1 ? chosen.map((box) => box.name) : [];
      for (const slots of open) slots.forEach((slot, index) => calendar.addEvent(asEvent(slot, zone, names[index])));
    });
    const count = open.length === 1 ? "1 open time" : `${open.length || "No"} open times`;
    status.textContent = `${count} in this week${open.length ? "" : ": look at another one"}.`;
  });
}

function asEvent(slot, timeZone, name) {
  const full = { weekday: "long", day: "numeric", month: "long", ...time, timeZone, timeZoneName: "shortOffset" };
  const label = `Book ${name ? `${name}, ` : ""}${new Intl.DateTimeFormat("en-GB", full).format(new Date(slot.start_time))}`;
  return { title: name ?? "Book", start: slot.local_start_time, url: slot.scheduling_url, label };
}

/** The hours of the grid, those with open times or else office hours, and its rows, as far apart as the times are. */
function grid(slots) {
  const hours = slots.length ? slots.map((slot) => Number(slot.local_start_time.slice(11, 13))) : [9, 17];
  const instants = slots.map((slot) => Date.parse(slot.start_time));
  const gaps = instants.slice(1).map((instant, index) => (instant - instants[index]) / 60_000);
  const row = { minutes: Math.max(5, Math.min(30, ...gaps)) };
  return { slotMinTime: { hours: Math.min(...hours) }, slotMaxTime: { hours: Math.max(...hours) + 1 }, slotDuration: row, defaultTimedEventDuration: row };
}

const zones = new Set([ownZone, "UTC", ...Intl.supportedValuesOf("timeZone")]);
timeZones.replaceChildren(...[...zones].map((zone) => new Option(zone.replaceAll("_", " "), zone)));
eventTypes.addEventListener("change", () => void showTimes());
timeZones.addEventListener("change", () => {
  calendar.setOption("timeZone", timeZones.value);
  void showTimes();
});
void showEventTypes();
