/** `npm run fuzz`: builds, then runs fuzz/main.ts with the arguments given. */
import { runBuilt } from './run-built.mjs';

await runBuilt('build/fuzz/main.js');
