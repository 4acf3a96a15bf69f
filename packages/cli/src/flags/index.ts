/** What the tools use to read their arguments. */
export type { ParsedArguments, ParsedFlags } from './flags.ts';
export { parseFlags } from './flags.ts';
export type { KeyValue } from './key-value.ts';
export { parseKeyValue } from './key-value.ts';
export { takeLongFlags } from './long-flags.ts';
export type { FlagRow, FlagTable } from './table.ts';
export { formatHelp, formatUsage, usageError } from './usage.ts';
