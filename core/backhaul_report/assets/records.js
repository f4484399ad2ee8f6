// Records over time: one bar per slot, hour, day, week or month, whichever is readable.
const MOST_BARS = 400;
const STEPS = [["slot", 0], ["hour", 3600], ["day", DAY], ["week", WEEK], ["month", 30 * DAY]];

// Slots whose files cover several of them have no count of their own but the provider's.
function countsBySlot(job) {
  const counts = new Float64Array(job.timed).fill(NaN);
  let theirs = false;
  for (let at = 0; at < job.timed; at++) {
    if (job.shared.has(at) || !job.fileCounts[at]) {
      counts[at] = job.expected.get(at) ?? NaN;
      theirs ||= job.expected.has(at);
      continue;
    }
    for (const id of job.fileIds(at)) {
      const records = job.files.records[id];
      if (records !== null) counts[at] = (counts[at] || 0) + records;
    }
  }
  return { counts, theirs };
}

function series(job) {
  const { counts, theirs } = countsBySlot(job);
  if (!counts.some((count) => !Number.isNaN(count))) return null;
  const span = job.ends[job.timed - 1] - job.starts[0];
  const fits = ([name, length]) => (length ? span / length <= MOST_BARS : job.timed <= MOST_BARS);
  const [name, length] = STEPS.find(fits) ?? STEPS.at(-1);
  const starts = new Map();
  for (let at = 0; at < job.timed; at++) {
    const key = length ? bucket(job.starts[at], name, length) : job.starts[at];
    starts.set(key, (starts.get(key) ?? 0) + (counts[at] || 0));
  }
  const keys = [...starts.keys()].sort((one, other) => one - other);
  return { name, theirs, times: keys, counts: keys.map((key) => starts.get(key)) };
}

function bucket(start, name, length) {
  if (name === "month") return Date.parse(`${iso(start).slice(0, 7)}-01T00:00:00Z`) / 1000;
  return name === "week" ? monday(start) : Math.floor(start / length) * length;
}

class RecordsChart {
  constructor(job, holder) {
    const data = series(job);
    if (!data) return;
    this.holder = holder;
    const whose = data.theirs ? "as reported by the provider" : "as verified";
    const label = `Records per ${data.name}`;
    this.frame = element("div", { class: "frame chart", role: "img", "aria-label": `${job.name}: ${label}. The table below has the numbers.` });
    this.readout = element("p", { class: "muted readout" }, `${label}, ${whose}`);
    holder.append(element("h3", {}, "Records over time"), this.readout, this.frame, this.table(data));
    this.title = this.readout.textContent;
    this.draw(data);
  }

  draw(data) {
    const axis = { stroke: () => colour("--muted"), font: "12px system-ui, sans-serif", ticks: { show: false } };
    const grid = { stroke: () => colour("--grid"), width: 1 };
    this.chart = new uPlot({
      width: roomIn(this.holder), height: 190, tzDate: UTC, padding: [12, 40, 0, 0], legend: { show: false },
      scales: { x: { range: (_, low, high) => this.pad(data, low, high) }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.06)] } },
      axes: [{ ...axis, grid: { show: false }, size: 36, space: 70, values: dateTicks },
        { ...axis, grid, size: 60, values: (_, values) => values.map((value) => (Number.isInteger(value) ? short(value) : "")) }],
      series: [{}, { fill: () => colour("--bars"), stroke: () => colour("--bars"), width: 0, points: { show: false },
        paths: uPlot.paths.bars({ size: [0.82, 400, 1], align: 1 }) }],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false } },
      hooks: { setCursor: [(chart) => this.read(chart, data)] },
    }, [data.times, data.counts], this.frame);
  }

  // The last bar needs its width, too.
  pad(data, low, high) {
    const width = data.times.length > 1 ? data.times[1] - data.times[0] : DAY;
    return [low, high === data.times.at(-1) ? high + width : high];
  }

  read(chart, data) {
    const at = chart.cursor.left < 0 ? null : this.under(chart, data);
    this.readout.textContent = at === null ? this.title : `${moment(data.times[at])} UTC: ${plural(data.counts[at], "record")}`;
  }

  // Bars begin at their time, so the one under the pointer is the last that has begun.
  under(chart, data) {
    const value = chart.posToVal(chart.cursor.left, "x");
    let found = null;
    data.times.forEach((time, at) => { if (time <= value) found = at; });
    return found;
  }

  table({ name, times, counts }) {
    const details = element("details", {}, element("summary", {}, "Records as a table"));
    details.addEventListener("toggle", () => {
      if (!details.open || details.querySelector("table")) return;
      const body = element("tbody");
      times.forEach((time, at) => body.append(element("tr", {},
        element("th", { scope: "row" }, name === "slot" || name === "hour" ? moment(time) : day(time)),
        element("td", { class: "number" }, number(counts[at])))));
      details.append(element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Records as a table" }, element("table", {}, element("thead", {}, element("tr", {},
        element("th", { scope: "col" }, `${name} from (UTC)`), element("th", { scope: "col", class: "number" }, "records"))), body)));
    });
    return details;
  }

  resize() {
    this.chart?.setSize({ width: roomIn(this.holder), height: 190 });
  }
}

function short(value) {
  if (value >= 1e6) return `${+(value / 1e6).toFixed(1)}M`;
  return value >= 1e4 ? `${+(value / 1e3).toFixed(1)}k` : number(value);
}
