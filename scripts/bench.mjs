/** `npm run bench`: builds, then runs bench/main.ts with the arguments given. */
import { runBuilt } from './run-built.mjs';

await runBuilt('build/bench/main.js');
