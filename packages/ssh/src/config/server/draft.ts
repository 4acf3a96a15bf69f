/** Settings of sshd while they are gathered, and where each was said. */
import type { ConfigPlace } from '../place.ts';
import type { Given } from '../values.ts';
import { type ServerKeyword, type ServerSettings, serverKeywords, serverRow } from './keywords.ts';

/** Where each value was said: one place for the first line, all of them where lines add up. */
export type ServerOrigins = ReadonlyMap<ServerKeyword, readonly ConfigPlace[]>;

export class ServerDraft {
  readonly #values = new Map<ServerKeyword, unknown>();
  readonly #origins = new Map<ServerKeyword, readonly ConfigPlace[]>();

  /**
   * Takes a line; of most keywords the first one counts. A line that does not count is read all the same: a mistake in it is
   * a mistake.
   *
   * @returns the value, or undefined where an earlier line stands.
   * @throws ValueError, or SshError for a list of algorithms.
   */
  take(key: ServerKeyword, given: Given): { readonly value: unknown } | undefined {
    const row = serverRow(key);
    const isSet = this.#values.has(key);
    const value = row.read(given, isSet && row.accumulates ? this.#values.get(key) : undefined);
    if (isSet && !row.accumulates) return undefined;
    this.#values.set(key, value);
    this.#origins.set(key, [...(this.#origins.get(key) ?? []), given.place]);
    return { value };
  }

  /** What was said, and defaults for the rest. */
  settings(): ServerSettings {
    const keys = Object.keys(serverKeywords) as ServerKeyword[];
    const entries = keys.map((key) => [key, this.#values.has(key) ? this.#values.get(key) : serverRow(key).initial]);
    // Each row reads its own type, and every row is there.
    return Object.fromEntries(entries) as unknown as ServerSettings;
  }

  /** These values over those of `outside`. */
  over(outside: ServerSettings): ServerSettings {
    const settings: Record<string, unknown> = { ...outside };
    for (const [key, value] of this.#values) {
      const { merge } = serverRow(key);
      settings[key] = merge === undefined ? value : merge(settings[key], value);
    }
    return settings as unknown as ServerSettings;
  }

  get origins(): ServerOrigins {
    return this.#origins;
  }
}
