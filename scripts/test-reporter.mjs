/** A node:test reporter: prints failures (and skips with their reason), and leaves the counts in a file. */
import { writeFileSync } from 'node:fs';

/** Where the counts go, as JSON; a run that leaves no file there did not end by itself. */
const countsFile = process.env.NACRE_TEST_COUNTS;

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {{ name: string, reason: string }[]} skipped
 */

// A reporter module has to have a default export.
// biome-ignore lint/style/noDefaultExport: node:test asks for it.
export default async function* report(/** @type {AsyncIterable<any>} */ source) {
  /** @type {Counts} */
  const counts = { passed: 0, failed: 0, skipped: [] };
  /** @type {string[]} the names from the outermost test to the running one */
  const path = [];
  for await (const { type, data } of source) {
    if (type === 'test:start') {
      path.length = data.nesting;
      path[data.nesting] = data.name;
    } else if (type === 'test:diagnostic') {
      // node:test lets such errors pass with a remark; they belong to a test that did not wait for what it started.
      if (!/asynchronous activity/.test(data.message)) continue;
      counts.failed++;
      yield `\nFAILED after its end: ${data.message}\n`;
    } else if (type === 'test:pass') {
      if (data.details?.type === 'suite') continue;
      const name = nameOf(path, data);
      if (data.skip !== undefined) counts.skipped.push({ name, reason: reasonOf(data.skip) });
      else if (data.todo !== undefined) counts.skipped.push({ name, reason: `to do: ${reasonOf(data.todo)}` });
      else counts.passed++;
    } else if (type === 'test:fail') {
      const error = data.details?.error;
      const subtestsFailed = error?.failureType === 'subtestsFailed';
      if (!(data.details?.type === 'suite' && subtestsFailed)) counts.failed++;
      // A parent fails because its children did; the children have said why.
      if (!subtestsFailed) yield `\nFAILED ${nameOf(path, data)}\n${describeFailure(error, data)}\n`;
    }
  }
  if (countsFile !== undefined) writeFileSync(countsFile, JSON.stringify(counts));
}

/**
 * @param {string[]} path
 * @param {any} data
 */
function nameOf(path, data) {
  return [...path.slice(0, data.nesting), data.name].join(' > ');
}

/** @param {unknown} reason */
function reasonOf(reason) {
  return typeof reason === 'string' && reason !== '' ? reason : 'no reason given';
}

/**
 * @param {any} error
 * @param {any} data
 */
function describeFailure(error, data) {
  const texts = [];
  // The runner's own error comes first; below it what the test threw, and why that was thrown (a property's counterexample).
  for (let cause = error?.cause ?? error; cause !== undefined && texts.length < 4; cause = cause?.cause) {
    const text = cause instanceof Error || typeof cause?.stack === 'string' ? cause.stack : String(cause);
    texts.push(texts.length === 0 ? text : `because of: ${text}`);
  }
  const where = data.file === undefined ? '' : `  at ${data.file}:${data.line}\n`;
  return `${where}${texts.join('\n').replace(/^/gm, '  ')}`;
}
