// The cells of a map, painted onto the chart's canvas: colour, pattern and letter by state.
const GAP_FROM = 5; // CSS pixels of a cell from which cells stand apart
const MARK_FROM = 6; // from which patterns can be seen
const LETTER_FROM = 10; // from which letters can be read

function paintCells(chart, job, places, hidden) {
  const { ctx, bbox } = chart;
  const dpr = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const visible = cellsInView(chart, job, places);
  for (let code = 0; code < STATES.length; code++) {
    if (visible[code].length) paintState(chart, places, code, visible[code], hidden.has(code), dpr);
  }
  ctx.restore();
}

function cellsInView(chart, job, places) {
  const { min: left, max: right } = chart.scales.x;
  const { min: top, max: bottom } = chart.scales.y;
  const byState = STATES.map(() => []);
  for (let slot = 0; slot < job.timed; slot++) {
    if (places.x1(slot) > left && places.x0(slot) < right && places.y1(slot) > top && places.y0(slot) < bottom) {
      byState[job.states[slot]].push(slot);
    }
  }
  return byState;
}

function paintState(chart, places, code, slots, dim, dpr) {
  const { ctx } = chart;
  const state = STATES[code];
  const fill = colour(state.fill);
  const ink = colour(state.ink);
  ctx.globalAlpha = dim ? 0.12 : 1;
  ctx.fillStyle = state.key === "pending" ? lined(ctx, fill, ink, dpr) : fill;
  const boxes = slots.map((slot) => box(chart, places, slot, isProblem(code) ? 4 * dpr : 0, dpr));
  for (const [x, y, w, h] of boxes) ctx.fillRect(x, y, w, h);
  const [, , width, height] = boxes[0];
  const small = Math.min(width, height) / dpr;
  if (small >= MARK_FROM) for (const each of boxes) mark(ctx, code, each, ink, dpr);
  if (small >= LETTER_FROM && state.letter) {
    ctx.fillStyle = ink;
    ctx.font = `600 ${Math.min(13, small - 1) * dpr}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    for (const [x, y, w, h] of boxes) ctx.fillText(state.letter, x + w / 2, y + h / 2 + dpr / 2);
  }
  ctx.globalAlpha = 1;
}

function box(chart, places, slot, least, dpr) {
  const x0 = chart.valToPos(places.x0(slot), "x", true);
  const x1 = chart.valToPos(places.x1(slot), "x", true);
  const y0 = chart.valToPos(places.y0(slot), "y", true);
  const y1 = chart.valToPos(places.y1(slot), "y", true);
  const [gapX, gapY] = [x1 - x0, y1 - y0].map((size) => (size / dpr >= GAP_FROM ? dpr : 0));
  const [left, top] = [Math.round(x0), Math.round(y0)];
  return [
    left, top,
    Math.max(least, 1, Math.round(x1) - left - gapX),
    Math.max(least, 1, Math.round(y1) - top - gapY),
  ];
}

// A surface with thin lines across, so that what is not here yet looks empty but not absent.
function lined(ctx, fill, ink, dpr) {
  const size = 6 * dpr;
  const tile = new OffscreenCanvas(size, size);
  const on = tile.getContext("2d");
  on.fillStyle = fill;
  on.fillRect(0, 0, size, size);
  on.strokeStyle = ink;
  on.lineWidth = dpr * 0.8;
  on.beginPath();
  for (const shift of [-size / 2, size / 2, size * 1.5]) {
    on.moveTo(shift - size, size * 1.5);
    on.lineTo(shift + size, -size / 2);
  }
  on.stroke();
  return ctx.createPattern(tile, "repeat");
}

// What tells states apart without their colours: dot, hatches, half.
function mark(ctx, code, [x, y, w, h], ink, dpr) {
  const key = STATES[code].key;
  ctx.strokeStyle = ink;
  ctx.fillStyle = ink;
  ctx.lineWidth = dpr;
  if (key === "silent") {
    ctx.fillRect(x + w / 2 - dpr, y + h / 2 - dpr, 2 * dpr, 2 * dpr);
  } else if (key === "corrupt" || key === "failed" || key === "missing") {
    if (Math.min(w, h) / dpr < LETTER_FROM) hatch(ctx, [x, y, w, h], key === "missing");
  } else if (key === "partial") {
    ctx.globalAlpha *= 0.25;
    ctx.fillRect(x, y + h / 2, w, h / 2);
    ctx.globalAlpha *= 4;
  }
}

function hatch(ctx, [x, y, w, h], rising) {
  ctx.beginPath();
  ctx.moveTo(x, rising ? y + h : y);
  ctx.lineTo(x + w, rising ? y : y + h);
  ctx.stroke();
}
