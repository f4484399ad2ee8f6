// Numbers, times and slots in words; all times are UTC.
const iso = (seconds) => new Date(seconds * 1000).toISOString();
const day = (seconds) => iso(seconds).slice(0, 10);
const clock = (seconds) => iso(seconds).slice(11, 16);
const moment = (seconds) => `${day(seconds)} ${clock(seconds)}`;
const number = (value) => value.toLocaleString("en-US");
const plural = (value, what) => `${number(value)} ${what}${value === 1 ? "" : "s"}`;

function period(start, end) {
  if (start === null) return "no period";
  if (start % DAY === 0 && end % DAY === 0) {
    return end - start === DAY ? day(start) : `${day(start)} to ${day(end)}`;
  }
  return day(start) === day(end) || end - start <= DAY
    ? `${moment(start)} to ${clock(end)} UTC`
    : `${moment(start)} to ${moment(end)} UTC`;
}

function bytes(size) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (size < 1024) return unit === "B" ? `${size} B` : `${size.toFixed(1)} ${unit}`;
    size /= 1024;
  }
  return `${size.toFixed(1)} TiB`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// Labels of a time axis: times of day, days or months, and below them what the first and each new one begins.
function dateTicks(_, splits, axis, space, step) {
  let before = "";
  return splits.map((seconds) => {
    const [year, month, date] = day(seconds).split("-");
    const name = MONTHS[month - 1];
    const [label, below] = step >= 28 * DAY ? [name, year]
      : step >= DAY ? [`${+date} ${name}`, year] : [clock(seconds), `${+date} ${name} ${year}`];
    const changed = below !== before;
    before = below;
    return changed ? `${label}\n${below}` : label;
  });
}

function fileFacts(file) {
  const facts = [];
  if (file.records !== null) facts.push(plural(file.records, "record"));
  if (file.size !== null) facts.push(bytes(file.size));
  return facts;
}

// One sentence per slot, for the live region.
function sentence(job, index) {
  const slot = job.slot(index);
  const parts = [`${period(slot.start, slot.end)}: ${STATES[slot.state].key}`];
  if (slot.why) parts.push(slot.why);
  if (slot.expected !== null) parts.push(`provider reports ${plural(slot.expected, "record")}`);
  for (const file of slot.files.slice(0, 3)) parts.push([file.name, ...fileFacts(file)].join(", "));
  if (slot.fileCount > 3) parts.push(`${plural(slot.fileCount, "file")} in total`);
  return `${parts.join(". ")}.`;
}

// A file's name, as a link where there is a file.
function fileLink(job, file) {
  if (!job.place || !STATES[file.state].here) return file.name;
  const target = `${job.place}/${file.name.split("/").map(encodeURIComponent).join("/")}`;
  return element("a", { href: target }, file.name);
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}
