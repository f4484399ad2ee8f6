// Each job's section is drawn when it comes near the viewport or when the browser is idle, so that a
// printout has all of them.
const charts = [];
const PRINTED = 680; // CSS pixels: less than the width of A4 and Letter in portrait
let printing = false;

function roomIn(holder) {
  return printing ? PRINTED : holder.clientWidth;
}

function print(on) {
  printing = on;
  document.documentElement.classList.toggle("printing", on);
  charts.forEach((chart) => chart.resize());
}

async function drawJob(section, entry) {
  const job = new Job(entry, await unzip(entry.columns));
  const [map, records] = ["map", "records"].map((name) => section.querySelector(`[data-part=${name}]`));
  if (job.timed) {
    charts.push(new SlotMap(job, map), new RecordsChart(job, records));
  }
  if (entry.series) {
    const holder = section.querySelector("[data-part=series]");
    for (const data of (await unzip(entry.series)).all) charts.push(new SeriesChart(job.name, data, holder));
  }
  new SlotTable(job, section.querySelector("[data-part=table]"));
  section.dataset.drawn = "yes";
}

function start() {
  const entries = JSON.parse(document.getElementById("backhaul-data").textContent);
  const byJob = new Map(entries.map((entry) => [entry.job, entry]));
  const waitingFor = new Set([...document.querySelectorAll("section[data-job]")].filter((each) => byJob.has(each.dataset.job)));
  const begin = async (section) => {
    if (!waitingFor.delete(section)) return;
    near.unobserve(section);
    try {
      await drawJob(section, byJob.get(section.dataset.job));
      performance.mark(`drawn ${section.dataset.job}`);
    } catch (error) {
      section.querySelector("[data-part=map]").append(
        element("p", { class: "muted" }, `The map cannot be drawn (${error.message}); the tables have the same data.`));
    }
  };
  const near = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) if (isIntersecting) begin(target);
  }, { rootMargin: "800px" });
  waitingFor.forEach((section) => near.observe(section));
  const whenIdle = window.requestIdleCallback ?? ((act) => setTimeout(act, 100));
  const drawNext = () => {
    const [section] = waitingFor;
    if (section) begin(section).then(() => whenIdle(drawNext));
  };
  whenIdle(drawNext);
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  let waiting = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => charts.forEach((chart) => chart.resize()));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    charts.forEach((chart) => chart.chart?.redraw(false)));
}

start();
