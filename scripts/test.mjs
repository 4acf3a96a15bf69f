/** `npm test`: sets up, builds, and runs every part of the tests; the last line counts them all. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from './build.mjs';
import { runChecks } from './check.mjs';
import { fastPaths } from './fast-paths.mjs';
import { ensurePeers } from './peers.mjs';
import { filesBelow, formatSeconds, ownNode, root, run, systemNode } from './process.mjs';
import { setup } from './setup.mjs';

/**
 * @typedef {object} Outcome
 * @property {number} passed
 * @property {number} failed
 * @property {{ name: string, reason: string }[]} skipped
 *
 * @typedef {object} Part
 * @property {string} name
 * @property {(only: string | undefined) => Promise<Outcome>} run
 */

const unitTimeoutMs = 5 * 60_000;
const fileTimeoutMs = 4 * 60_000;
const fuzzSeconds = Number(process.env.NACRE_FUZZ_SECONDS ?? 6);
/** Interop files and examples spend their time waiting for processes, so two at a time suit even two cores. */
const filesAtOnce = Number(process.env.NACRE_TEST_JOBS ?? 2);
const scratch = join(root, 'build', 'tests');
/** Numbers the files that hold counts. */
let runs = 0;
const reporter = pathToFileURL(join(root, 'scripts', 'test-reporter.mjs')).href;

/** @type {Part[]} */
const parts = [
  { name: 'checks', run: checksPart },
  { name: 'unit', run: (only) => unitPart(systemNode(), only) },
  { name: 'unit24', run: (only) => unitOnOwnNode(only) },
  { name: 'tools', run: toolsPart },
  { name: 'examples', run: examplesPart },
  { name: 'interop', run: interopPart },
  { name: 'fallback', run: fallbackPart },
  { name: 'fuzz', run: fuzzPart },
];

const { chosen, only } = parseArguments(process.argv.slice(2));
process.exitCode = await main();

async function main() {
  const start = Date.now();
  try {
    await setup();
  } catch (error) {
    return stop(error instanceof Error ? error.message : String(error));
  }
  if ((await build()) !== 0) return stop('the build failed');
  mkdirSync(scratch, { recursive: true });

  /** @type {(Outcome & { name: string, ms: number })[]} */
  const outcomes = [];
  for (const part of chosen) {
    console.log(`\n== ${part.name}`);
    const from = Date.now();
    const outcome = await part.run(only).catch((error) => {
      console.log(`FAILED ${part.name}: ${error instanceof Error ? error.stack : error}`);
      return { passed: 0, failed: 1, skipped: [] };
    });
    outcomes.push({ ...outcome, name: part.name, ms: Date.now() - from });
  }
  return summarize(outcomes, Date.now() - start);
}

/** @param {string} reason */
function stop(reason) {
  console.log(`test: ${reason}\n0 passed, 1 failed, 0 skipped`);
  return 1;
}

/**
 * @param {(Outcome & { name: string, ms: number })[]} outcomes
 * @param {number} ms
 */
function summarize(outcomes, ms) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  console.log(`\n${'part'.padEnd(10)}  passed  failed  skipped    time`);
  for (const { name, passed, failed, skipped, ms: partMs } of outcomes) {
    const numbers = [passed, failed, skipped.length].map((count, i) => String(count).padStart([6, 6, 7][i] ?? 6));
    console.log(`${name.padEnd(10)}  ${numbers.join('  ')}  ${formatSeconds(partMs).padStart(8)}`);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped.length;
  }
  for (const { name, skipped } of outcomes) {
    for (const skip of skipped) console.log(`skipped in ${name}: ${skip.name}: ${skip.reason}`);
  }
  // A run that tested nothing has shown nothing.
  if (total.passed + total.failed === 0) {
    console.log(`nothing was tested${only === undefined ? '' : `: no test file's path holds "${only}"`}`);
    total.failed = 1;
  }
  console.log(`in ${formatSeconds(ms)}`);
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? 0 : 1;
}

/**
 * `npm test -- [PART…] [--only NAME]`: NAME is a part, or a piece of the path of test files.
 *
 * @param {string[]} args
 */
function parseArguments(args) {
  /** @type {Part[]} */
  const named = [];
  /** @type {string | undefined} */
  let piece;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    const value = arg === '--only' ? args[++i] : arg.startsWith('--only=') ? arg.slice(7) : undefined;
    const part = parts.find(({ name }) => name === (value ?? arg));
    if (part !== undefined) named.push(part);
    else if (value !== undefined && value !== '') piece = value;
    else {
      console.error(`usage: npm test -- [PART...] [--only NAME]; parts: ${parts.map(({ name }) => name).join(' ')}`);
      process.exit(2);
    }
  }
  const withFiles = parts.filter(({ name }) => !['checks', 'fuzz', 'fallback'].includes(name));
  return { chosen: named.length > 0 ? named : piece === undefined ? parts : withFiles, only: piece };
}

async function checksPart() {
  const results = await runChecks();
  const failed = results.filter(({ passed }) => !passed).length;
  return { passed: results.length - failed, failed, skipped: [] };
}

/** @param {string | undefined} only */
async function unitOnOwnNode(only) {
  if (!existsSync(ownNode)) {
    return skipped('unit tests on Node 24', 'the package `node` has no program (install scripts are off?)');
  }
  return unitPart(ownNode, only);
}

/**
 * All unit tests in one process: starting one for each file would take longer than the tests.
 *
 * @param {string} node
 * @param {string | undefined} only
 * @returns {Promise<Outcome>}
 */
async function unitPart(node, only) {
  const files = filesBelow('packages', '.test.ts')
    .filter((file) => only === undefined || file.includes(only))
    .map(builtFile);
  return runTogether(node, files);
}

/** @param {string} file - a test of a package */
function builtFile(file) {
  return file.replace(/^(packages\/[^/]+)\/src\/(.*)\.ts$/, '$1/dist/$2.js');
}

/**
 * Each fast path forced off: the tests that would go through it go through what lies behind it.
 *
 * @param {string | undefined} only
 * @returns {Promise<Outcome>}
 */
async function fallbackPart(only) {
  /** @type {Outcome} */
  const total = { passed: 0, failed: 0, skipped: [] };
  for (const { variable, value, unit, interop } of fastPaths) {
    const env = { [variable]: value };
    const among = (/** @type {string} */ file) => only === undefined || `${variable} ${file}`.includes(only);
    const units = filesBelow('packages', '.test.ts').filter((f) => unit.some((piece) => f.includes(piece)) && among(f));
    const others = filesBelow('test/interop', '.test.ts').filter((file) =>
      interop.some((name) => file === `test/interop/${name}.test.ts` && among(file)),
    );
    if (units.length + others.length > 0) console.log(`${variable}=${value}`);
    const nodes = existsSync(ownNode) ? [systemNode(), ownNode] : [systemNode()];
    const outcomes = [];
    for (const node of nodes) outcomes.push(await runTogether(node, units.map(builtFile), env));
    outcomes.push(await runEach(others, env));
    for (const { passed, failed, skipped: skips } of outcomes) {
      total.passed += passed;
      total.failed += failed;
      total.skipped.push(...skips);
    }
  }
  return total;
}

/**
 * Tests of what tests: the scripts, the fuzzer, the benchmarks.
 *
 * @param {string | undefined} only
 */
async function toolsPart(only) {
  const built = ['fuzz', 'bench'].flatMap((folder) => filesBelow(folder, '.test.ts'));
  const files = [...filesBelow('scripts', '.test.mjs'), ...built].filter(
    (file) => only === undefined || file.includes(only),
  );
  return runTogether(
    systemNode(),
    files.map((file) => (file.endsWith('.ts') ? `build/${file.replace(/\.ts$/, '.js')}` : file)),
  );
}

/**
 * Node 20 cannot run several test files in one process by itself, so a program that imports them is written.
 *
 * @param {string} node
 * @param {string[]} files
 * @param {Record<string, string>} [env]
 * @returns {Promise<Outcome>}
 */
async function runTogether(node, files, env = {}) {
  if (files.length === 0) return { passed: 0, failed: 0, skipped: [] };
  const { output: version } = await run([node, '--version']);
  console.log(`${files.length} files on Node ${version.trim()}`);
  const runner = join(scratch, `all-${process.pid}.mjs`);
  const lines = files.map((file) => `await load(${JSON.stringify(pathToFileURL(join(root, file)).href)});`);
  writeFileSync(
    runner,
    `/** Written by scripts/test.mjs: imports every test file into one process. */
import { test } from 'node:test';
// Files that make a folder remove it when the process ends, and here all of them are one process.
process.setMaxListeners(100);
async function load(url) {
  try {
    await import(url);
  } catch (error) {
    test('load ' + url, () => Promise.reject(error));
  }
}
${lines.join('\n')}
`,
  );
  const outcome = await runTestProgram(node, runner, 'unit tests', unitTimeoutMs, { show: true, env });
  rmSync(runner, { force: true });
  return outcome;
}

/**
 * Runs one program that uses node:test and reads the counts its reporter left.
 *
 * @param {string} node
 * @param {string} program
 * @param {string} name
 * @param {number} timeoutMs
 * @param {{ show?: boolean, env?: Record<string, string> }} [options]
 * @returns {Promise<Outcome & { output: string }>}
 */
async function runTestProgram(node, program, name, timeoutMs, { show = false, env: more = {} } = {}) {
  const countsFile = join(scratch, `counts-${process.pid}-${++runs}.json`);
  rmSync(countsFile, { force: true });
  const env = { ...process.env, ...more, NACRE_TEST_COUNTS: countsFile };
  const argv = [node, `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', program];
  const { status, output, timedOut } = await run(argv, { env, timeoutMs, show });
  /** @type {Outcome} */
  let outcome;
  try {
    outcome = JSON.parse(readFileSync(countsFile, 'utf8'));
    rmSync(countsFile);
  } catch {
    // Such as by process.exit() in a test: whatever came after it never ran.
    outcome = { passed: 0, failed: 1, skipped: [] };
    console.log(`FAILED ${name}: it ended before its tests did`);
  }
  if (timedOut) console.log(`FAILED ${name}: still running after ${formatSeconds(timeoutMs)}, something is left open`);
  // An error outside every test ends the process without a failed test.
  if (status !== 0 && outcome.failed === 0) outcome.failed = 1;
  if (!show && outcome.failed > 0) console.log(output.trimEnd());
  return { ...outcome, output };
}

/**
 * Each example is a program that has to end by itself with status 0; status 77 says that something it needs is not here.
 *
 * @param {string | undefined} only
 * @returns {Promise<Outcome>}
 */
async function examplesPart(only) {
  const files = filesBelow('examples', '.ts').filter((file) => only === undefined || file.includes(only));
  return eachFile(files, async (file) => {
    const program = join('build', file.replace(/\.ts$/, '.js'));
    const { status, output, timedOut, ms } = await run([systemNode(), program], { timeoutMs: fileTimeoutMs });
    const verdict = status === 0 ? 'ok    ' : status === 77 ? 'skip  ' : 'FAILED';
    console.log(`${verdict}  ${file}  ${formatSeconds(ms)}`);
    if (status === 0) return { passed: 1, failed: 0, skipped: [] };
    if (status === 77) return skipped(file, output.trim().split('\n').at(-1) ?? 'no reason given');
    console.log(timedOut ? `still running after ${formatSeconds(fileTimeoutMs)}` : output.trimEnd());
    return { passed: 0, failed: 1, skipped: [] };
  });
}

/**
 * @param {string | undefined} only
 * @returns {Promise<Outcome>}
 */
async function interopPart(only) {
  const files = filesBelow('test', '.test.ts').filter((file) => only === undefined || file.includes(only));
  if (files.length === 0) return { passed: 0, failed: 0, skipped: [] };
  for (const missing of await ensurePeers()) console.log(`not here: ${missing.name}: ${missing.reason}`);
  return runEach(files, {});
}

/**
 * @param {string[]} files
 * @param {Record<string, string>} env
 * @returns {Promise<Outcome>}
 */
function runEach(files, env) {
  return eachFile(files, async (file) => {
    const start = Date.now();
    const program = join(root, 'build', file.replace(/\.ts$/, '.js'));
    const { output: _output, ...outcome } = await runTestProgram(systemNode(), program, file, fileTimeoutMs, { env });
    const { passed, failed, skipped: skips } = outcome;
    const verdict = failed > 0 ? 'FAILED' : 'ok    ';
    const counts = `${passed} passed${failed > 0 ? `, ${failed} failed` : ''}${skips.length > 0 ? `, ${skips.length} skipped` : ''}`;
    console.log(`${verdict}  ${file}  ${counts}  ${formatSeconds(Date.now() - start)}`);
    return outcome;
  });
}

/** @returns {Promise<Outcome>} */
async function fuzzPart() {
  const program = join(root, 'build', 'fuzz', 'main.js');
  if (!existsSync(program)) return { passed: 0, failed: 0, skipped: [] };
  const argv = [systemNode(), program, '--seconds', String(fuzzSeconds)];
  const { status, output } = await run(argv, { timeoutMs: fuzzSeconds * 1000 + fileTimeoutMs });
  console.log(output.trimEnd());
  const ok = [...output.matchAll(/^ok {2}/gm)].length;
  const bad = [...output.matchAll(/^FAILED/gm)].length;
  return { passed: ok, failed: bad === 0 && status !== 0 ? 1 : bad, skipped: [] };
}

/**
 * @param {string[]} files
 * @param {(file: string) => Promise<Outcome>} work
 * @returns {Promise<Outcome>}
 */
async function eachFile(files, work) {
  /** @type {Outcome} */
  const total = { passed: 0, failed: 0, skipped: [] };
  const waiting = [...files];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const outcome = await work(file);
      total.passed += outcome.passed;
      total.failed += outcome.failed;
      total.skipped.push(...outcome.skipped);
    }
  };
  await Promise.all(Array.from({ length: filesAtOnce }, worker));
  return total;
}

/**
 * @param {string} name
 * @param {string} reason
 * @returns {Outcome}
 */
function skipped(name, reason) {
  return { passed: 0, failed: 0, skipped: [{ name, reason }] };
}
