/** authorized_keys files: which keys and authorities may log in, and what their logins may do. */
import { SshError } from '../errors.ts';
import type { Certificate, PublicKey } from '../keys/types.ts';
import { type KeyOptions, noKeyOptions, optionsEnd, parseKeyOptions } from './key-options.ts';
import {
  type LoginContext,
  mergePermissions,
  type Permissions,
  permissionsFromCertificate,
  refusalFor,
} from './permissions.ts';
import {
  contentOf,
  cutField,
  keyFieldsFlaw,
  type LineProblem,
  lineFlaw,
  requireFileLength,
  splitLines,
} from './trust-file.ts';
import { linesWith, type TrustText } from './trust-text.ts';
import { certificateRefusal } from './user-certificate.ts';

/** One good line of authorized_keys. */
export interface AuthorizedKeysEntry extends KeyOptions {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
  readonly keyType: string;
  readonly blob: Buffer;
  readonly comment: string;
}

export interface AuthorizedKeys {
  readonly name: string;
  readonly entries: readonly AuthorizedKeysEntry[];
  /** Lines that cannot be understood wholly: they let nobody in. */
  readonly problems: readonly LineProblem[];
}

/**
 * Parses a whole file, for reports and editors. A login asks `findAuthorizedKey` instead.
 *
 * @throws SshError `limit-exceeded` for a file too large to be one.
 */
export function parseAuthorizedKeys(text: string, options: { name: string }): AuthorizedKeys {
  const file = options.name;
  const entries: AuthorizedKeysEntry[] = [];
  const problems: LineProblem[] = [];
  for (const [index, lineText] of splitLines(text, file).entries()) {
    const content = contentOf(lineText);
    if (content === undefined) continue;
    const line = index + 1;
    const fields = lineFlaw(lineText) ?? splitEntry(content);
    const entry = typeof fields === 'string' ? fields : completeEntry(fields, { file, line, text: lineText });
    if (typeof entry === 'string') problems.push({ file, line, reason: entry });
    else entries.push(entry);
  }
  return { name: file, entries, problems };
}

export interface AuthorizedKeyContext extends LoginContext {
  /** The user who logs in: a certificate must name them, unless the line names principals of its own. */
  readonly user: string;
  /** The file's name, for reports. */
  readonly file: string;
  /** CASignatureAlgorithms: what an authority may sign with; default everything but SHA-1. */
  readonly caSignatureAlgorithms?: readonly string[] | undefined;
}

export type AuthorizedKeyVerdict =
  | { readonly status: 'authorized'; readonly permissions: Permissions; readonly line: AuthorizedKeysEntry }
  | {
      readonly status: 'refused';
      /** Why each line that has this key (or its authority) refused it; empty where the file does not have it. */
      readonly reasons: readonly LineProblem[];
    };

/**
 * Looks for a key in an authorized_keys file: a plain key by its exact bytes, a certificate by the authority that signed it.
 * The first line that lets it in decides. Pure: nothing is remembered from keys that were only offered (Go CVE-2024-45337).
 *
 * The caller still has to verify the signature, with the permissions' requireUserPresence and requireUserVerification.
 *
 * @param text - the file's text, or better its bytes as they were read.
 * @throws SshError `limit-exceeded` for a file too large to be one; every error means refusal.
 */
export function findAuthorizedKey(
  text: TrustText,
  key: PublicKey,
  context: AuthorizedKeyContext,
): AuthorizedKeyVerdict {
  const { file } = context;
  const wanted = key.certificate?.signatureKey ?? key;
  const wantedText = wanted.blob.toString('base64');
  const reasons: LineProblem[] = [];
  requireFileLength(text, file);
  for (const { line: lineText, number: line } of linesWith(text, wantedText)) {
    if (lineFlaw(lineText) !== undefined) continue;
    const content = contentOf(lineText);
    const fields = content === undefined ? undefined : splitEntry(content);
    if (typeof fields !== 'object' || fields.keyText !== wantedText || fields.keyType !== wanted.type) continue;
    const entry = completeEntry(fields, { file, line, text: lineText });
    const verdict = typeof entry === 'string' ? entry : permitEntry(entry, key, context);
    if (typeof verdict === 'string') reasons.push({ file, line, reason: verdict });
    else if (typeof entry === 'object') return { status: 'authorized', permissions: verdict, line: entry };
  }
  return { status: 'refused', reasons };
}

/** The permissions that a line gives this key here and now, or why it gives none. */
function permitEntry(entry: AuthorizedKeysEntry, key: PublicKey, context: AuthorizedKeyContext): Permissions | string {
  const { certificate } = key;
  if (certificate === undefined) {
    if (entry.certAuthority) return 'the line is for certificates of this key (cert-authority), not for the key itself';
    return refusalFor(entry.permissions, context) ?? entry.permissions;
  }
  if (!entry.certAuthority) return 'the line does not mark the key as an authority (cert-authority)';
  const principals = entry.principals ?? [context.user];
  const refusal = certificateRefusal(certificate, {
    principals,
    now: context.now,
    caSignatureAlgorithms: context.caSignatureAlgorithms,
  });
  if (refusal !== undefined) return `the certificate is refused: ${refusal}`;
  return joinCertificate(entry.permissions, certificate, context);
}

function joinCertificate(line: Permissions, certificate: Certificate, context: LoginContext): Permissions | string {
  try {
    const joined = mergePermissions(line, permissionsFromCertificate(certificate));
    return refusalFor(joined, context) ?? joined;
  } catch (error) {
    if (error instanceof SshError) return error.message;
    throw error;
  }
}

interface EntryFields {
  readonly options: string;
  readonly keyType: string;
  readonly keyText: string;
  readonly comment: string;
}

function splitEntry(content: string): EntryFields | string {
  const direct = splitKey('', content);
  if (typeof direct === 'object') return direct;
  const end = optionsEnd(content);
  const behind = splitKey(content.slice(0, end), content.slice(end).trimStart());
  // A line that starts with a key type has no options: then the first complaint is the one that helps.
  return typeof behind === 'string' && /^(ssh|ecdsa|sk|rsa)-/.test(content) ? direct : behind;
}

function splitKey(options: string, text: string): EntryFields | string {
  const [keyType, afterType] = cutField(text);
  const [keyText, comment] = cutField(afterType);
  return keyFieldsFlaw(keyType, keyText) ?? { options, keyType, keyText, comment };
}

function completeEntry(
  fields: EntryFields,
  at: { file: string; line: number; text: string },
): AuthorizedKeysEntry | string {
  if (fields.keyType.includes('-cert-v0')) return 'expected a plain key, got a certificate; name its authority instead';
  const options = fields.options === '' ? noKeyOptions : parseKeyOptions(fields.options);
  if (typeof options === 'string') return options;
  const { keyType, comment } = fields;
  return { ...at, ...options, keyType, comment, blob: Buffer.from(fields.keyText, 'base64') };
}
