// <booking-page api="https://…" token="/…">: choose an event type, a day and a time, then go to Calendly's page.
// The URL holds the current step, so that Back works and links can be shared.

import { Api, Problem, fetchJson } from "./api.js";
import { Availability, OWN_ZONE, YEAR_DAYS, addDays, isDay, isZone, today } from "./availability.js";
import { button, h, skeletons } from "./dom.js";
import { Format } from "./format.js";
import { showSummary } from "./summary-view.js";
import { showTimes } from "./times-view.js";
import { showTypes } from "./types-view.js";

const sheet = new CSSStyleSheet();
await sheet.replace(await (await fetch(new URL("booking-page.css", import.meta.url))).text());

class BookingPage extends HTMLElement {
  connectedCallback() {
    this.end = new AbortController();
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    void new Page(this, this.end.signal).start();
  }

  disconnectedCallback() {
    this.end.abort();
  }

  /** Fetches an access token for the visitor. A site may assign its own function. */
  async newToken() {
    const { access_token, expires_in } = await fetchJson(this.getAttribute("token"), { method: "POST" });
    return { token: access_token, seconds: expires_in };
  }
}

/** Shared by the views: the state, which is the URL; API calls and their problems; and the texts. */
class Page {
  status = h("p", { className: "hidden", role: "status" });
  view = h("div");
  #turn = 0;
  #level = document.querySelector("h1") ? 2 : 1;

  constructor(element, signal) {
    this.format = new Format(element.getAttribute("lang"));
    this.api = new Api(element.getAttribute("api"), () => element.newToken());
    this.availability = new Availability(this.api);
    Object.assign(this, { element, signal, text: this.format.text });
    const { language: lang, texts: { direction: dir } } = this.format;
    element.shadowRoot.replaceChildren(h("div", { lang, dir }, this.status, this.view));
    addEventListener("popstate", () => this.types && this.#show(true), { signal });
    addEventListener("online", () => this.retryOnline?.(), { signal });
  }

  async start() {
    const list = skeletons("cards", "card", 6);
    this.render(h("div", { className: "head" }, this.heading(this.text("title"))), list);
    this.say(this.text("loading"));
    await this.attempt(list, async () => {
      const all = await this.api.get("user-event-types", { active: true });
      this.types = all.filter(({ booking_method = "instant", deleted_at }) => booking_method === "instant" && !deleted_at);
      this.#show();
    });
  }

  /** Runs an action and shows its problem in `box`. A superseded action shows nothing. */
  async attempt(box, action) {
    const turn = ++this.#turn;
    clearInterval(this.timer);
    this.retryOnline = undefined;
    if (this.signal.aborted) return;
    const isCurrent = () => turn === this.#turn && !this.signal.aborted;
    try {
      await action(isCurrent);
    } catch (problem) {
      if (!(problem instanceof Problem)) reportError(problem);
      if (isCurrent()) this.#showProblem(box, problem, () => this.attempt(box, action));
    }
  }

  #showProblem(box, { code, status, requestId, retryAfter }, again) {
    const { problems, offline, busy, unknownProblem } = this.format.texts;
    const isOffline = code === "unreachable" && !navigator.onLine;
    if (isOffline) this.retryOnline = again;
    const words = isOffline ? offline : status === 429 ? busy : problems[code] ?? unknownProblem;
    const reference = requestId && h("p", { className: "muted" }, this.text("reference"), " ", h("code", {}, requestId));
    // The countdown is outside the alert, so that screen readers do not announce every second.
    const action = retryAfter ? h("p") : button("secondary", again, this.text("retry"));
    this.say("");
    box.replaceChildren(h(box.localName === "ul" ? "li" : "div", { className: "notice problem" }, h("div", { role: "alert" }, h("p", {}, words), reference), action));
    box.ariaBusy = null;
    if (!retryAfter) return;
    let seconds = retryAfter;
    const tick = () => {
      action.textContent = this.text("retryIn", { seconds });
      if (seconds-- <= 0) void again();
    };
    tick();
    this.timer = setInterval(tick, 1000);
  }

  #read() {
    const query = new URL(location.href).searchParams;
    const names = query.getAll("event_type");
    const types = names.map((name) => this.types.find((type) => this.#nameInAddress(type) === name)).filter(Boolean);
    const zone = [query.get("timezone"), OWN_ZONE].find(isZone);
    const day = [query.get("day")].find((text) => isDay(text) && text >= today(zone) && text <= addDays(today(zone), YEAR_DAYS));
    const at = [query.get("at")].find((text) => Date.parse(text));
    return { types, day, at, zone, several: query.has("several"), isUnknown: types.length < names.length };
  }

  /** The slug of an event type, or its id where the slug is not unique. */
  #nameInAddress = ({ slug, uri }) => (slug && this.types.filter((type) => type.slug === slug).length === 1 ? slug : uri.split("/").at(-1));

  /** The URL of the state with these changes. Keeps other parameters, which belong to the site. */
  address(changes) {
    const { types, day, at, zone, several } = { ...this.state, ...changes };
    const url = new URL(location.href);
    const values = { event_type: types.map((type) => this.#nameInAddress(type)), several: several && "yes", day, at, timezone: zone !== OWN_ZONE && zone };
    for (const [name, value] of Object.entries(values)) {
      url.searchParams.delete(name);
      for (const one of [value || []].flat()) url.searchParams.append(name, one);
    }
    return url.href;
  }

  replace(changes) {
    history.replaceState(null, "", this.address(changes));
    this.state = this.#read();
  }

  go(changes, method = "pushState") {
    history[method](null, "", this.address(changes));
    this.#show(true);
  }

  /** Renders the state in the URL. When the view changes, its heading gets the focus. */
  #show(isMove) {
    this.state = this.#read();
    const before = this.view.firstChild;
    const { types, at } = this.state;
    (types.length === 0 ? showTypes : at ? showSummary : showTimes)(this);
    if (!isMove || before === this.view.firstChild) return;
    this.view.querySelector("[tabindex='-1']").focus({ preventScroll: true });
    if (this.element.getBoundingClientRect().top < 0) this.element.scrollIntoView();
  }

  render(...children) {
    this.times = undefined;
    this.view.replaceChildren(...children.filter(Boolean));
  }

  /** Announces a change to screen readers. */
  say = (words) => (this.status.textContent = words);
  /** The heading of a view, or of a part of it. In a site's page, both are below the site's own. */
  heading = (words) => h(`h${this.#level}`, { className: "title", tabIndex: -1 }, words);
  subheading = (words) => h(`h${this.#level + 1}`, { className: "part" }, words);
  back = (changes) => button("quiet", () => this.go(changes), h("span", { ariaHidden: "true" }, "‹"), this.text("back"));
}

customElements.define("booking-page", BookingPage);
