/** Private key files: whether a passphrase protects them, who can read them, when they were last used. */
import { basename } from 'node:path';
import { SshError } from '@nacre/ssh/errors';
import { isEncrypted, type PrivateKey, type PublicKey, parsePrivateKey, peekPublicKey } from '@nacre/ssh/keys';
import { type ReaderContext, startDraft } from './draft.ts';
import type { FoundFile } from './files.ts';
import type { Draft, LastUse, Problem } from './items.ts';
import { judgeStrength, readKeyFacts } from './key-facts.ts';

export async function readPrivateKeyFile(file: FoundFile, context: ReaderContext): Promise<Draft[]> {
  const opened = await open(file.text);
  const facts = opened.key === undefined ? undefined : readKeyFacts(opened.key.plain.blob);
  const lastUse = findLastUse(file, context);
  const type = facts?.type ?? typeByLabel(file.text);
  const problems: Problem[] = [
    ...opened.problems,
    ...(facts?.problems ?? (type === undefined ? [] : judgeStrength(type, undefined))),
    ...judgeProtection(file, opened.encrypted, type),
  ];
  if (lastUse.state === 'never') {
    problems.push({ level: 'note', code: 'never-used', message: 'nothing has read it since it was written' });
  }
  return [
    startDraft('private-key', file, {
      type,
      bits: facts?.bits,
      fingerprint: facts?.fingerprint,
      comment: opened.comment,
      encrypted: opened.encrypted,
      lastUse,
      plainBlob: opened.key?.plain.blob.toString('latin1'),
      problems,
    }),
  ];
}

interface Opened {
  readonly encrypted: boolean | undefined;
  readonly key: PublicKey | undefined;
  readonly comment: string;
  readonly problems: Problem[];
}

/** Opens what needs no passphrase, and looks at what stands in the clear otherwise. Nobody is asked for anything. */
async function open(text: string): Promise<Opened> {
  const bytes = Buffer.from(text, 'latin1');
  let encrypted: boolean | undefined;
  try {
    encrypted = isEncrypted(bytes);
    if (encrypted) return { encrypted, key: peekPublicKey(bytes), comment: '', problems: [] };
    const key: PrivateKey = await parsePrivateKey(bytes);
    return { encrypted, key: key.publicKey, comment: key.comment, problems: [] };
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    const key = peekPublicKey(bytes);
    // A DSA key is no damage; what is wrong with it is told by its type.
    if (typeByLabel(text) === 'ssh-dss') return { encrypted, key, comment: '', problems: [] };
    const problem: Problem = { level: 'error', code: 'damaged', message: `it cannot be used: ${error.message}` };
    return { encrypted, key, comment: '', problems: [problem] };
  } finally {
    bytes.fill(0);
  }
}

/** The type that the file's frame tells, where the key inside is not to be had. */
function typeByLabel(text: string): string | undefined {
  if (/^-----BEGIN DSA PRIVATE KEY-----/m.test(text)) return 'ssh-dss';
  if (/^-----BEGIN RSA PRIVATE KEY-----/m.test(text)) return 'ssh-rsa';
  const named = /^PuTTY-User-Key-File-\d: ([A-Za-z0-9@.-]+)/m.exec(text);
  if (named !== null) return named[1];
  const block = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]*)/.exec(text);
  if (block === null) return undefined;
  // Behind the length that is always 7 in an ssh-dss key.
  return Buffer.from(block[1] as string, 'base64').includes('\0\0\0\x07ssh-dss') ? 'ssh-dss' : undefined;
}

function judgeProtection({ path, stats, text }: FoundFile, encrypted: boolean | undefined, type = ''): Problem[] {
  const problems: Problem[] = [];
  if ((stats.mode & 0o077) !== 0 && process.platform !== 'win32') {
    const message = `others can get at it (mode ${formatMode(stats.mode)}), so ssh refuses it; chmod 600, and consider a new key`;
    problems.push({ level: 'error', code: 'open-permissions', message });
  }
  if (encrypted === false && !type.startsWith('sk-') && !isHostKey(path)) {
    const message = 'no passphrase protects it; ssh-keygen -p sets one, and an agent remembers it';
    problems.push({ level: 'warning', code: 'unencrypted', message });
  }
  if (encrypted && /^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    const message = 'its passphrase is hashed once with MD5, so guessing is cheap; ssh-keygen -p writes it anew';
    problems.push({ level: 'warning', code: 'weak-encryption', message });
  }
  return problems;
}

/** A server's key, which has to work when nobody is there to type a passphrase. */
function isHostKey(path: string): boolean {
  return /^ssh_host_.*_key$/.test(basename(path));
}

/** Exact to a day: file systems that are mounted relatime, as most are, write it down no more often. */
function findLastUse({ path, stats }: FoundFile, context: ReaderContext): LastUse {
  if (!context.keepsAccessTimes(path)) return { state: 'unknown', atMs: undefined };
  const since = Math.max(stats.mtimeMs, stats.birthtimeMs);
  // Any first reading would have moved it.
  if (stats.atimeMs <= since) return { state: 'never', atMs: undefined };
  return { state: 'at', atMs: Math.round(stats.atimeMs) };
}

export function formatMode(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
