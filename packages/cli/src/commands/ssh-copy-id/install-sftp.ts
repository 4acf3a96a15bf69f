/** Installs keys by sftp, for servers that allow nothing else: reads the file, and writes at its end. */
import { posix } from 'node:path';
import { type ClientConnection, openSftp } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import type { SftpClient, SftpFile } from '@nacre/ssh/sftp';
import { type Addition, besideHome } from './remote-script.ts';

const usualFile = '.ssh/authorized_keys';
/** A longer file is no authorized_keys. */
const maxBytes = 64 * 1024 * 1024;

/** Does by sftp what the script of remote-script.ts does by a shell: nothing that is there is written anew or gets another mode. */
export async function installBySftp(
  connection: ClientConnection,
  additions: readonly Addition[],
  target: string | undefined,
): Promise<('added' | 'present')[]> {
  const path = target === undefined ? usualFile : besideHome(target);
  const sftp = await openSftp(connection);
  try {
    await makeFolder(sftp, posix.dirname(path));
    const before = await readIfThere(sftp, path);
    const { outcomes, text } = addLines((before ?? Buffer.alloc(0)).toString('latin1'), additions);
    if (text !== '') await append(sftp, path, Buffer.from(text, 'latin1'), before?.length);
    return outcomes;
  } finally {
    sftp.close();
  }
}

/** What to append to a file, and what becomes of each line. Texts have one character a byte. */
export function addLines(
  before: string,
  additions: readonly Addition[],
): { outcomes: ('added' | 'present')[]; text: string } {
  const lines = before.split('\n').map((line) => line.replace(/^[ \t]+|[ \t]+$/g, ''));
  const outcomes: ('added' | 'present')[] = [];
  let text = '';
  for (const addition of additions) {
    const isThere = lines.some((line) => !line.startsWith('#') && isSame(line, addition));
    outcomes.push(isThere ? 'present' : 'added');
    if (isThere) continue;
    lines.push(addition.line);
    text += `${addition.line}\n`;
  }
  // Somebody's editor may have left the last line open: ours would become a part of it.
  const isOpen = before !== '' && !before.endsWith('\n');
  return { outcomes, text: text !== '' && isOpen ? `\n${text}` : text };
}

function isSame(line: string, { unless, keyText, line: added }: Addition): boolean {
  return unless === 'line' ? line === added : ` ${line}`.replaceAll('\t', ' ').includes(` ${keyText}`);
}

async function makeFolder(sftp: SftpClient, path: string): Promise<void> {
  if (path === '.' || path === '/' || (await isThere(sftp, path))) return;
  await makeFolder(sftp, posix.dirname(path));
  try {
    await sftp.mkdir(path, { mode: 0o700 });
  } catch (error) {
    // Two at once: the other one made it.
    if (!(await isThere(sftp, path))) throw error;
  }
}

async function isThere(sftp: SftpClient, path: string): Promise<boolean> {
  return (await unlessMissing(sftp.stat(path))) !== undefined;
}

async function readIfThere(sftp: SftpClient, path: string): Promise<Buffer | undefined> {
  return unlessMissing(sftp.readFile(path, { maxBytes }));
}

async function unlessMissing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof SshError && error.code === 'no-such-file') return undefined;
    throw error;
  }
}

async function append(sftp: SftpClient, path: string, text: Buffer, size: number | undefined): Promise<void> {
  const file = await openToAppend(sftp, path, size === undefined);
  try {
    await file.write(size ?? 0, text);
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
  await file.close();
}

async function openToAppend(sftp: SftpClient, path: string, isNew: boolean): Promise<SftpFile> {
  const mode = { write: true, ...(isNew && { create: true }) };
  const options = isNew ? { attributes: { mode: 0o600 } } : {};
  try {
    // Where others write at the same moment, their lines and ours both come through.
    return await sftp.open(path, { ...mode, append: true }, options);
  } catch (error) {
    if (!(error instanceof SshError) || !['unsupported', 'operation-failed'].includes(error.code)) throw error;
    return sftp.open(path, mode, options);
  }
}
