"use strict";
// The archive's script: the reader's language, and the search. Data is only ever put into the page as text.

const top_ = document.body.dataset.top;
let language = "en";

function text(key, n) {
  return (reversaTexts[language][key] ?? key).replace("{n}", n);
}

function speak(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = text(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", text(element.dataset.tLabel));
  const button = document.getElementById("language");
  button.textContent = chosen === "fr" ? "English" : "Français";
  button.lang = chosen === "fr" ? "en" : "fr";
}

function remembered() {
  try { return localStorage.getItem("reversa-language"); } catch { return null; }
}

document.getElementById("language").addEventListener("click", () => {
  speak(language === "fr" ? "en" : "fr");
  try { localStorage.setItem("reversa-language", language); } catch { /* not kept, but spoken */ }
});

speak(remembered() ?? (navigator.language.startsWith("fr") ? "fr" : "en"));

// ---------------------------------------------------------------------------------------------------------- search

const loaded = new Map();
const waiting = new Map();

function load(name) {
  if (!loaded.has(name)) {
    loaded.set(name, new Promise((resolve) => {
      waiting.set(name, resolve);
      const script = document.createElement("script");
      script.src = `${top_}search/${name}.js`;
      script.onerror = () => resolve(null);
      document.head.append(script);
    }));
  }
  return loaded.get(name);
}

function reversaWords(number, words) { waiting.get(`w${number}`)(words); }
function reversaRecords(records) { waiting.get(`r${Math.floor(records[0][0] / reversaPerFile)}`)(new Map(records.map((record) => [record[0], record]))); }

// The same words as store.words_of: small letters, no accents; letters of scripts without spaces one by one.
function wordsOf(query) {
  const plain = query.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
    .replace(/[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\u{20000}-\u{3ffff}]/gu, " $& ");
  return (plain.match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => Array.from(word).slice(0, 64).join(""));
}

// The files that may hold words between two words.
function filesBetween(from, to) {
  const files = [];
  reversaFirsts.forEach((first, place) => {
    const next = reversaFirsts[place + 1];
    if (compare(first, to) <= 0 && (next === undefined || compare(next, from) > 0)) files.push(place + 1);
  });
  return files;
}

// By code point, as SQLite sorts; JavaScript's own order is by UTF-16 unit.
function compare(a, b) {
  const left = Array.from(a, (c) => c.codePointAt(0)), right = Array.from(b, (c) => c.codePointAt(0));
  for (let i = 0; i < Math.min(left.length, right.length); i++) if (left[i] !== right[i]) return left[i] - right[i];
  return left.length - right.length;
}

async function recordsWith(word, begun) {
  const found = new Set();
  for (const file of filesBetween(word, begun ? `${word}\u{10ffff}` : word)) {
    const words = await load(`w${file}`) ?? {};
    const matching = begun ? Object.keys(words).filter((known) => known.startsWith(word)) : Object.hasOwn(words, word) ? [word] : [];
    for (const known of matching) {
      let number = 0;
      for (const step of words[known]) found.add(number += step);
    }
  }
  return found;
}

async function search(query) {
  const words = wordsOf(query);
  const sets = await Promise.all(words.map((word, place) => recordsWith(word, place === words.length - 1 && word.length > 1)));
  sets.sort((a, b) => a.size - b.size);
  return sets.length ? [...sets[0]].filter((number) => sets.every((set) => set.has(number))).sort((a, b) => b - a) : [];
}

function element(name, content, attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat());
  return made;
}

async function resultLine(number) {
  const records = await load(`r${Math.floor(number / reversaPerFile)}`);
  const [, address, kind, author, day, place, snippet] = records?.get(number) ?? [0, "index.html", "opaque", "", "", "", "?"];
  const head = element("p", element("a", [author, place, day].filter(Boolean).join(" · ") || text(`kind.${kind}`), { href: top_ + address }));
  return element("li", [head, element("p", snippet, { dir: "auto" })]);
}

const results = document.getElementById("results");

async function show(found, from) {
  const list = results.querySelector("ol");
  list.append(...await Promise.all(found.slice(from, from + 20).map(resultLine)));
  results.querySelector(".more")?.remove();
  if (from + 20 < found.length) {
    const more = element("button", text("archive.more"), { class: "more", type: "button" });
    more.addEventListener("click", () => show(found, from + 20));
    results.append(more);
  }
}

document.getElementById("search").addEventListener("submit", async (event) => {
  event.preventDefault();
  results.hidden = false;
  results.replaceChildren(element("p", text("archive.searching")));
  const found = await search(document.getElementById("words").value);
  const count = found.length > 1 ? text("archive.found", found.length.toLocaleString(language)) : text(found.length ? "archive.one-found" : "archive.nothing");
  const close = element("button", text("archive.close"), { type: "button" });
  close.addEventListener("click", () => { results.hidden = true; document.getElementById("words").focus(); });
  results.replaceChildren(element("p", [element("strong", count), " ", close]), element("ol", []));
  await show(found, 0);
});
