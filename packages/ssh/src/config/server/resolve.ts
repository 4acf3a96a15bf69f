/** What sshd is told for one connection: the Match blocks that fit, over what holds for everybody. */
import { ServerDraft, type ServerOrigins } from './draft.ts';
import type { ServerSettings } from './keywords.ts';
import type { ConnectionFacts } from './match.ts';
import type { MatchBlock, ParsedServerConfig } from './read.ts';

export interface ServerConfig {
  readonly settings: ServerSettings;
  /** Where each value that somebody gave was said; defaults are not in it. */
  readonly origins: ServerOrigins;
}

/**
 * Settles a configuration for a connection, as sshd_config(5) describes for Match. The same blocks give the same object.
 *
 * @example
 * const { settings } = resolveServerConfig(parsed, { user: 'ada', address: '192.0.2.7' });
 */
export function resolveServerConfig(parsed: ParsedServerConfig, facts: ConnectionFacts): ServerConfig {
  const fitting = parsed.blocks.filter(({ conditions }) => conditions.every((condition) => condition.matches(facts)));
  if (fitting.length === 0) return parsed;
  const known = settledFor(parsed);
  const name = fitting.map((block) => parsed.blocks.indexOf(block)).join(',');
  let config = known.get(name);
  if (config === undefined) {
    config = settle(parsed, fitting);
    if (known.size < maxSettled) known.set(name, config);
  }
  return config;
}

/** Whoever connects chooses which blocks fit, so that what is remembered must have an end. */
const maxSettled = 256;

const settled = new WeakMap<ParsedServerConfig, Map<string, ServerConfig>>();

function settledFor(parsed: ParsedServerConfig): Map<string, ServerConfig> {
  let known = settled.get(parsed);
  if (known === undefined) {
    known = new Map();
    settled.set(parsed, known);
  }
  return known;
}

/** Of several blocks the first that says a thing counts, and it outweighs whatever stands outside of blocks. */
function settle(parsed: ParsedServerConfig, blocks: readonly MatchBlock[]): ServerConfig {
  const draft = new ServerDraft();
  for (const { lines } of blocks) for (const { key, given } of lines) draft.take(key, given);
  return { settings: draft.over(parsed.settings), origins: new Map([...parsed.origins, ...draft.origins]) };
}
