/** Checks that package-lock.json names no private registry: everyone must be able to install from it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMain, root } from './process.mjs';

/**
 * @param {string} [text] - the lock file's text
 * @returns {string[]} what is wrong, a line each
 */
export function checkLockFile(text = readFileSync(join(root, 'package-lock.json'), 'utf8')) {
  /** @type {Record<string, { resolved?: string, integrity?: string, link?: boolean }>} */
  const packages = JSON.parse(text).packages;
  return Object.entries(packages).flatMap(([path, entry]) => {
    if (!path.startsWith('node_modules/') || entry.link === true) return [];
    const problems = [];
    if (entry.resolved !== undefined && !entry.resolved.startsWith('https://registry.npmjs.org/')) {
      problems.push(
        `package-lock.json: ${path} comes from another registry; run npm install with the project's .npmrc`,
      );
    }
    if (entry.integrity === undefined) problems.push(`package-lock.json: ${path} has no integrity hash`);
    return problems;
  });
}

if (isMain(import.meta.url)) {
  const problems = checkLockFile();
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
