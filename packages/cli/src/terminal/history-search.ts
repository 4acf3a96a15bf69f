/** Searching the history backwards (^R): what is looked for, and where it was found. */

/** A search under way; each step gives a new one. */
export interface HistorySearch {
  readonly query: string;
  /** Place in the history, newest first; undefined where nothing was found yet. */
  readonly index: number | undefined;
  /** The latest step found nothing; what was found before stays shown. */
  readonly hasFailed: boolean;
}

export const newSearch: HistorySearch = { query: '', index: undefined, hasFailed: false };

/** Another query: looked for from where we are. */
export function searchFor(search: HistorySearch, query: string, history: readonly string[]): HistorySearch {
  // A shorter query may have been passed by: it is looked for anew.
  const isShorter = query.length < search.query.length;
  return look({ ...search, query }, isShorter ? 0 : (search.index ?? 0), history);
}

/** The next older line with the same query. */
export function searchOlder(search: HistorySearch, history: readonly string[]): HistorySearch {
  return look(search, search.index === undefined ? 0 : search.index + 1, history);
}

export function formatSearchPrompt({ query, hasFailed }: HistorySearch): string {
  return `(${hasFailed ? 'failed ' : ''}reverse-i-search)\`${query}': `;
}

function look(search: HistorySearch, from: number, history: readonly string[]): HistorySearch {
  const { query } = search;
  if (query === '') return { query, index: undefined, hasFailed: false };
  // The same line again would look as if nothing had happened.
  const shown = search.index === undefined ? undefined : history[search.index];
  const found = history.findIndex(
    (line, index) => index >= from && line.includes(query) && (index === search.index || line !== shown),
  );
  return found < 0 ? { ...search, hasFailed: true } : { query, index: found, hasFailed: false };
}
