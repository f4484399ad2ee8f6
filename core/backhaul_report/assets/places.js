// Where each slot lies on the map, in the units of its axes, and which slot lies at a place.
const WEEK = 7 * DAY;
const MONDAY = 4 * DAY; // 1970-01-05
const FEW_DAYS = 45;
const MANY_DAYS = 62;
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

function monday(seconds) {
  return Math.floor((seconds - MONDAY) / WEEK) * WEEK + MONDAY;
}

// The map's shape: "times" (within days), "days" or "strip" (anything else, by time).
function placesOf(job) {
  const first = job.starts[0];
  const last = job.ends[job.timed - 1];
  const firstDay = Math.floor(first / DAY) * DAY;
  const days = Math.ceil((last - firstDay) / DAY);
  if (job.shape === "times") {
    return days <= FEW_DAYS ? dayRows(job, firstDay, days) : dayColumns(job, firstDay, days);
  }
  if (job.shape === "days" && job.timed > MANY_DAYS) return weekColumns(job, first, last);
  return strip(job, first, last);
}

function grid(job, { columns, rows, width, height, xFrom, columnOf, rowOf, ...rest }) {
  const table = new Int32Array(columns * rows).fill(-1);
  for (let at = 0; at < job.timed; at++) table[columnOf(at) * rows + rowOf(at)] = at;
  const at = (column, row) =>
    column >= 0 && row >= 0 && column < columns && row < rows ? table[column * rows + row] : -1;
  return {
    x0: (slot) => xFrom + columnOf(slot) * width,
    x1: (slot) => xFrom + (columnOf(slot) + 1) * width,
    y0: (slot) => rowOf(slot) * height,
    y1: (slot) => (rowOf(slot) + 1) * height,
    find: (x, y) => at(Math.floor((x - xFrom) / width), Math.floor(y / height)),
    step(slot, dx, dy) {
      let [column, row] = [columnOf(slot) + dx, rowOf(slot) + dy];
      while (column >= 0 && row >= 0 && column < columns && row < rows) {
        if (at(column, row) >= 0) return at(column, row);
        column += dx;
        row += dy;
      }
      return slot;
    },
    x: [xFrom, xFrom + columns * width], y: [0, rows * height], columns, rows, ...rest,
  };
}

function dayColumns(job, firstDay, days) {
  return grid(job, {
    columns: days, rows: Math.ceil(DAY / job.every), width: DAY, height: job.every, xFrom: firstDay,
    columnOf: (slot) => Math.floor((job.starts[slot] - firstDay) / DAY),
    rowOf: (slot) => Math.floor((job.starts[slot] % DAY) / job.every),
    cell: [20, Math.max(3, Math.min(18, 432 / Math.ceil(DAY / job.every)))],
    xTime: true, yName: "time of day (UTC)", axisWidth: 60,
    yTicks: [0, 3, 6, 9, 12, 15, 18, 21, 24].map((hour) => hour * 3600),
    yFine: [600, 1800, 3600, 7200, 10800], yText: (value) => (value === DAY ? "24:00" : clock(value)),
    says: "one column per day, time of day from top to bottom",
  });
}

function dayRows(job, firstDay, days) {
  const columns = Math.ceil(DAY / job.every);
  return grid(job, {
    columns, rows: days, width: job.every, height: 1, xFrom: 0,
    columnOf: (slot) => Math.floor((job.starts[slot] % DAY) / job.every),
    rowOf: (slot) => Math.floor((job.starts[slot] - firstDay) / DAY),
    cell: [28, days > 14 ? 15 : 22], xTime: true, xText: (value) => (value === DAY ? "24:00" : clock(value)),
    yName: "day", axisWidth: 92, yTicks: rowTicks(days), yText: (value) => day(firstDay + value * DAY),
    centre: true, says: "one row per day, time of day from left to right",
  });
}

function rowTicks(rows) {
  const step = Math.ceil(rows / 24);
  return Array.from({ length: Math.ceil(rows / step) }, (_, each) => each * step);
}

function weekColumns(job, first, last) {
  const from = monday(first);
  return grid(job, {
    columns: Math.ceil((last - from) / WEEK), rows: 7, width: WEEK, height: 1, xFrom: from,
    columnOf: (slot) => Math.floor((job.starts[slot] - from) / WEEK),
    rowOf: (slot) => Math.floor(((job.starts[slot] - from) % WEEK) / DAY),
    cell: [26, 26], xTime: true, yName: "weekday", axisWidth: 60,
    yTicks: [0, 1, 2, 3, 4, 5, 6], yText: (value) => WEEKDAYS[value] ?? "", centre: true,
    says: "one column per week, Monday at the top",
  });
}

function strip(job, first, last) {
  return {
    x0: (slot) => job.starts[slot], x1: (slot) => job.ends[slot], y0: () => 0, y1: () => 1,
    find(x, y) {
      if (y < 0 || y >= 1) return -1;
      let [low, high] = [0, job.timed - 1];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (job.starts[middle] <= x) low = middle;
        else high = middle - 1;
      }
      return x >= job.starts[low] && x < job.ends[low] ? low : -1;
    },
    step: (slot, dx, dy) => Math.max(0, Math.min(job.timed - 1, slot + dx + dy)),
    x: [first, last], y: [0, 1], columns: job.timed, rows: 1, cell: [job.every === DAY ? 44 : 120, 44], xTime: true,
    yName: "", axisWidth: 40, yTicks: [], yText: () => "", says: "from left to right in chronological order",
  };
}
