/** bye, exit, quit: ends the session. */
import type { Verb } from './verb.ts';

export const quit: Verb = { names: ['bye', 'exit', 'quit'], flags: '', run: () => 'end' };
