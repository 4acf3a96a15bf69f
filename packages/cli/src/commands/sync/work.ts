/** The sync itself, and what is told of it while it runs. */
import { type RemotePlace, type SyncEvent, type SyncOptions, sync } from '@nacre/ssh/transfer';
import type { Settings } from './settings.ts';
import { TotalLine } from './total-line.ts';
import { formatChange, formatFailure, formatJson, formatSummary } from './words.ts';

/** @returns the exit status. */
export async function work(
  source: string | RemotePlace,
  target: string | RemotePlace,
  settings: Settings,
): Promise<number> {
  const { isQuiet, isVerbose, showsProgress, isJson, bytesPerSecond, ...options } = settings;
  const line = showsProgress && !isQuiet && !isJson ? new TotalLine() : undefined;
  const tellsChanges = !isJson && !isQuiet && (isVerbose || settings.dryRun);
  const onEvent = (event: SyncEvent) => {
    if ('total' in event) line?.update(event.total);
    if (event.type === 'change' && tellsChanges) {
      line?.clear();
      process.stdout.write(`${formatChange(event.change)}\n`);
    }
    if (event.type === 'failed') {
      line?.clear();
      process.stderr.write(`${formatFailure(event.failure.error)}\n`);
    }
  };
  const asked: SyncOptions = { ...options, ...(bytesPerSecond !== undefined && { bytesPerSecond }), onEvent };
  let report: Awaited<ReturnType<typeof sync>>;
  try {
    report = await sync(source, target, asked);
  } finally {
    line?.end();
  }
  if (isJson) await write(`${formatJson(report, settings.dryRun)}\n`);
  else if (!isQuiet) await write(`${formatSummary(report, settings.dryRun)}\n`);
  if (report.undeleted > 0) {
    process.stderr.write(
      `nacre sync: nothing was deleted, because something failed; the target has ${report.undeleted} more than the source\n`,
    );
  }
  return report.failures.length > 0 ? 1 : 0;
}

/** Much goes through a pipe whole before the program ends. */
function write(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
