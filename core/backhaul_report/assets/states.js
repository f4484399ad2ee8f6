// The states in the order of their codes: key, letter, colour, ink for the letter; drawn from back to front.
const STATES = [
  { key: "verified", letter: "", fill: "#0a8a68", ink: "#ffffff", says: "stored and verified", here: true },
  { key: "silent", letter: "", fill: "--silent", ink: "--muted", says: "the provider lists no files; this is normal" },
  { key: "pending", letter: "", fill: "--pending", ink: "--line", says: "not fetched yet" },
  { key: "partial", letter: "½", fill: "#56b4e9", ink: "#0b1116", says: "partly downloaded" },
  { key: "suspect", letter: "S", fill: "#f0e442", ink: "#0b1116", says: "stored, but its content is doubtful", here: true },
  { key: "missing", letter: "M", fill: "#e69f00", ink: "#0b1116", says: "listed, but not found" },
  { key: "failed", letter: "F", fill: "#cc79a7", ink: "#0b1116", says: "could not be fetched" },
  { key: "corrupt", letter: "C", fill: "#8c1c00", ink: "#ffffff", says: "downloaded, but failed verification" },
  { key: "lost", letter: "L", fill: "#3b0a45", ink: "#ffffff", says: "no longer on disk, cannot be fetched again" },
  { key: "unknown", letter: "?", fill: "#d9d9d9", ink: "#0b1116", says: "may be silent: the list is not conclusive" },
];
const [VERIFIED, SILENT, PENDING] = [0, 1, 2];
const isProblem = (code) => code > PENDING;

function colour(name) {
  return name.startsWith("--") ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : name;
}

const STATE_BY_KEY = Object.fromEntries(STATES.map((state, code) => [state.key, code]));
