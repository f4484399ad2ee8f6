// The map of a job's slots: axes and zoom by uPlot, cells by paintCells, keys and hover here.
const UTC = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");

class SlotMap {
  constructor(job, holder) {
    this.job = job;
    this.places = placesOf(job);
    this.holder = holder;
    this.hidden = new Set();
    this.at = -1;
    this.tip = element("div", { class: "tip", "aria-hidden": "true" });
    this.ring = element("div", { class: "ring", "aria-hidden": "true" });
    this.live = element("p", { class: "unseen", "aria-live": "polite" });
    this.facts = element("div", { class: "facts" });
    this.frame = element("div", {
      class: "frame", tabindex: "0", role: "application", "aria-roledescription": "map of slots",
      "aria-label": `${job.name}: ${plural(job.timed, "slot")}, ${this.places.says}`,
      "aria-describedby": "map-keys",
    });
    this.legend = this.makeLegend();
    holder.append(this.makeBar(), this.frame, this.live, this.facts);
    this.draw();
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.frame.addEventListener("focus", () => this.at < 0 && this.select(this.firstOfInterest()));
    this.showFacts();
  }

  makeBar() {
    const button = (label, name, act) => {
      const made = element("button", { type: "button", "aria-label": name, title: name }, label);
      made.addEventListener("click", act);
      return made;
    };
    return element("div", { class: "bar" }, this.legend, element("div", { class: "tools" },
      button("Next problem", "Select the next slot with a problem", () => this.problem(1)),
      button("+", "Zoom in", () => this.zoom(0.5)),
      button("−", "Zoom out", () => this.zoom(2)),
      button("All", "Show the whole period", () => this.reset())));
  }

  makeLegend() {
    const counts = new Array(STATES.length).fill(0);
    for (const code of this.job.states) counts[code]++;
    const legend = element("div", { class: "legend", role: "group", "aria-label": "Show only these states" });
    STATES.forEach((state, code) => {
      if (!counts[code]) return;
      const button = element("button", { type: "button", "aria-pressed": "true", title: state.says },
        element("span", { class: `swatch ${state.key}` }, state.letter),
        state.key, element("b", {}, number(counts[code])));
      button.addEventListener("click", () => this.toggle(code, button));
      legend.append(button);
    });
    return legend;
  }

  toggle(code, button) {
    const shown = this.hidden.delete(code);
    if (!shown) this.hidden.add(code);
    button.setAttribute("aria-pressed", String(shown));
    this.chart.redraw(false);
  }

  size() {
    const { columns, rows, cell, axisWidth } = this.places;
    const room = Math.max(240, roomIn(this.holder));
    return { width: Math.min(room, axisWidth + 40 + columns * cell[0]), height: Math.round(rows * cell[1]) + 40 };
  }

  draw() {
    const { places } = this;
    const muted = () => colour("--muted");
    const axis = { stroke: muted, font: "12px system-ui, sans-serif", grid: { show: false }, ticks: { show: false } };
    const xAxis = { ...axis, size: 36, gap: 6, space: 70, values: dateTicks };
    if (places.xText) {
      xAxis.incrs = [600, 1800, 3600, 7200, 10800, 21600];
      xAxis.values = (_, values) => values.map(places.xText);
    }
    const { width, height } = this.size();
    this.chart = new uPlot({
      width, height, tzDate: UTC, padding: [8, 40, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: places.xTime, range: (_, low, high) => [low, high] },
        y: { dir: -1, range: (_, low, high) => [low, high] },
      },
      axes: [xAxis, {
        ...axis, size: places.axisWidth, gap: 6, splits: (chart) => this.yTicks(chart),
        values: (_, values) => values.map((value) => places.yText(places.centre ? value - 0.5 : value)),
      }],
      series: [{}, { paths: () => null, points: { show: false } }],
      cursor: { x: false, y: false, points: { show: false }, drag: { x: true, y: places.rows > 1, uni: 24, setScale: true }, focus: { prox: -1 } },
      hooks: {
        draw: [(chart) => { paintCells(chart, this.job, places, this.hidden); this.placeRing(); }],
        setCursor: [(chart) => this.hover(chart)],
      },
    }, [places.x, places.y], this.frame);
    this.chart.over.append(this.ring, this.tip);
    this.chart.over.addEventListener("click", () => this.hovered >= 0 && this.select(this.hovered));
  }

  yTicks(chart) {
    const { yTicks, yFine, centre } = this.places;
    const { min, max } = chart.scales.y;
    if (centre) return yTicks.map((tick) => tick + 0.5).filter((tick) => tick >= min && tick <= max);
    if (!yFine) return yTicks;
    const step = yFine.find((each) => (max - min) / each <= 9) ?? yFine.at(-1);
    const ticks = [];
    for (let tick = Math.ceil(min / step) * step; tick <= max; tick += step) ticks.push(tick);
    return ticks;
  }

  resize() {
    this.chart.setSize(this.size());
  }

  reset() {
    this.show(this.places.x, this.places.y);
  }

  show([left, right], [top, bottom]) {
    this.chart.batch(() => {
      this.chart.setScale("x", { min: left, max: right });
      this.chart.setScale("y", { min: top, max: bottom });
    });
  }

  // Around the selected slot, or the middle.
  zoom(factor) {
    const { places, chart } = this;
    const around = (axis, middle) => {
      const { min, max } = chart.scales[axis];
      const [low, high] = places[axis];
      const span = Math.min(high - low, (max - min) * factor);
      const from = Math.max(low, Math.min(high - span, middle(min, max) - span / 2));
      return [from, from + span];
    };
    const at = this.at;
    const middle = (first, last) => (min, max) => (at < 0 ? (min + max) / 2 : (first(at) + last(at)) / 2);
    this.show(around("x", middle(places.x0, places.x1)),
      places.rows > 1 ? around("y", middle(places.y0, places.y1)) : places.y);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.job.timed - 1;
    const moves = {
      ArrowLeft: () => this.move(-1, 0), ArrowRight: () => this.move(1, 0),
      ArrowUp: () => this.move(0, -1), ArrowDown: () => this.move(0, 1),
      Home: () => this.select(0), End: () => this.select(last),
      n: () => this.problem(1), p: () => this.problem(-1),
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2),
      0: () => this.reset(), Escape: () => this.reset(),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  }

  move(dx, dy) {
    this.select(this.places.step(Math.max(0, this.at), dx, dy));
  }

  firstOfInterest() {
    const found = this.job.states.findIndex((code, slot) => slot < this.job.timed && isProblem(code));
    return Math.max(0, found);
  }

  problem(direction) {
    const { timed, states } = this.job;
    let slot = this.at;
    for (let tried = 0; tried < timed; tried++) {
      slot = slot < 0 ? (direction > 0 ? 0 : timed - 1) : (slot + direction + timed) % timed;
      if (isProblem(states[slot])) return this.select(slot);
    }
    this.live.textContent = "No problems found.";
  }

  select(slot) {
    this.at = slot;
    this.bringIntoView();
    this.placeRing();
    this.live.textContent = sentence(this.job, slot);
    this.showFacts();
  }

  bringIntoView() {
    const { places, chart, at } = this;
    const shifted = (axis, from, to) => {
      const { min, max } = chart.scales[axis];
      const move = from < min ? from - min : to > max ? to - max : 0;
      return [min + move, max + move];
    };
    const x = shifted("x", places.x0(at), places.x1(at));
    const y = shifted("y", places.y0(at), places.y1(at));
    if (x[0] !== chart.scales.x.min || y[0] !== chart.scales.y.min) this.show(x, y);
  }

  placeRing() {
    const { places, chart, ring, at } = this;
    ring.hidden = at < 0;
    if (at < 0) return;
    const left = chart.valToPos(places.x0(at), "x");
    const top = chart.valToPos(places.y0(at), "y");
    const width = chart.valToPos(places.x1(at), "x") - left;
    const height = chart.valToPos(places.y1(at), "y") - top;
    ring.hidden = left + width < 0 || top + height < 0 || left > chart.over.clientWidth || top > chart.over.clientHeight;
    Object.assign(ring.style, {
      left: `${left - 3}px`, top: `${top - 3}px`, width: `${Math.max(3, width) + 5}px`, height: `${Math.max(3, height) + 5}px`,
    });
  }

  hover(chart) {
    const { left, top } = chart.cursor;
    const slot = left < 0 ? -1 : this.places.find(chart.posToVal(left, "x"), chart.posToVal(top, "y"));
    this.tip.hidden = slot < 0;
    if (slot === this.hovered) return this.placeTip(left, top);
    this.hovered = slot;
    if (slot >= 0) {
      this.tip.replaceChildren(...slotLines(this.job, slot));
      this.placeTip(left, top);
    }
  }

  placeTip(left, top) {
    const room = this.chart.over.clientWidth;
    const flip = left > room / 2;
    Object.assign(this.tip.style, {
      left: flip ? "" : `${left + 14}px`, right: flip ? `${room - left + 14}px` : "", top: `${top + 14}px`,
    });
  }

  showFacts() {
    this.facts.replaceChildren(...(this.at < 0
      ? [element("p", { class: "muted" }, "Point at a slot or use the arrow keys. Drag to zoom in, double-click to reset.")]
      : [element("h4", {}, "Selected slot"), ...slotLines(this.job, this.at)]));
  }
}

// A slot and its files, for the tooltip and the details below the map.
function slotLines(job, index) {
  const slot = job.slot(index);
  const state = STATES[slot.state];
  const lines = [element("p", { class: "head" },
    element("span", { class: `swatch ${state.key}` }, state.letter),
    ` ${state.key} `, element("span", { class: "muted" }, period(slot.start, slot.end)))];
  if (slot.why && !slot.files.some((file) => file.why.endsWith(slot.why))) lines.push(element("p", {}, slot.why));
  if (slot.expected !== null) lines.push(element("p", {}, `provider reports ${plural(slot.expected, "record")}`));
  for (const file of slot.files.slice(0, 4)) lines.push(fileBlock(job, file));
  if (slot.fileCount > 4) lines.push(element("p", { class: "muted" }, `and ${plural(slot.fileCount - 4, "more file")}`));
  return lines;
}

function fileBlock(job, file) {
  const rows = element("dl", { class: "file" });
  const row = (name, value) => value && rows.append(element("dt", {}, name), element("dd", {}, value));
  row("file", fileLink(job, file));
  row("state", STATES[file.state].key + (file.why ? `: ${file.why}` : ""));
  row("records", file.records === null ? null : number(file.records));
  row("bytes", file.size === null ? null : number(file.size));
  row("proof", file.proof);
  row("sha256", job.sha256(file.id));
  row("fetched", file.fetched === null ? null : `${moment(file.fetched)} UTC`);
  return rows;
}
