/** `nacre sync SOURCE TARGET`: makes one tree as another is, over sftp, and moves only what differs. */
import { formatHelp, parseFlags, usageError } from '../../flags/index.ts';
import { FatalError, failureStatus } from '../ssh/end.ts';
import { type Flags, table } from './flags.ts';
import { type Place, parsePlace } from './place.ts';
import { readSettings } from './settings.ts';

const notes = `
A place is a local path, [user@]host:path or sftp://[user@]host[:port][/path]; one of both is on a server. What the source's folder
holds comes to be in the target's folder, with or without a slash at its end.
Status: 0; 1 where something failed, and nothing is deleted then; 255 where a host could not be reached.`;

export async function run(args: readonly string[]): Promise<number> {
  const { flags, operands } = parseFlags(table, args);
  if (flags.help || flags.helpWord) {
    process.stdout.write(`${formatHelp(table)}\n${notes}\n`);
    return 0;
  }
  const [from, to] = readPlaces(operands, flags);
  const settings = readSettings(flags);
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
    return await work(source, target, settings);
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
