
// The page of VERIFIER.html: the folder that a person gives, the words, and what is shown of the checks.

const SHOWN = 200; // findings; the rest is counted
const COMMAND = "sha256sum --strict --quiet -c tagmanifest-sha256.txt manifest-sha256.txt";

const byId = (id) => document.getElementById(id);
const texts = JSON.parse(byId("texts").textContent);
let language = navigator.language.startsWith("fr") ? "fr" : "en";
let result = null; // of the last check, or {refused, why}
let busy = false;

// ------------------------------------------------------------------------------------------------------------- words

/** Data with every character that is not seen, or that steers what is seen, as its code point; as reversa.wording.visible. */
function visible(text) {
  const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Zs}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]/gu;
  return text.replace(unseen, (c) => (c === " " ? c : `‹U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›`));
}

/** Anything as it may be shown: counts in the language's digits, data made visible. */
function show(value) {
  if (Number.isSafeInteger(value)) return new Intl.NumberFormat(language === "fr" ? "fr-FR" : "en-GB").format(value);
  if (value === undefined) return "–";
  return visible(typeof value === "string" ? value : JSON.stringify(value));
}

function t(key, values = {}) {
  let text = texts[key][language];
  if (typeof text !== "string") text = text[new Intl.PluralRules(language).select(values.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => show(values[name]));
}

const kindName = (kind) => (Object.hasOwn(texts, `kind-name.${kind}`) ? texts[`kind-name.${kind}`][language].other : visible(kind));

function moment(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return show(text);
  return `${at.toLocaleString(language === "fr" ? "fr-FR" : "en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" })} UTC`;
}

// ------------------------------------------------------------------------------------------------ the folder, opened

/** What was chosen with the button. A browser that opens no folders gives files without a path. */
function chosen(list) {
  const files = [...list].map((file) => ({ name: file.webkitRelativePath.replace(/^[^/]*\//, ""), file }));
  if (files.some(({ name }) => name === "")) throw new Refused("verifier.no-folders");
  return { files, empty: [] };
}

/** What was dropped. Chromium opens a FileSystemEntry for no page that lies on a disk, so the newer handle comes first. */
async function dropped(opening) {
  const [folder, ...others] = await Promise.all(opening);
  if (!folder || others.length || !(folder.kind === "directory" || folder.isDirectory)) throw new Refused("verifier.one-folder");
  const found = { files: [], empty: [] };
  await walk(folder, "", found);
  return found;
}

const opened = (item) => (item.getAsFileSystemHandle ? item.getAsFileSystemHandle() : item.webkitGetAsEntry());

async function walk(folder, path, found) {
  let members = 0;
  for await (const member of folder.values ? folder.values() : entries(folder)) {
    members += 1;
    const name = path + member.name;
    if (member.kind === "directory" || member.isDirectory) await walk(member, `${name}/`, found);
    else found.files.push({ name, file: await fileOf(member).catch(() => null) });
  }
  if (members === 0) found.empty.push(path);
}

/** The members of a FileSystemDirectoryEntry, which it hands out in batches. */
async function* entries(folder) {
  const reader = folder.createReader();
  const batch = () => new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
  for (let some = await batch(); some.length; some = await batch()) yield* some;
}

const fileOf = (member) => (member.getFile ? member.getFile() : new Promise((resolve, reject) => { member.file(resolve, reject); }));

// ------------------------------------------------------------------------------------------------------------ showing

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children); // a string becomes text, never markup
  return made;
}

const code = (text) => element("bdi", { class: "code" }, visible(text));
const term = (key, ...described) => [element("dt", {}, t(key)), element("dd", {}, ...described)];

function showProgress(done, n, share) {
  byId("progress").hidden = false;
  byId("progress").firstElementChild.value = share;
  byId("progress-text").textContent = n ? t("verifier.progress", { done, n }) : t("verifier.listing");
}

/** How the digest compares with the one entered: match, match-content, no-match, not-compared, no-digest. */
function comparison() {
  const entered = byId("expected").value.replace(/\s/g, "").toLowerCase();
  if (!entered) return "verifier.not-compared";
  const digest = /^(?:sha256:)?([0-9a-f]{64})(?![0-9a-f])/.exec(entered)?.[1]; // a line of sha256sum is fine
  if (!digest) return "verifier.no-digest";
  if (digest === result.digest) return "verifier.match";
  return digest === result.content ? "verifier.match-content" : "verifier.no-match";
}

function groupStatus(group) {
  const own = result.findings.filter((finding) => finding.group === group);
  if (own.some((finding) => !finding.unchecked)) return "bad";
  const notCounted = group === "counts" && (!result.package_ || result.counts.some((line) => status(line) === "unchecked"));
  return own.length || notCounted ? "unchecked" : "ok";
}

function verdict() {
  const groups = ["digests", "files", "counts"].map(groupStatus);
  if (groups.includes("bad")) return "broken";
  if (comparison() === "verifier.no-match") return "other";
  return groups.includes("unchecked") ? "part" : "whole";
}

const VERDICTS = {
  whole: ["verifier.whole", "verifier.whole-sentence"],
  broken: ["verifier.broken", "verifier.broken-sentence"],
  other: ["verifier.other", "verifier.other-sentence"],
  part: ["verifier.part", "verifier.part-sentence"],
};

function verdictParts() {
  if (result.refused) return [element("h2", { class: "part" }, t("verifier.refused")), element("p", { class: "lede" }, t(result.refused, { why: result.why }))];
  const name = verdict();
  const [title, sentence] = VERDICTS[name];
  const parts = [element("h2", { class: name }, t(title)), element("p", { class: "lede" }, t(sentence))];
  if (name === "part") parts.push(element("pre", {}, COMMAND));
  return parts;
}

function digestParts() {
  if (result.digest === null) return [];
  const compared = comparison();
  const tone = { "verifier.match": "whole", "verifier.no-match": "broken" }[compared] ?? "part";
  const groups = result.digest.match(/.{8}/g).map((eight) => element("span", {}, eight));
  return [
    element("section", {},
      element("h2", {}, t("verifier.digest")),
      element("p", { class: "digest" }, ...groups),
      element("p", { class: `compared ${tone}`, role: "status" }, t(compared)),
      element("p", { class: "soft" }, t("verifier.digest-note"))),
  ];
}

const GROUPS = {
  digests: ["verifier.digests", "verifier.digests-ok"],
  files: ["verifier.files", "verifier.files-ok"],
  counts: ["verifier.counts", "verifier.counts-ok"],
};
const WORDS = { ok: "verifier.ok", bad: "verifier.bad", unchecked: "verifier.unchecked" };
const TONES = { ok: "whole", bad: "broken", unchecked: "part" };

function groupPart(group) {
  const is = groupStatus(group);
  const [title, fine] = GROUPS[group];
  const bad = result.findings.filter((finding) => finding.group === group && !finding.unchecked).length;
  const sentence = { ok: t(fine, { n: result.number - 1 }), bad: t("verifier.group-bad", { n: bad }), unchecked: t("verifier.group-part") }[is];
  return element("li", {}, element("strong", {}, t(title)), element("span", { class: TONES[is] }, t(WORDS[is])), element("span", { class: "soft" }, sentence));
}

function findingParts() {
  const { findings } = result;
  if (!findings.length) return [];
  const items = findings.slice(0, SHOWN).map(({ name, key, values, unchecked }) =>
    element("li", {}, code(name), " ", element("span", { class: unchecked ? "part" : "broken" }, t(key, values))));
  const more = findings.length - items.length;
  return [element("h2", {}, t("verifier.findings")), element("ul", { class: "findings" }, ...items), ...(more ? [element("p", {}, t("verifier.more", { n: more }))] : [])];
}

function factParts() {
  const { package_: stated, counts } = result;
  if (!stated) return [];
  const head = ["verifier.what", "verifier.stated", "verifier.counted"].map((key) => element("th", { scope: "col" }, t(key)));
  const rows = counts.map((line) => {
    const is = status(line);
    const counted = is === "unchecked" ? t("verifier.unchecked") : show(line.counted);
    return element("tr", is === "ok" ? {} : { class: TONES[is] },
      element("th", { scope: "row" }, element("bdi", {}, line.key ? t(line.key) : kindName(line.kind))), element("td", {}, show(line.stated)), element("td", {}, counted));
  });
  return [
    element("section", {},
      element("h2", {}, t("verifier.facts")),
      element("dl", {},
        ...term("verifier.source", code(`${stated.source?.system}:${stated.source?.tenant}`)),
        ...term("verifier.created", moment(stated.created_at)),
        ...term("verifier.unreadable", show(stated.unreadable)),
        ...term("verifier.content", code(result.content))),
      element("table", {}, element("caption", {}, t("verifier.counts-caption")), element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows))),
  ];
}

function render() {
  document.documentElement.lang = language;
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = t(place.dataset.text, document.body.dataset);
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", button.dataset.language === language);
  byId("progress").hidden = !busy;
  byId("verdict").replaceChildren(...(result ? verdictParts() : []));
  const checked = result && !result.refused;
  const groups = () => element("ul", { class: "groups" }, ...Object.keys(GROUPS).map(groupPart));
  byId("details").replaceChildren(...(checked ? [groups(), ...findingParts(), ...digestParts(), ...factParts()] : []));
}

// -------------------------------------------------------------------------------------------------------------- doing

/** Checks what `take` gives. A second folder waits for nobody: it is passed over while the first is being checked. */
async function run(take) {
  if (busy) return;
  [busy, result] = [true, null];
  render();
  showProgress(0, 0, 0);
  try {
    if (!globalThis.crypto?.subtle) throw new Refused("verifier.no-crypto");
    result = await check(await take(), showProgress);
  } catch (error) {
    result = error instanceof Refused ? { refused: error.message } : { refused: "verifier.cannot-open", why: String(error) };
  }
  busy = false;
  render();
  byId("verdict").scrollIntoView({ block: "nearest" });
}

byId("folder").addEventListener("change", async ({ target }) => {
  const list = [...target.files];
  target.value = ""; // so that the same folder can be chosen again
  if (list.length) await run(() => chosen(list));
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const opening = [...event.dataTransfer.items].filter((item) => item.kind === "file").map(opened); // now: the items do not outlive the event
  run(() => dropped(opening));
});
byId("expected").addEventListener("input", render);
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    language = button.dataset.language;
    render();
  });
}
render();
