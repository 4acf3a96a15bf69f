/** What the tools use to talk with the person at the terminal. */
export type { EscapeAction, EscapeOutput, EscapeState } from './escapes.ts';
export { escapeHelp, formatEscape, processEscapes, startEscapes } from './escapes.ts';
export { askPermission, askSecret, askVisible } from './prompts.ts';
export { Terminal } from './raw-mode.ts';
export { sanitize, sanitizeText } from './sanitize.ts';
