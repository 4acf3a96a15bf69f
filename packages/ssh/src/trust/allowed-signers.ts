/** allowed_signers files: whose signatures over files and messages count (ssh-keygen(1), ALLOWED SIGNERS). */
import { formatAbsoluteTime } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { type AllowedSignersEntry, parseSignerLine, type SignerLineProblem } from './allowed-signers-line.ts';
import { matchPattern, matchPatternList } from './patterns.ts';
import { type LineProblem, shown, splitLines } from './trust-file.ts';
import { certificateRefusal } from './user-certificate.ts';

export interface AllowedSigners {
  readonly name: string;
  /** Good lines and bad ones in the file's order; empty lines and comments are left out. */
  readonly lines: readonly (AllowedSignersEntry | SignerLineProblem)[];
  readonly entries: readonly AllowedSignersEntry[];
  /** Lines that cannot be understood wholly: they allow nobody. */
  readonly problems: readonly LineProblem[];
}

/**
 * Parses a whole file, in time linear in its length.
 *
 * @throws SshError `limit-exceeded` for a file too large to be one.
 * @example
 * const file = parseAllowedSigners(await readFile(path, 'utf8'), { name: path });
 * for (const { line, reason } of file.problems) console.warn(`${path}:${line}: ${reason}`);
 */
export function parseAllowedSigners(text: string, options: { name: string }): AllowedSigners {
  const file = options.name;
  const lines: (AllowedSignersEntry | SignerLineProblem)[] = [];
  const texts = splitLines(text, file);
  // Behind the last line feed there is no line; without one, the last line ends where the file does.
  const last = texts.length - 1;
  for (const [index, lineText] of texts.entries()) {
    const parsed = parseSignerLine(lineText, { file, line: index + 1, closed: index < last });
    if (parsed !== undefined) lines.push(parsed);
  }
  const entries = lines.filter((line) => 'key' in line);
  const problems = lines.filter((line) => 'reason' in line);
  return { name: file, lines, entries, problems };
}

export interface SignerQuestion {
  /** The key or certificate that `verifyMessage` gave. */
  readonly key: PublicKey;
  /** Who is said to have signed: `alice@example.com`. */
  readonly principal: string;
  readonly namespace: string;
  /** When the signature was made, as far as that is known, or now: milliseconds since 1970. */
  readonly now: number;
  /** CASignatureAlgorithms; default everything but SHA-1. */
  readonly caSignatureAlgorithms?: readonly string[] | undefined;
}

export type SignerVerdict =
  | { readonly status: 'allowed'; readonly line: AllowedSignersEntry; readonly notes: readonly LineProblem[] }
  | {
      readonly status: 'refused';
      /** What was wrong with the lines for this principal, in the file's order: unreadable, for other purposes, expired … */
      readonly notes: readonly LineProblem[];
    };

/**
 * Whether a principal may sign with this key for this purpose at this time. The first line that says so decides.
 *
 * @throws SshError `limit-exceeded` for a principal or namespace too long to be one; every error means refusal.
 * @example
 * const { key } = await verifyMessage(signature, { namespace: 'file', message });
 * const verdict = checkSigner(file, { key, principal: 'alice@example.com', namespace: 'file', now: Date.now() });
 */
export function checkSigner(file: AllowedSigners, question: SignerQuestion): SignerVerdict {
  const { key, principal } = question;
  const notes: LineProblem[] = [];
  for (const line of file.lines) {
    if (!isFor(line, principal) || ('key' in line && !holdsKey(line, key))) continue;
    const refusal = 'reason' in line ? line.reason : refusalBy(line, question);
    if (refusal !== undefined) notes.push({ file: line.file, line: line.line, reason: refusal });
    else if ('key' in line) return { status: 'allowed', line, notes };
  }
  return { status: 'refused', notes };
}

export interface PrincipalsQuestion {
  readonly key: PublicKey;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly caSignatureAlgorithms?: readonly string[] | undefined;
}

export interface FoundPrincipals {
  /** For a plain key the patterns of its line as they stand there; for a certificate its own names that the line allows. */
  readonly principals: readonly string[];
  readonly line: AllowedSignersEntry | undefined;
  /** What was wrong with the lines above it. */
  readonly notes: readonly LineProblem[];
}

/**
 * Who may sign with a key, by the first line that has it (or its authority) and holds at this time. The answer is a claim to
 * be checked: verify the message, and ask `checkSigner` with the namespace.
 *
 * @returns no principals and no line where nobody is found.
 */
export function findSignerPrincipals(file: AllowedSigners, question: PrincipalsQuestion): FoundPrincipals {
  const notes: LineProblem[] = [];
  for (const line of file.lines) {
    if ('key' in line && !holdsKey(line, question.key)) continue;
    const principals = 'reason' in line ? [] : namesOf(line, question);
    const refusal = 'reason' in line ? line.reason : (noNames(line, principals) ?? timeRefusal(line, question.now));
    if (refusal !== undefined) notes.push({ file: line.file, line: line.line, reason: refusal });
    else if ('key' in line) return { principals, line, notes };
  }
  return { principals: [], line: undefined, notes };
}

/**
 * The lines whose principals match a name, whatever their keys, up to the first line for it that cannot be read.
 *
 * @returns the lines' principals as they stand there, and what stopped the search, if something did.
 */
export function matchSignerPrincipals(
  file: AllowedSigners,
  principal: string,
): { readonly principals: readonly string[]; readonly problem: LineProblem | undefined } {
  const principals: string[] = [];
  for (const line of file.lines) {
    if (!isFor(line, principal)) continue;
    if ('reason' in line) return { principals, problem: { file: line.file, line: line.line, reason: line.reason } };
    principals.push(line.principals);
  }
  return { principals, problem: undefined };
}

/** A line whose principals cannot be read may be meant for anybody, so that it is reported. */
function isFor(line: AllowedSignersEntry | SignerLineProblem, principal: string): boolean {
  return line.principals === undefined || matchPatternList(principal, line.principals) === 'match';
}

/** Whether the line is for this very key, or for the authority that signed the certificate. */
function holdsKey(line: AllowedSignersEntry, key: PublicKey): boolean {
  if (!line.certAuthority) return line.key.equals(key);
  return key.certificate !== undefined && line.key.plain.equals(key.certificate.signatureKey);
}

/** Why a line that is for the principal and the key does not count. */
function refusalBy(line: AllowedSignersEntry, question: SignerQuestion): string | undefined {
  const { key, principal, namespace, now } = question;
  if (line.certAuthority && key.certificate !== undefined) {
    const refusal = certificateRefusal(key.certificate, { ...question, principals: [principal] });
    if (refusal !== undefined) return `certificate not authorized: ${refusal}`;
  }
  return purposeRefusal(line, namespace) ?? timeRefusal(line, now);
}

/** The line's principals; for a certificate those of its own names that they cover, each as a whole (CVE-2026-35414). */
function namesOf(line: AllowedSignersEntry, question: PrincipalsQuestion): string[] {
  const patterns = line.principals.split(',').filter((name) => name !== '');
  const { certificate } = question.key;
  if (!line.certAuthority || certificate === undefined) return patterns;
  const own = certificate.principals;
  if (certificateRefusal(certificate, { ...question, principals: own }) !== undefined) return [];
  // As OpenSSH: one pattern after the other, and none is negated here.
  return patterns.flatMap((pattern) => own.filter((name) => matchPattern(name, pattern)));
}

function noNames(line: AllowedSignersEntry, principals: readonly string[]): string | undefined {
  return line.certAuthority && principals.length === 0 ? 'no valid principals found' : undefined;
}

function purposeRefusal(line: AllowedSignersEntry, namespace: string): string | undefined {
  if (line.namespaces === undefined || matchPatternList(namespace, line.namespaces) === 'match') return undefined;
  return `key is not permitted for use in signature namespace "${shown(namespace)}"`;
}

function timeRefusal(line: AllowedSignersEntry, now: number): string | undefined {
  const seconds = Math.floor(now / 1000);
  const { validAfter, validBefore } = line;
  const shownNow = (): string => (Number.isFinite(seconds) ? formatAbsoluteTime(BigInt(seconds)) : `${seconds}`);
  // Written so that a time that is no number is refused.
  if (validAfter !== undefined && !(seconds >= validAfter)) {
    return `key is not yet valid: verify time ${shownNow()} < valid-after ${formatAbsoluteTime(BigInt(validAfter))}`;
  }
  if (validBefore !== undefined && !(seconds <= validBefore)) {
    return `key has expired: verify time ${shownNow()} > valid-before ${formatAbsoluteTime(BigInt(validBefore))}`;
  }
  return undefined;
}
