/** What `nacre sync` says: a line for each change, and one in the end. */
import type { SshError } from '@nacre/ssh/errors';
import type { SyncChange, SyncReport } from '@nacre/ssh/transfer';
import { formatRate, formatSize } from '../../terminal/progress-line.ts';
import { sanitize } from '../../terminal/sanitize.ts';

const widest = 'update'.length;
const verbs: Readonly<Record<SyncChange['action'], string>> = {
  copy: 'copy',
  update: 'update',
  attributes: 'attrib',
  folder: 'mkdir',
  link: 'link',
  delete: 'delete',
};

export function formatChange({ action, path, kind, reason }: SyncChange): string {
  const name = path.length === 0 ? '.' : sanitize(path);
  const why = action === 'update' || (action !== 'copy' && reason === 'kind') ? `  (${reason})` : '';
  return `${verbs[action].padEnd(widest)} ${name}${kind === 'directory' ? '/' : ''}${why}`;
}

export function formatSummary(report: SyncReport, isDry: boolean): string {
  const { copied, updated, attributes, folders, links, deleted, unchanged, skipped, failures, bytes, elapsedMs } =
    report;
  const parts = [
    [copied, 'copied'],
    [updated, 'updated'],
    [attributes, 'with other attributes'],
    [folders, folders === 1 ? 'folder made' : 'folders made'],
    [links, links === 1 ? 'link made' : 'links made'],
    [deleted, 'deleted'],
    [unchanged, 'unchanged'],
    [skipped, 'left out'],
    [failures.length, 'failed'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const what = said.length === 0 ? 'nothing to do' : said.join(', ');
  if (isDry) return `would be: ${what}`;
  if (bytes === 0) return what;
  const seconds = Math.max(elapsedMs, 1) / 1000;
  return `${what}; ${formatSize(bytes).trim()}${bytes < 10_000 ? ' bytes' : ''} in ${seconds.toFixed(1)} s, ${formatRate(bytes / seconds).trim()}/s`;
}

export function formatFailure(error: SshError): string {
  return `nacre sync: ${error.message}${error.remedy === undefined ? '' : ` (${error.remedy})`}`;
}

/** For programs; names that are no UTF-8 stand there with their bytes escaped, as on a terminal. */
export function formatJson(report: SyncReport, isDry: boolean): string {
  const { failures, plan, ...counts } = report;
  const shape = {
    version: 1,
    dryRun: isDry,
    ...counts,
    elapsedMs: Math.round(counts.elapsedMs),
    failures: failures.map(({ source, error, partial }) => ({
      path: sanitize(source),
      code: error.code,
      message: error.message,
      partialBytes: partial?.bytes ?? null,
    })),
    plan: plan.map(({ action, path, kind, bytes, reason }) => ({
      action,
      path: sanitize(path),
      kind: kind ?? null,
      bytes: bytes ?? null,
      reason,
    })),
  };
  return JSON.stringify(shape, undefined, 2);
}
