/** `nacre sync SOURCE TARGET`: makes one tree as another is, over sftp, and moves only what differs. */
import { formatHelp, parseFlags, usageError } from '../../flags/index.ts';
import { FatalError, failureStatus } from '../ssh/end.ts';
import { table } from './flags.ts';
import { type Place, parsePlace } from './place.ts';

const notes = `
A place is a local path, [user@]host:path or sftp://[user@]host[:port][/path]; one of both is on a server. What the source's folder
holds comes to be in the target's folder, with or without a slash at its end.
Status: 0; 1 where something failed, and nothing is deleted then; 255 where a host could not be reached.`;

type Flags = ReturnType<typeof parseFlags<typeof table.rows>>['flags'];

export async function run(args: readonly string[]): Promise<number> {
  const { flags, operands } = parseFlags(table, args);
  if (flags.help || flags.helpWord) {
    process.stdout.write(`${formatHelp(table)}\n${notes}\n`);
    return 0;
  }
  const [from, to] = readPlaces(operands, flags);
  const { Ends, Unreachable } = await import('./ends.ts');
  const ends = new Ends({
    sshFlags: sshFlags(flags),
    port: flags.port,
    program: flags.program,
    reconnects: flags.reconnect,
    note: (text) => void process.stderr.write(`nacre sync: ${text}\n`),
  });
  try {
    const source = await ends.open(from);
    const target = await ends.open(to);
    const { work } = await import('./work.ts');
    return await work(source, target, settings(flags));
  } catch (error) {
    if (error instanceof Unreachable) return failureStatus;
    if (!(error instanceof FatalError)) throw error;
    process.stderr.write(`nacre sync: ${error.message}\n`);
    return failureStatus;
  } finally {
    await ends.close();
  }
}

function readPlaces(operands: readonly string[], flags: Flags): [Place, Place] {
  const [source, target] = operands;
  if (source === undefined || target === undefined || operands.length > 2) throw usageError(table);
  const places = [source, target].map((text) => {
    const place = parsePlace(text);
    if (place === undefined) throw usageError(table, `"${text}" is no place`);
    return place;
  });
  const [from, to] = places as [Place, Place];
  if (from.kind === 'local' && to.kind === 'local') throw usageError(table, 'one of both places has to be on a server');
  // A word forgotten behind the colon would cost all that a person has there.
  if (to.kind === 'remote' && to.path === '' && flags.delete) {
    throw usageError(
      table,
      `"${target}" names no folder, and --delete would clear the home folder; "${target}." means it`,
    );
  }
  return [from, to];
}

/** ssh's own arguments. */
function sshFlags(flags: Flags): string[] {
  const withValue = (letter: string, values: readonly string[]) => values.flatMap((value) => [letter, value]);
  return [
    ...(flags.ipv4 ? ['-4'] : []),
    ...(flags.ipv6 ? ['-6'] : []),
    ...(flags.compress ? ['-C'] : []),
    ...withValue('-F', flags.configFile === undefined ? [] : [flags.configFile]),
    ...withValue('-J', flags.jump === undefined ? [] : [flags.jump]),
    ...withValue('-i', flags.identity),
    ...withValue('-o', flags.option),
  ];
}

function settings(flags: Flags) {
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

export type Settings = ReturnType<typeof settings>;

function readNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw usageError(table, `--${name}: "${text}" is no number`);
  return Number(text);
}

/** 0 is no bound, as with rsync. */
function kilobytes(count: number | undefined): number | undefined {
  return count === undefined || count === 0 ? undefined : count * 1024;
}
