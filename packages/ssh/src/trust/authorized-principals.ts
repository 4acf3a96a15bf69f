/** Files of AuthorizedPrincipalsFile: names that a certificate may bear to log in as a user, each with options of its own. */
import type { Certificate } from '../keys/types.ts';
import { noKeyOptions, parseKeyOptions } from './key-options.ts';
import { type LoginContext, type Permissions, refusalFor } from './permissions.ts';
import { type LineProblem, lineFlaw, splitLines } from './trust-file.ts';

export interface PrincipalsContext extends LoginContext {
  /** The file's name, for reports. */
  readonly file: string;
}

export type PrincipalsVerdict =
  | {
      readonly status: 'authorized';
      /** The name that the certificate bears. */
      readonly principal: string;
      /** Counted from 1. */
      readonly line: number;
      readonly permissions: Permissions;
    }
  | {
      readonly status: 'refused';
      /** Why lines with a name of the certificate's refused it; empty where there is none. */
      readonly reasons: readonly LineProblem[];
    };

/**
 * Looks for a name of a certificate's in a file of principals. Names are compared whole and the certificate's are never split
 * (OpenSSH CVE-2026-35414). The first line that names one decides.
 *
 * That the certificate is good, and its authority trusted, is for the caller to say.
 *
 * @throws SshError `limit-exceeded` for a file too large to be one; every error means refusal.
 */
export function findAuthorizedPrincipal(
  text: string,
  { principals }: Pick<Certificate, 'principals'>,
  context: PrincipalsContext,
): PrincipalsVerdict {
  const { file } = context;
  const reasons: LineProblem[] = [];
  for (const [index, lineText] of splitLines(text, file).entries()) {
    const { options, principal } = splitLine(lineText);
    if (principal === '' || !principals.includes(principal)) continue;
    const line = index + 1;
    const parsed = lineFlaw(lineText) ?? (options === '' ? noKeyOptions : parseKeyOptions(options));
    if (typeof parsed === 'string') {
      reasons.push({ file, line, reason: parsed });
      continue;
    }
    const { permissions } = parsed;
    const refusal = refusalFor(permissions, context);
    if (refusal === undefined) return { status: 'authorized', principal, line, permissions };
    reasons.push({ file, line, reason: refusal });
    break;
  }
  return { status: 'refused', reasons };
}

/** Whatever stands before the last blank is options: a principal holds none. A number sign ends a line wherever it stands. */
function splitLine(text: string): { options: string; principal: string } {
  const content = text.replace(/#.*$/s, '').replace(/^[ \t]+|[ \t]+$/g, '');
  const blank = content.lastIndexOf(' ');
  const at = blank < 0 ? content.lastIndexOf('\t') : blank;
  return { options: content.slice(0, Math.max(at, 0)).trimEnd(), principal: content.slice(at + 1) };
}
