/** Checks layers.json: imports point down, no circles, node: builtins only where they belong, table.ts rows against files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { filesBelow, isMain, root } from './process.mjs';

/**
 * @typedef {object} PackageLayers
 * @property {string[][]} floors - top entries of the package from bottom to top; entries of one floor are siblings
 * @property {'any' | Record<string, string[]>} builtins - node: modules and the top entries that may import them
 * @property {string[]} [shared] - files beside a table.ts that are no rows of it (paths inside the package)
 *
 * @typedef {object} Import
 * @property {string} specifier
 * @property {number} line
 */

/**
 * Checks every package named in layers.json.
 *
 * @param {string} [base] - the checkout
 * @returns {string[]} what is wrong, a line each; empty if nothing is
 */
export function checkLayers(base = root) {
  /** @type {{ packages: Record<string, PackageLayers> }} */
  const layers = JSON.parse(readFileSync(join(base, 'layers.json'), 'utf8'));
  return Object.entries(layers.packages).flatMap(([folder, rules]) =>
    existsSync(join(base, folder)) ? checkPackage(base, folder, rules) : [],
  );
}

/**
 * @param {string} base
 * @param {string} folder
 * @param {PackageLayers} rules
 * @returns {string[]}
 */
function checkPackage(base, folder, rules) {
  /** @type {string[]} */
  const problems = [];
  const floorOf = new Map(rules.floors.flatMap((entries, floor) => entries.map((entry) => [entry, floor])));
  for (const entry of readdirSync(join(base, folder))) {
    if (!floorOf.has(entry) && !isTestFile(entry)) {
      problems.push(`${folder}/${entry}: on no floor of layers.json; add it to the one it belongs to`);
    }
  }
  /** @type {Map<string, Map<string, number>>} file -> the files it imports, with the line */
  const graph = new Map();
  for (const file of filesBelow(folder, '.ts', base)) {
    const inside = file.slice(folder.length + 1);
    const imports = importsOf(readFileSync(join(base, file), 'utf8'));
    /** @type {Map<string, number>} */
    const edges = new Map();
    for (const { specifier, line } of imports) {
      if (specifier.startsWith('.')) {
        const target = posix.normalize(posix.join(posix.dirname(inside), specifier));
        edges.set(target, line);
        if (!isTestFile(inside)) problems.push(...checkFloor(`${file}:${line}`, inside, target, floorOf));
      } else if (specifier.startsWith('node:') && !isTestFile(inside)) {
        problems.push(...checkBuiltin(`${file}:${line}`, inside, specifier, rules.builtins));
      }
    }
    if (!isTestFile(inside)) graph.set(inside, edges);
  }
  problems.push(...findCircles(graph).map((circle) => `${folder}: circular import ${circle.join(' -> ')}`));
  problems.push(...checkTables(folder, graph, rules.shared ?? []));
  return problems;
}

/**
 * @param {string} where
 * @param {string} from
 * @param {string} to
 * @param {Map<string, number>} floorOf
 * @returns {string[]}
 */
function checkFloor(where, from, to, floorOf) {
  const [fromEntry, toEntry] = [topEntry(from), topEntry(to)];
  if (to.startsWith('..')) return [`${where}: ${to} lies outside the package; import the package by its name`];
  if (isTestFile(to)) return [`${where}: imports the test file ${to}`];
  if (fromEntry === toEntry) return [];
  const [fromFloor, toFloor] = [floorOf.get(fromEntry), floorOf.get(toEntry)];
  if (toFloor === undefined) return [`${where}: ${toEntry} is on no floor of layers.json`];
  if (fromFloor === undefined || toFloor < fromFloor) return [];
  // Constants may stand on the lowest floor side by side, but nothing there imports its neighbour either.
  const relation = toFloor === fromFloor ? 'its sibling' : 'the higher layer';
  return [`${where}: ${fromEntry} imports ${relation} ${toEntry} (${to}); take what is needed as a parameter`];
}

/**
 * @param {string} where
 * @param {string} from
 * @param {string} specifier
 * @param {'any' | Record<string, string[]>} builtins
 * @returns {string[]}
 */
function checkBuiltin(where, from, specifier, builtins) {
  if (builtins === 'any') return [];
  const owners = builtins[specifier];
  if (owners?.includes(topEntry(from))) return [];
  const allowed = owners === undefined ? 'no folder may import it' : `only ${owners.join(', ')} may import it`;
  return [`${where}: ${specifier}: ${allowed} (layers.json)`];
}

/**
 * A table.ts is the list of its folder: a file that it does not reach is a thing nobody can choose. What the rows themselves
 * import are their helpers, and who imports the table is its reader; any other file that is no row begins with `_` or is named
 * under "shared" in layers.json.
 *
 * @param {string} folder
 * @param {Map<string, Map<string, number>>} graph
 * @param {string[]} shared
 * @returns {string[]}
 */
function checkTables(folder, graph, shared) {
  /** @type {string[]} */
  const problems = [];
  for (const table of graph.keys()) {
    if (posix.basename(table) !== 'table.ts') continue;
    const rows = reachable(table, graph);
    for (const [file, imports] of graph) {
      if (posix.dirname(file) !== posix.dirname(table) || rows.has(file) || imports.has(table)) continue;
      const name = posix.basename(file);
      const isHelper = name.startsWith('_') || name === 'types.ts' || name === 'index.ts' || name.endsWith('.d.ts');
      if (isHelper || shared.includes(file)) continue;
      problems.push(
        `${folder}/${file}: has no row in ${table}; add it, or name the file _${name} or list it under "shared" in layers.json`,
      );
    }
  }
  return problems;
}

/**
 * The file and those of its folder that it imports, by way of others of that folder too.
 *
 * @param {string} from
 * @param {Map<string, Map<string, number>>} graph
 * @returns {Set<string>}
 */
function reachable(from, graph) {
  const found = new Set([from]);
  for (const file of found) {
    for (const target of graph.get(file)?.keys() ?? []) {
      if (posix.dirname(target) === posix.dirname(from)) found.add(target);
    }
  }
  return found;
}

/**
 * Circles of imports, type-only ones included: each is reported once, from its alphabetically first file.
 *
 * @param {Map<string, Map<string, number>>} graph
 * @returns {string[][]}
 */
function findCircles(graph) {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  /** @type {Set<string>} */
  const done = new Set();
  /** @type {string[]} */
  const path = [];
  const visit = (/** @type {string} */ file) => {
    const seenAt = path.indexOf(file);
    if (seenAt >= 0) {
      const circle = path.slice(seenAt);
      const first = circle.indexOf([...circle].sort()[0] ?? file);
      const turned = [...circle.slice(first), ...circle.slice(0, first)];
      found.set(turned.join(' '), [...turned, turned[0] ?? file]);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of graph.get(file)?.keys() ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return [...found.values()];
}

/**
 * Every module a source text names: imports, re-exports, dynamic imports and import types.
 *
 * @param {string} text
 * @returns {Import[]}
 */
export function importsOf(text) {
  const code = withoutComments(text);
  const pattern = /(?:\bfrom|\bimport)\s*\(?\s*(['"])([^'"\n]+)\1/g;
  return [...code.matchAll(pattern)].map((match) => ({
    specifier: match[2] ?? '',
    line: code.slice(0, match.index).split('\n').length,
  }));
}

/**
 * The text with comments blanked, lines kept; strings are stepped over so that "//" inside them is none.
 *
 * @param {string} text
 */
function withoutComments(text) {
  const pattern = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return text.replace(pattern, (token) => (token.startsWith('/') ? token.replace(/[^\n]/g, ' ') : token));
}

/** @param {string} path */
function topEntry(path) {
  return path.split('/')[0] ?? path;
}

/** @param {string} path */
function isTestFile(path) {
  return /\.test(\.[a-z-]+)?\.ts$/.test(path);
}

if (isMain(import.meta.url)) {
  const problems = checkLayers();
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
