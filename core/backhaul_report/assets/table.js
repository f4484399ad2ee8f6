// The same slots as a table, a page at a time, for screen readers and for copying.
const PAGE = 100;

class SlotTable {
  constructor(job, holder) {
    this.job = job;
    this.page = 0;
    this.body = element("tbody");
    this.where = element("span", { "aria-live": "polite" });
    this.choice = element("select", { "aria-label": "Slots to show" });
    this.choice.append(element("option", { value: "open" }, "not verified"), element("option", { value: "all" }, "all"));
    const present = new Set(job.states);
    STATES.forEach((state, code) => present.has(code) && this.choice.append(element("option", { value: state.key }, state.key)));
    this.choice.addEventListener("change", () => this.show(0));
    const turn = (label, by) => {
      const button = element("button", { type: "button" }, label);
      button.addEventListener("click", () => this.show(this.page + by));
      return button;
    };
    const head = ["from (UTC)", "to (UTC)", "state", "file", "why", "records", "bytes", "fetched (UTC)", "sha256", "proof"];
    const details = element("details", { class: "slots" }, element("summary", {}, "Slots as a table"),
      element("div", { class: "tools" }, this.choice, turn("Previous", -1), turn("Next", 1), this.where),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${job.name}: slots` },
        element("table", {}, element("thead", {}, element("tr", {},
          ...head.map((name) => element("th", { scope: "col" }, name)))), this.body)));
    details.addEventListener("toggle", () => details.open && this.show(this.page));
    holder.append(details);
  }

  chosen() {
    const wanted = this.choice.value;
    const code = STATE_BY_KEY[wanted];
    const slots = [];
    for (let at = 0; at < this.job.count; at++) {
      const state = this.job.states[at];
      if (wanted === "all" || (wanted === "open" ? state !== VERIFIED : state === code)) slots.push(at);
    }
    return slots;
  }

  show(page) {
    const slots = this.chosen();
    const last = Math.max(0, Math.ceil(slots.length / PAGE) - 1);
    this.page = Math.max(0, Math.min(page, last));
    const part = slots.slice(this.page * PAGE, (this.page + 1) * PAGE);
    this.body.replaceChildren(...part.flatMap((at) => this.rows(at)));
    this.where.textContent = slots.length
      ? `${number(this.page * PAGE + 1)} to ${number(this.page * PAGE + part.length)} of ${plural(slots.length, "slot")}`
      : "none";
  }

  // A slot that is not verified names the files that are not; a verified one all of its files.
  rows(at) {
    const slot = this.job.slot(at);
    const open = slot.files.filter((file) => file.state !== VERIFIED);
    const files = slot.state === VERIFIED ? slot.files : open;
    if (!files.length) return [this.row(slot, slot.state, slot.why, null)];
    return files.map((file) => this.row(slot, file.state, file.why, file));
  }

  row(slot, code, why, file) {
    const state = STATES[code];
    const text = (value) => element("td", {}, value ?? "");
    const count = (value) => element("td", { class: "number" }, value === null || value === undefined ? "" : number(value));
    return element("tr", { "data-start": slot.start === null ? "" : iso(slot.start).replace(".000", ""), "data-state": state.key },
      text(slot.start === null ? "" : moment(slot.start)), text(slot.end === null ? "" : moment(slot.end)),
      element("td", {}, element("span", { class: `swatch ${state.key}`, "aria-hidden": "true" }, state.letter), ` ${state.key}`),
      element("td", {}, file ? fileLink(this.job, file) : ""), text(why), count(file?.records), count(file?.size),
      text(file?.fetched ? moment(file.fetched) : ""),
      element("td", { class: "hash" }, (file && this.job.sha256(file.id)) ?? ""), text(file?.proof));
  }
}
