"use strict";

// The checks of VERIFIER.html: files in, findings and counts out. Nothing here touches the page.

const FORMAT = "reversa-package/1";
const MANIFEST = "manifest-sha256.txt";
const TAG_MANIFEST = "tagmanifest-sha256.txt";
const DESCRIPTION = "data/datapackage.json";
const BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
const READ_AS_TEXT = [MANIFEST, TAG_MANIFEST, DESCRIPTION, "bag-info.txt", "bagit.txt"];
const BIGGEST = 2 ** 31 - 1; // bytes of one file: browsers hash only what fits into one ArrayBuffer

// ------------------------------------------------------------------------------------------------------------- files

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Reads one file once: its digest, its text or the number of its entries. What could not be read has no digest. */
async function look(name, file) {
  const seen = { size: file ? file.size : null, digest: null, text: null, entries: null, damaged: false };
  if (!file || file.size > BIGGEST) return seen;
  let bytes;
  try {
    bytes = await file.arrayBuffer();
    seen.digest = await sha256(bytes);
  } catch {
    return seen;
  }
  if (READ_AS_TEXT.includes(name)) seen.text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  try {
    if (isTable(name)) seen.entries = parquetRows(new DataView(bytes));
    else if (isPack(name)) seen.entries = zipEntries(new DataView(bytes));
  } catch {
    seen.damaged = true; // whatever the reader stumbled over, RangeError beyond the end included
  }
  return seen;
}

const isTable = (name) => /^data\/tables\/[^/]+\/[^/]+\.parquet$/.test(name);
const isPack = (name) => /^data\/packs\/[^/]+\.zip$/.test(name);
const isLooseBlob = (name) => name.startsWith("data/blobs/");

const ascii = (view, at, length) => String.fromCharCode(...new Uint8Array(view.buffer, at, length));

function must(holds) {
  if (!holds) throw new Error("damaged");
}

/** Field 3 of the FileMetaData at the end of a Parquet file. The metadata is read whole, so that a broken one is seen. */
function parquetRows(view) {
  const end = view.byteLength - 8;
  must(end >= 4 && ascii(view, 0, 4) === "PAR1" && ascii(view, end + 4, 4) === "PAR1");
  const start = end - view.getUint32(end, true);
  must(start >= 4);
  const thrift = new Thrift(view, start, end);
  const rows = thrift.struct().get(3);
  must(thrift.at === end && Number.isSafeInteger(rows) && rows >= 0);
  return rows;
}

/** A strict reader of Thrift's compact protocol; keeps the integers, passes over the rest. */
class Thrift {
  constructor(view, at, end) {
    Object.assign(this, { view, at, end, depth: 0 });
  }

  skip(bytes) {
    must(bytes >= 0 && this.at + bytes <= this.end);
    this.at += bytes;
  }

  byte() {
    this.skip(1);
    return this.view.getUint8(this.at - 1);
  }

  varint() {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return must(false);
  }

  integer() {
    const value = this.varint();
    return Number((value >> 1n) ^ -(value & 1n)); // zigzag
  }

  /** Field number → value of a struct. */
  struct() {
    this.depth += 1;
    must(this.depth < 32);
    const fields = new Map();
    for (let number = 0, head = this.byte(); head !== 0; head = this.byte()) {
      number = head >> 4 ? number + (head >> 4) : this.integer();
      must(!fields.has(number));
      fields.set(number, this.value(head & 15, true));
    }
    this.depth -= 1;
    return fields;
  }

  value(type, inStruct = false) {
    if (type === 1 || type === 2) return this.skip(inStruct ? 0 : 1); // a boolean: in a struct its type is its value
    if (type === 3) return this.skip(1);
    if (type >= 4 && type <= 6) return this.integer();
    if (type === 7) return this.skip(8);
    if (type === 8) return this.skip(Number(this.varint()));
    if (type === 9 || type === 10) return this.list();
    if (type === 12) return void this.struct();
    return must(false); // Parquet's metadata has no maps
  }

  list() {
    const head = this.byte();
    const size = head >> 4 === 15 ? Number(this.varint()) : head >> 4;
    for (let n = 0; n < size; n += 1) this.value(head & 15);
  }
}

/** Entries of a pack: a zip without comment or zip64, its names SHA-256 digests, sorted, none twice. */
function zipEntries(view) {
  const end = view.byteLength - 22;
  must(end >= 0 && view.getUint32(end, true) === 0x06054b50 && view.getUint16(end + 20, true) === 0);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  for (let n = 0, last = ""; n < count; n += 1) {
    must(view.getUint32(at, true) === 0x02014b50);
    const length = view.getUint16(at + 28, true);
    const name = ascii(view, at + 46, length);
    must(/^[0-9a-f]{64}$/.test(name) && name > last);
    last = name;
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  must(at === end);
  return count;
}

// ----------------------------------------------------------------------------------------------------------- checking

/** A reason not to check, told to the person by its key. */
class Refused extends Error {}

/** Everything that is wrong with a folder, as reversa.validating tells it of files, and the counts. */
async function check({ files, empty }, progress) {
  const names = files.map(({ name }) => name).sort();
  if (!names.includes(MANIFEST) && !names.includes(TAG_MANIFEST)) throw new Refused("verifier.no-package");
  const found = await lookAtAll(files.sort((a, b) => (a.name < b.name ? -1 : 1)), progress);
  const findings = [];
  const add = (group, name, key, values = {}) => findings.push({ group, name, key, values, unchecked: UNCHECKED.includes(key) });
  for (const folder of empty) add("files", folder, "verifier.empty");
  for (const name of names) {
    if (!/^[A-Za-z0-9._/-]+$/.test(name)) add("files", name, "verifier.name");
    if (found.get(name).digest === null) add("digests", name, "verifier.not-read");
    if (found.get(name).damaged) add("counts", name, "verifier.damaged");
  }
  if ((found.get("bagit.txt")?.text ?? BAGIT) !== BAGIT) add("digests", "bagit.txt", "verifier.bagit");
  const extra = new Set(names.filter((name) => name.includes("/") && !name.startsWith("data/")));
  const payload = names.filter((name) => name.startsWith("data/"));
  const tags = names.filter((name) => !name.includes("/") && name !== TAG_MANIFEST);
  const listed = new Map([...checkManifest(found, MANIFEST, payload, extra, add), ...checkManifest(found, TAG_MANIFEST, tags, extra, add)]);
  checkFileSet(found, listed, extra, add);
  const package_ = describe(found, add);
  const counts = package_ ? compareCounts(found, payload, package_, add) : [];
  const tagManifest = found.get(TAG_MANIFEST);
  return {
    findings,
    counts,
    number: names.length,
    package_,
    digest: tagManifest ? tagManifest.digest : null,
    content: package_ && (await contentDigest(package_)),
  };
}

const UNCHECKED = ["verifier.not-read", "verifier.newer"];

/** Name → what was seen of each file. One is read at a time, so that memory holds the biggest and no more. */
async function lookAtAll(files, progress) {
  const found = new Map();
  const bytes = files.reduce((sum, { file }) => sum + (file ? file.size : 0), 0);
  let read = 0;
  for (const { name, file } of files) {
    progress(found.size + 1, files.length, read / (bytes || 1));
    found.set(name, await look(name, file));
    read += file ? file.size : 0;
  }
  return found;
}

/** Compares a manifest with the files that it should list. Returns the files it lists that are not there, with their digests. */
function checkManifest(found, manifest, names, extra, add) {
  if (!found.has(manifest)) return [[manifest, undefined]];
  const { text } = found.get(manifest);
  if (text === null) return [];
  const listed = new Map(text.split("\n").filter((line) => line).map((line) => [line.slice(66), line.slice(0, 64)]));
  let expected = "";
  let told = false;
  for (const name of names) {
    const { digest } = found.get(name);
    expected += `${digest ?? listed.get(name)}  ${name}\n`;
    if (!listed.has(name)) extra.add(name);
    else if (digest !== null && digest !== listed.get(name)) add("digests", name, "verifier.changed", { manifest });
    else continue;
    told = true;
  }
  const there = new Set(names);
  const missing = [...listed].filter(([name]) => !there.has(name));
  if (!told && !missing.length && text !== expected) add("digests", manifest, "verifier.form");
  return missing;
}

/** Tells of missing and added files; of one of each as renamed, where the letters or the content are the same. */
function checkFileSet(found, missing, extra, add) {
  const byLetters = new Map([...extra].map((name) => [name.toLowerCase(), name]));
  const byDigest = new Map([...extra].map((name) => [found.get(name).digest, name]));
  for (const [name, digest] of missing) {
    const cased = byLetters.get(name.toLowerCase());
    const other = cased ?? byDigest.get(digest);
    if (extra.delete(other)) add("files", name, cased ? "verifier.case" : "verifier.renamed", { other });
    else add("files", name, "verifier.missing");
  }
  const twins = new Map([...found.keys()].filter((name) => !extra.has(name)).map((name) => [name.toLowerCase(), name]));
  for (const name of extra) {
    const other = twins.get(name.toLowerCase());
    add("files", name, other ? "verifier.case-twin" : "verifier.extra", { other });
  }
}

/** What datapackage.json says under `reversa`, or null. */
function describe(found, add) {
  const text = found.get(DESCRIPTION)?.text ?? null;
  if (text === null) return null;
  try {
    const stated = JSON.parse(text).reversa;
    if (stated.format !== FORMAT) add("counts", DESCRIPTION, "verifier.newer", { format: stated.format });
    else if (Object.values(stated.tables).every((table) => table !== null)) return stated;
    else add("counts", DESCRIPTION, "verifier.not-described");
  } catch {
    add("counts", DESCRIPTION, "verifier.not-described");
  }
  return null;
}

/** Lines of stated and counted numbers. What could not be counted is null. */
function compareCounts(found, payload, stated, add) {
  const rows = new Map(Object.keys(stated.tables).map((kind) => [kind, 0]));
  let [blobs, bytes] = [0, 0];
  const plus = (sum, more) => (sum === null || more === null ? null : sum + more);
  for (const name of payload) {
    const { size, entries } = found.get(name);
    const kind = isTable(name) ? name.split("/")[2] : null;
    if (kind !== null) rows.set(kind, plus(rows.has(kind) ? rows.get(kind) : 0, entries));
    else if (isPack(name)) blobs = plus(blobs, entries);
    else if (isLooseBlob(name)) blobs = plus(blobs, 1);
    bytes = plus(bytes, size);
  }
  const oxum = /^Payload-Oxum: (\d+)\.(\d+)$/m.exec(found.get("bag-info.txt")?.text ?? "") ?? [];
  const [statedBytes, statedFiles] = oxum.slice(1).map(Number);
  const number = (value) => (value === undefined || Number.isSafeInteger(value) ? value : JSON.stringify(value)); // "3" is not 3
  const lines = [
    ...[...rows].map(([kind, counted]) => ({
      kind,
      name: `data/tables/${kind}`,
      where: DESCRIPTION,
      stated: Object.hasOwn(stated.tables, kind) ? number(stated.tables[kind].rows) : undefined,
      counted,
    })),
    { key: "verifier.blobs", name: "data/packs, data/blobs", where: DESCRIPTION, stated: number(stated.blobs), counted: blobs },
    { key: "verifier.payload-files", name: "data", where: "bag-info.txt", stated: statedFiles, counted: payload.length },
    { key: "verifier.payload-bytes", name: "data", where: "bag-info.txt", stated: statedBytes, counted: bytes },
  ];
  for (const line of lines) if (status(line) === "bad") add("counts", line.name, "verifier.count-differs", line);
  return lines;
}

const status = ({ stated, counted }) => (counted === null ? "unchecked" : stated === counted ? "ok" : "bad");

/** The identity of the content, from the digests of tables that the package states; as reversa.package.Manifest.digest. */
function contentDigest({ source, tables }) {
  const lines = Object.keys(tables).sort().map((kind) => `\n${kind} ${tables[kind].digest}`);
  return sha256(new TextEncoder().encode(`${source?.system}:${source?.tenant}${lines.join("")}`));
}
