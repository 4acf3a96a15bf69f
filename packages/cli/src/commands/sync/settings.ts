/** What the flags ask of the sync itself. */
import { usageError } from '../../flags/index.ts';
import { type Flags, table } from './flags.ts';

export function readSettings(flags: Flags) {
  const isArchive = flags.archive || flags.archiveWord;
  const keepsLinks = flags.links || flags.linksWord || isArchive;
  return {
    delete: flags.delete,
    dryRun: flags.dryRun || flags.dryRunWord,
    links: flags.follow || flags.followWord ? 'follow' : keepsLinks ? 'keep' : 'skip',
    modes: flags.modes || isArchive,
    compare: flags.checksum || flags.checksumWord ? 'hash' : 'time',
    exclude: flags.exclude,
    include: flags.include,
    verify: flags.verify,
    sparse: flags.sparse,
    toleranceSeconds: readNumber('tolerance', flags.tolerance) ?? 0,
    bytesPerSecond: kilobytes(readNumber('bwlimit', flags.rate)),
    isQuiet: flags.quiet,
    isVerbose: flags.verbose,
    showsProgress: flags.progress || flags.progressWord,
    isJson: flags.json,
  } as const;
}

export type Settings = ReturnType<typeof readSettings>;

function readNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw usageError(table, `--${name}: "${text}" is no number`);
  return Number(text);
}

/** 0 is no bound, as with rsync. */
function kilobytes(count: number | undefined): number | undefined {
  return count === undefined || count === 0 ? undefined : count * 1024;
}
