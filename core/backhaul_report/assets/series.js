// Series that the provider derives from the files (such as activity per minute), one chart each.
const LINES = [["#0072b2", "#6cb6ff"], ["#c24a00", "#ff8a4c"], ["#8a6d00", "#f0e442"], ["#9c3f78", "#e59ac6"], ["#0a8a68", "#3fc79a"]];
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5]];
const MOST_ROWS = 3000;

class SeriesChart {
  constructor(job, data, holder) {
    this.holder = holder;
    const title = data.name.replaceAll("_", " ");
    this.frame = element("div", { class: "frame chart", role: "img", "aria-label": `${job}: ${title}. The table below has the numbers.` });
    holder.append(element("h3", {}, title[0].toUpperCase() + title.slice(1)));
    for (const note of data.notes) holder.append(element("p", { class: "muted" }, note));
    holder.append(this.frame, this.table(data, title));
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const axis = { stroke: () => colour("--muted"), font: "12px system-ui, sans-serif", ticks: { show: false } };
    this.chart = new uPlot({
      width: roomIn(holder), height: 220, tzDate: UTC, padding: [12, 40, 0, 0],
      axes: [{ ...axis, grid: { show: false }, size: 36, space: 70, values: dateTicks },
        { ...axis, grid: { stroke: () => colour("--grid"), width: 1 }, size: 60, values: (_, values) => values.map(short) }],
      series: [{ label: "time (UTC)", value: (_, value) => (value === null ? "" : moment(value)) },
        ...data.lines.map((label, at) => ({
          label, width: data.times.length > 1500 ? 0.8 : 1.6, dash: DASHES[at % DASHES.length], points: { show: data.times.length < 60, size: 5 },
          stroke: () => LINES[at % LINES.length][Number(dark.matches)],
          value: (_, value) => (value === null ? "" : number(value)),
        }))],
      scales: { y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high * 1.06)] } },
      cursor: { y: false, drag: { x: true, y: false } },
    }, [data.times, ...data.values], this.frame);
  }

  table(data, title) {
    const details = element("details", {}, element("summary", {}, "As a table"));
    details.addEventListener("toggle", () => {
      if (!details.open || details.querySelector("table")) return;
      const head = ["from (UTC)", ...data.lines].map((name, at) => element("th", { scope: "col", class: at ? "number" : null }, name));
      const body = element("tbody");
      data.times.slice(0, MOST_ROWS).forEach((time, at) => body.append(element("tr", {},
        element("th", { scope: "row" }, moment(time)),
        ...data.values.map((line) => element("td", { class: "number" }, line[at] === null ? "" : number(line[at]))))));
      details.append(element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title} as a table` }, element("table", {}, element("thead", {}, element("tr", {}, ...head)), body)));
      const more = data.times.length - MOST_ROWS;
      if (more > 0) details.append(element("p", { class: "muted" }, `and ${number(more)} more; backhaul rollup writes all of them`));
    });
    return details;
  }

  resize() {
    this.chart.setSize({ width: roomIn(this.holder), height: 220 });
  }
}
