/** `npm run fuzz:live`: builds, then runs fuzz/live/main.ts with the arguments given. */
import { runBuilt } from './run-built.mjs';

await runBuilt('build/fuzz/live/main.js');
