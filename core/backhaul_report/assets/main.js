// Each job's part of the page is drawn when it comes near the window.
const charts = [];

async function drawJob(section, entry) {
  const job = new Job(entry, await unzip(entry.columns));
  const [map, records] = ["map", "records"].map((name) => section.querySelector(`[data-part=${name}]`));
  if (job.timed) {
    charts.push(new SlotMap(job, map), new RecordsChart(job, records));
  }
  if (entry.series) {
    const holder = section.querySelector("[data-part=series]");
    for (const data of await unzip(entry.series)) charts.push(new SeriesChart(job.name, data, holder));
  }
  new SlotTable(job, section.querySelector("[data-part=table]"));
  section.dataset.drawn = "yes";
}

function start() {
  const entries = JSON.parse(document.getElementById("backhaul-data").textContent);
  const byJob = new Map(entries.map((entry) => [entry.job, entry]));
  const near = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      drawJob(target, byJob.get(target.dataset.job)).then(
        () => performance.mark(`drawn ${target.dataset.job}`),
        (error) => target.querySelector("[data-part=map]").append(
          element("p", { class: "muted" }, `The map cannot be drawn here (${error.message}); the tables say all.`)));
    }
  }, { rootMargin: "800px" });
  for (const section of document.querySelectorAll("section[data-job]")) {
    if (byJob.has(section.dataset.job)) near.observe(section);
  }
  let waiting = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => charts.forEach((chart) => chart.resize()));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    charts.forEach((chart) => chart.chart?.redraw(false)));
}

start();
