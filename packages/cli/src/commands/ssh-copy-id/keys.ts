/** The keys to install: lines of a public key file, or what the agent holds. */
import { closeSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AgentClient } from '@nacre/ssh/agent';
import { connectAgent } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { formatPublicKey, parsePublicKey } from '@nacre/ssh/keys';
import { parseAuthorizedKeys } from '@nacre/ssh/trust';
import type { CopyOptions } from './flags.ts';

/** A key to install. Texts have one character a byte (latin1), so that a comment in any encoding arrives as it is. */
export interface NewKey {
  /** The line for authorized_keys. */
  readonly line: string;
  readonly keyType: string;
  readonly blob: Buffer;
}

export interface KeySource {
  readonly keys: readonly NewKey[];
  /** What the person is told: a file's name in quotes, or `ssh-add -L`. */
  readonly name: string;
  /** The file of the private half, where one is known. */
  readonly privateFile: string | undefined;
  readonly agent: AgentClient | undefined;
}

const maxKeyFileBytes = 1024 * 1024;

/**
 * Finds the keys: of the file that `-i` names, else the agent's, else the newest `~/.ssh/id*.pub`.
 *
 * @param warn - told of keys of the agent that are left out.
 */
export async function findKeys(options: CopyOptions, warn: (text: string) => void): Promise<KeySource> {
  const agent = await reachAgent();
  if (options.identity !== undefined) {
    const path = options.identity || newestPublicKey();
    if (path === undefined) throw unusable('no ID file found');
    return { ...readSource(path, options), agent };
  }
  const held = agent === undefined ? [] : await agentKeys(agent, warn);
  if (held.length > 0) return { keys: held, name: 'ssh-add -L', privateFile: undefined, agent };
  const path = newestPublicKey();
  if (path === undefined) {
    agent?.close();
    throw unusable('No identities found', 'Make a key with ssh-keygen, or name one with -i.');
  }
  return { ...readSource(path, options), agent };
}

/** Whether a file is there that speaks of ssh: what the script asks of a word that might be a host or a file. */
export function looksLikeKey(path: string): boolean {
  try {
    return statSync(path).size <= maxKeyFileBytes && /ssh/i.test(readFileSync(path, 'latin1'));
  } catch {
    return false;
  }
}

async function reachAgent(): Promise<AgentClient | undefined> {
  if (!process.env.SSH_AUTH_SOCK) return undefined;
  try {
    return await connectAgent();
  } catch {
    return undefined;
  }
}

async function agentKeys(agent: AgentClient, warn: (text: string) => void): Promise<NewKey[]> {
  const identities = await agent.list().catch(() => []);
  return identities.flatMap(({ type, blob, comment }) => {
    if (type.includes('-cert-v0')) {
      warn(`the agent's certificate ${showable(comment)} is left out: a server trusts it by its authority`);
      return [];
    }
    // A comment is free text of whoever added the key: a line feed in it would be a second line on the server.
    const safe = comment.trim().replace(/[\u0000-\u001f\u007f]/g, '?');
    const line = `${type} ${blob.toString('base64')}${safe && ' '}${safe}`;
    return [{ line: Buffer.from(line, 'utf8').toString('latin1'), keyType: type, blob }];
  });
}

/** The newest `id*.pub` of ~/.ssh that is no certificate. */
function newestPublicKey(): string | undefined {
  const folder = join(homedir(), '.ssh');
  const found: { path: string; changedMs: number }[] = [];
  try {
    for (const name of readdirSync(folder)) {
      if (!/^id.*\.pub$/s.test(name) || name.endsWith('-cert.pub')) continue;
      const path = join(folder, name);
      found.push({ path, changedMs: statSync(path).mtimeMs });
    }
  } catch {
    // No folder, or a link that leads nowhere: nothing is found there.
  }
  return found.sort((a, b) => b.changedMs - a.changedMs)[0]?.path;
}

/** A file by the name of either half; the private half has to be there as well, unless nothing is going to be checked. */
function readSource(path: string, { force }: CopyOptions): Omit<KeySource, 'agent'> {
  const publicFile = path.endsWith('.pub') ? path : `${path}.pub`;
  const text = readPublicFile(publicFile);
  const privateFile = force ? undefined : publicFile.slice(0, -'.pub'.length);
  if (privateFile !== undefined) {
    requireReadable(privateFile, `to install the contents of '${publicFile}' anyway, look at the -f option`);
  }
  return { keys: readLines(text, publicFile), name: `"${publicFile}"`, privateFile };
}

function requireReadable(path: string, remedy: string): void {
  try {
    closeSync(openSync(path, 'r'));
  } catch (error) {
    throw unreadable(path, error, remedy);
  }
}

function readPublicFile(path: string): string {
  try {
    if (statSync(path).size > maxKeyFileBytes) throw new Error(`it is larger than ${maxKeyFileBytes} bytes`);
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function readLines(text: string, file: string): NewKey[] {
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|^PuTTY-User-Key-File-/m.test(text)) {
    throw unusable(
      `'${file}' holds a private key`,
      'A private key must never leave this machine; give the public half.',
    );
  }
  if (/^(?:---- BEGIN SSH2 PUBLIC KEY ----|-----BEGIN [A-Z ]*PUBLIC KEY-----)/.test(text)) return [convert(text, file)];
  const { entries, problems } = parseAuthorizedKeys(text.replace(/\r+$/gm, ''), { name: file });
  if (/^\S+-cert-v01@openssh\.com\s/m.test(text) || entries.some(({ keyType }) => keyType.includes('-cert-v0'))) {
    throw unusable(
      `'${file}' holds a certificate`,
      'A server trusts certificates by their authority (TrustedUserCAKeys); give the public key itself.',
    );
  }
  const [problem] = problems;
  if (problem !== undefined) throw unusable(`'${file}' line ${problem.line}: ${problem.reason}`);
  if (entries.length === 0) throw unusable(`'${file}' holds no key`);
  // Not trim(): to that the last byte of a comment that ends in "à" is a blank.
  return entries.map(({ text: line, keyType, blob }) => ({
    line: line.replace(/^[ \t]+|[ \t\r]+$/g, ''),
    keyType,
    blob,
  }));
}

/** Other programs' forms of a public key, which sshd does not read. */
function convert(text: string, file: string): NewKey {
  try {
    const { key, comment } = parsePublicKey(text);
    const line = formatPublicKey(key, comment.replace(/[\u0000-\u001f\u007f]/g, '?'));
    return { line: Buffer.from(line, 'utf8').toString('latin1'), keyType: key.type, blob: key.blob };
  } catch (error) {
    throw unusable(`'${file}': ${error instanceof Error ? error.message : String(error)}`);
  }
}

function unreadable(path: string, error: unknown, remedy?: string): SshError {
  const { code, message } = error as NodeJS.ErrnoException;
  const words = {
    ENOENT: 'No such file',
    EACCES: 'Permission denied',
    ENOTDIR: 'Not a directory',
    EISDIR: 'Is a directory',
  };
  const reason = words[code as keyof typeof words] ?? message;
  return unusable(`failed to open ID file '${path}': ${reason}`, remedy);
}

function unusable(message: string, remedy?: string): SshError {
  return new SshError(message, { code: 'bad-file', stage: 'key', ...(remedy !== undefined && { remedy }) });
}

function showable(comment: string): string {
  return comment === '' ? '' : `"${comment}"`;
}
