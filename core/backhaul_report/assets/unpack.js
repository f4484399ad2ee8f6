// From the page's packed data to typed columns.
const DAY = 86400;

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const data = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at++) data[at] = raw.charCodeAt(at);
  return data;
}

async function unzip(text) {
  const stream = new Blob([fromBase64(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// Runs as [value, length, value, length, ...] into an array of the given kind.
function spread(runs, target) {
  let at = 0;
  for (let each = 0; each < runs.length; each += 2) {
    target.fill(runs[each], at, at + runs[each + 1]);
    at += runs[each + 1];
  }
  return target;
}

function sums(counts) {
  const starts = new Uint32Array(counts.length + 1);
  for (let at = 0; at < counts.length; at++) starts[at + 1] = starts[at] + counts[at];
  return starts;
}

class Job {
  constructor(entry, columns) {
    this.name = entry.job;
    this.place = entry.place;
    this.count = columns.count;
    this.shape = columns.shape;
    this.every = columns.every;
    this.starts = new Float64Array(this.count).fill(NaN);
    this.ends = new Float64Array(this.count).fill(NaN);
    let at = 0;
    for (const [start, length, times] of columns.runs) {
      for (let each = 0; each < times; each++, at++) {
        this.starts[at] = start + each * length;
        this.ends[at] = start + (each + 1) * length;
      }
    }
    this.timed = at;
    this.states = spread(columns.states, new Uint8Array(this.count));
    this.texts = columns.texts;
    this.why = spread(columns.why, new Uint32Array(this.count));
    this.expected = new Map(columns.expected);
    this.fileCounts = spread(columns.file_counts, new Uint32Array(this.count));
    this.fileStarts = sums(this.fileCounts);
    this.shared = new Map(columns.shared.map(([at, ids, more]) => [at, Object.assign(ids, { more })]));
    const files = columns.files;
    const total = files.count;
    this.files = {
      ...files,
      states: spread(files.states, new Uint8Array(total)),
      why: spread(files.why, new Uint32Array(total)),
      proofs: spread(files.proofs, new Uint32Array(total)),
    };
    this.fetched = [];
    let when = 0;
    for (const step of files.fetched) this.fetched.push(step === null ? null : (when += step));
    const hashed = spread(files.hashed, new Uint8Array(total));
    this.hashed = hashed;
    this.hashAt = sums(hashed);
    this.hashText = entry.sha256;
  }

  // The digest's place in the base64 text is worked out when it is asked for.
  sha256(file) {
    if (!this.hashed[file] || !this.hashText) return null;
    const from = this.hashAt[file] * 32;
    const first = Math.floor(from / 3) * 4;
    const data = fromBase64(this.hashText.slice(first, first + 48)).slice(from % 3, (from % 3) + 32);
    return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  fileIds(index) {
    const shared = this.shared.get(index);
    if (shared) return shared;
    return Array.from({ length: this.fileCounts[index] }, (_, each) => this.fileStarts[index] + each);
  }

  file(id) {
    const { names, states, why, proofs, sizes, records } = this.files;
    return {
      id, name: names[id], state: states[id], why: this.texts[why[id]],
      size: sizes[id], records: records[id], fetched: this.fetched[id], proof: this.texts[proofs[id]],
    };
  }

  slot(index) {
    const timed = index < this.timed;
    const ids = this.fileIds(index);
    return {
      index, state: this.states[index], why: this.texts[this.why[index]],
      start: timed ? this.starts[index] : null, end: timed ? this.ends[index] : null,
      expected: this.expected.get(index) ?? null,
      fileCount: ids.more ?? ids.length, files: ids.map((id) => this.file(id)),
    };
  }
}
