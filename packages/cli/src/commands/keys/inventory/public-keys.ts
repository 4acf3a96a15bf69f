/** Public key files and certificates. */
import { SshError } from '@nacre/ssh/errors';
import {
  type Certificate,
  decodeSignature,
  fingerprint,
  type PublicKey,
  parsePublicKey,
  verifyCertificate,
} from '@nacre/ssh/keys';
import { decodeText, judgeValidity, type ReaderContext, startDraft } from './draft.ts';
import type { FoundFile } from './files.ts';
import type { Draft, Problem } from './items.ts';
import { readKeyFacts } from './key-facts.ts';

export function readPublicKeyFile(file: FoundFile, context: ReaderContext): Draft[] {
  let parsed: { key: PublicKey; comment: string };
  try {
    parsed = parsePublicKey(firstEntry(file.text));
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    return [readUnusable(file, error)];
  }
  const { key } = parsed;
  const comment = decodeText(parsed.comment);
  const facts = readKeyFacts(key.plain.blob);
  const { type, bits, fingerprint: shown } = facts;
  const common = { bits, fingerprint: shown, comment, plainBlob: key.plain.blob.toString('latin1') };
  if (key.certificate === undefined) {
    return [startDraft('public-key', file, { type, ...common, problems: [...facts.problems, ...judgeMode(file)] })];
  }
  return [startCertificate(file, key.certificate, { type: key.type, ...common }, [...facts.problems], context)];
}

function startCertificate(
  file: FoundFile,
  certificate: Certificate,
  common: Partial<Draft>,
  problems: Problem[],
  { nowMs }: ReaderContext,
): Draft {
  const { validAfter, validBefore } = certificate;
  const validity = {
    validFromMs: validAfter === 0n ? undefined : toMs(validAfter),
    expiresMs: validBefore > lastSecond ? undefined : toMs(validBefore),
  };
  return startDraft('certificate', file, {
    ...common,
    ...validity,
    certificate: {
      kind: certificate.kind,
      keyId: certificate.keyId,
      serial: certificate.serial.toString(),
      principals: certificate.principals,
      authority: fingerprint(certificate.signatureKey),
    },
    authorityBlob: certificate.signatureKey.blob.toString('latin1'),
    problems: [...problems, ...judgeSignature(certificate), ...judgeValidity(validity, nowMs), ...judgeMode(file)],
  });
}

/** The last moment that Date knows; no end, or one that nobody will live to see, is beyond it. */
const lastSecond = 8_640_000_000_000n;

function toMs(seconds: bigint): number {
  return Number(seconds > lastSecond ? lastSecond : seconds) * 1000;
}

function judgeSignature(certificate: Certificate): Problem[] {
  const { signature, signatureKey } = certificate;
  const problems: Problem[] = [];
  try {
    verifyCertificate(certificate, signatureKey.signatureAlgorithms);
    const { algorithm } = decodeSignature(signature);
    if (algorithm === 'ssh-rsa') {
      const message = 'its authority signed it with SHA-1 (ssh-rsa): it is refused everywhere; have it signed anew';
      problems.push({ level: 'error', code: 'weak', message });
    }
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    problems.push({ level: 'error', code: 'damaged', message: `it is worth nothing: ${error.message}` });
  }
  for (const { level, code, message } of readKeyFacts(signatureKey.blob).problems) {
    problems.push({ level, code, message: `its authority: ${message}` });
  }
  return problems;
}

/** A file that is no key that is known here: DSA, say, or a cut line. */
function readUnusable(file: FoundFile, error: SshError): Draft {
  const [, type, blob] = /^[ \t]*([A-Za-z0-9@.-]+)[ \t]+(AAAA[A-Za-z0-9+/=]+)/m.exec(file.text) ?? [];
  if (type !== undefined && blob !== undefined) {
    const bytes = Buffer.from(blob, 'base64');
    const facts = readKeyFacts(bytes);
    // A damaged key still says what it was meant to be; of a type that is not known, its type is all there is to tell.
    const known = facts.problems.length > 0;
    const problems: Problem[] = known ? [...facts.problems] : [unusable(error)];
    return startDraft('public-key', file, {
      type,
      bits: facts.bits,
      fingerprint: facts.fingerprint,
      plainBlob: bytes.toString('latin1'),
      problems: [...problems, ...judgeMode(file)],
    });
  }
  return startDraft('public-key', file, { problems: [unusable(error), ...judgeMode(file)] });
}

function unusable(error: SshError): Problem {
  return { level: 'error', code: 'damaged', message: `it cannot be used: ${error.message}` };
}

function judgeMode({ stats }: FoundFile): Problem[] {
  if ((stats.mode & 0o022) === 0 || process.platform === 'win32') return [];
  return [{ level: 'warning', code: 'writable-by-others', message: 'others can write it; chmod go-w' }];
}

/** Without the comments and empty lines that may come first. Armored files are whole. */
function firstEntry(text: string): string {
  if (/^----/m.test(text)) return text;
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  return lines.find((line) => line.trim() !== '' && !line.trim().startsWith('#')) ?? text;
}
