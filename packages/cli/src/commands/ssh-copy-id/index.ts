/** ssh-copy-id: puts public keys into a server's authorized_keys, over nacre's own client and in the script's words. */
import type { ClientConnection } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { sanitize } from '../../terminal/sanitize.ts';
import { FatalError } from '../ssh/end.ts';
import { expiryOption, requireExpirySupport } from './expiry.ts';
import { type CopyOptions, readOptions } from './flags.ts';
import { findKeys, type KeySource, looksLikeKey, type NewKey } from './keys.ts';
import { ConnectFailure, openRemote, type Remote } from './remote.ts';

/** Exit status 0 also where there was nothing to do; 1 for everything that went wrong, as the script has it. */
export async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args, looksLikeKey);
  let source: KeySource | undefined;
  try {
    const expiry = options.expires === undefined ? undefined : expiryOption(options.expires, Date.now() / 1000);
    source = await findKeys(options, warn);
    say(`INFO: Source of key(s) to be installed: ${source.name}`);
    return await copy(expiry === undefined ? source : withExpiry(source, expiry), await openRemote(options), options);
  } catch (error) {
    return tell(error);
  } finally {
    source?.agent?.close();
  }
}

async function copy(source: KeySource, remote: Remote, options: CopyOptions): Promise<number> {
  const keys = options.force ? source.keys : await chooseNew(source, remote, options);
  if (keys.length === 0) {
    warnAllPresent();
    return 0;
  }
  if (options.dryRun) {
    process.stdout.write(formatDryRun(keys));
    return 0;
  }
  const added = await install(keys, remote, options);
  if (added === undefined) return 1;
  if (added === 0) warnAllPresent();
  else process.stdout.write(formatDone(added, source, options));
  return 0;
}

async function chooseNew(source: KeySource, remote: Remote, options: CopyOptions): Promise<NewKey[]> {
  say('INFO: attempting to log in with the new key(s), to filter out any that are already installed');
  const { withoutInstalled } = await import('./installed.ts');
  try {
    const keys = await withoutInstalled(source, remote, (server) => requireSupport(server, options));
    if (keys.length > 0) {
      const what = `${keys.length} key(s) remain to be installed`;
      say(`INFO: ${what} -- if you are prompted now it is to install the new keys`);
    }
    return keys;
  } catch (error) {
    if (!(error instanceof ConnectFailure)) throw error;
    throw new SshError(error.lines.map((line, index) => (index === 0 ? line : `ERROR: ${line}`)).join('\n'), {
      code: 'connect-failed',
      stage: 'tcp',
      cause: error.cause,
    });
  }
}

/** How many keys were added; undefined where none could be. */
async function install(keys: readonly NewKey[], remote: Remote, options: CopyOptions): Promise<number | undefined> {
  const connection = await remote.connect();
  try {
    requireSupport(connection.serverIdentification, options);
    const outcomes = await installOver(connection, keys, options);
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome === 'present') warn(`key #${index + 1} is in the file already and was not added again`);
    }
    const isRefused = outcomes.every((outcome) => outcome === 'skipped');
    return isRefused ? undefined : outcomes.filter((outcome) => outcome === 'added').length;
  } finally {
    await connection.close();
  }
}

async function installOver(connection: ClientConnection, keys: readonly NewKey[], options: CopyOptions) {
  const { additionsOf, installByCommand, installOnNetScreen } = await import('./install.ts');
  if (/^SSH-[\d.]+-NetScreen/.test(connection.serverIdentification)) return installOnNetScreen(connection, keys, warn);
  if (!options.sftp) return installByCommand(connection, keys, options);
  const { installBySftp } = await import('./install-sftp.ts');
  return installBySftp(connection, additionsOf(keys, options), options.target);
}

function requireSupport(identification: string, options: CopyOptions): void {
  if (options.expires !== undefined) requireExpirySupport(identification);
}

/** The option goes before those that a line has; of two expiry times a server takes the earlier. */
function withExpiry(source: KeySource, expiry: string): KeySource {
  const keys = source.keys.map((key) => {
    const hasOptions = !key.line.startsWith(`${key.keyType} `) && !key.line.startsWith(`${key.keyType}\t`);
    return { ...key, line: `${expiry}${hasOptions ? ',' : ' '}${key.line}` };
  });
  return { ...source, keys };
}

const ruler = '=-=-=-=-=-=-=-=';

function formatDryRun(keys: readonly NewKey[]): Buffer {
  // To a terminal no comment may speak; a file or a program gets the bytes as they are.
  const lines = keys.map(({ line }) =>
    process.stdout.isTTY ? Buffer.from(sanitize(Buffer.from(line, 'latin1'), '\t'), 'utf8').toString('latin1') : line,
  );
  const text = [ruler, 'Would have added the following key(s):', '', ...lines, ruler, ''].join('\n');
  return Buffer.from(text, 'latin1');
}

function formatDone(added: number, source: KeySource, options: CopyOptions): string {
  const words = [options.sftp ? 'sftp' : 'ssh'];
  if (options.identity !== undefined)
    words.push(`-i${source.privateFile === undefined ? '' : ` ${source.privateFile}`}`);
  if (options.port !== undefined) words.push(`-${options.sftp ? 'P' : 'p'} ${options.port}`);
  if (options.configFile !== undefined) words.push(`-F ${quote(options.configFile)}`);
  for (const option of options.options) words.push(`-o ${quote(option)}`);
  words.push(quote(options.destination));
  return [
    '',
    `Number of key(s) added: ${added}`,
    '',
    `Now try logging into the machine, with: "${sanitize(words.join(' '))}"`,
    'and check to make sure that only the key(s) you wanted were added.',
    '',
    '',
  ].join('\n');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function say(text: string): void {
  process.stderr.write(`ssh-copy-id: ${sanitize(text, '\t')}\n`);
}

function warn(text: string): void {
  say(`WARNING: ${text}`);
}

function warnAllPresent(): void {
  process.stderr.write(
    '\nssh-copy-id: WARNING: All keys were skipped because they already exist on the remote system.\n' +
      '\t\t(if you think this is a mistake, you may want to use -f option)\n\n',
  );
}

/** What went wrong, for stderr; anything that is no error of ours goes on. */
function tell(error: unknown): number {
  if (error instanceof ConnectFailure) {
    for (const line of error.lines) process.stderr.write(`${sanitize(line)}\n`);
  } else if (error instanceof FatalError) {
    if (error.message !== '') process.stderr.write(`${error.message}\n`);
  } else if (error instanceof SshError && error.stage !== 'usage') {
    const remedy = error.remedy === undefined ? '' : `\n\t(${sanitize(error.remedy)})`;
    process.stderr.write(`\nssh-copy-id: ERROR: ${sanitize(error.message, '\n')}${remedy}\n\n`);
  } else throw error;
  return 1;
}
