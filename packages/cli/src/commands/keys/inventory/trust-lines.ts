/** The files that say whom to trust, line by line: authorized_keys, known_hosts and allowed_signers. */
import {
  type AuthorizedKeysEntry,
  type LineProblem,
  parseAllowedSigners,
  parseAuthorizedKeys,
  parseKnownHosts,
} from '@nacre/ssh/trust';
import { decodeText, judgeValidity, type Reader, type ReaderContext, startDraft } from './draft.ts';
import type { FoundFile } from './files.ts';
import type { Draft, Problem, TrustPlace } from './items.ts';
import { readKeyFacts } from './key-facts.ts';

type LineKind = TrustPlace['kind'];

export const readKnownHostsFile: Reader = (file) => {
  const { entries, problems } = parseKnownHosts(file.text, { name: file.path });
  return [
    ...entries.map((entry) => {
      const { blob, line, marker, hosts: names, comment } = entry;
      return startLine('known-host', file, line, blob, {
        marker,
        names: decodeText(names),
        comment: decodeText(comment),
      });
    }),
    ...badLines('known-host', file, problems),
  ];
};

export const readAuthorizedKeysFile: Reader = (file, context) => {
  const { entries, problems } = parseAuthorizedKeys(file.text, { name: file.path });
  return [
    ...entries.map((entry) => startAuthorizedKey(file, entry, context)),
    ...badLines('authorized-key', file, problems),
  ];
};

function startAuthorizedKey(file: FoundFile, entry: AuthorizedKeysEntry, { nowMs }: ReaderContext): Draft {
  const { expiresAt } = entry.permissions;
  const validity = { validFromMs: undefined, expiresMs: expiresAt === undefined ? undefined : expiresAt * 1000 };
  const options = findOptions(entry);
  return startLine(
    'authorized-key',
    file,
    entry.line,
    entry.blob,
    {
      ...validity,
      comment: decodeText(entry.comment),
      options,
      marker: entry.certAuthority ? 'cert-authority' : undefined,
    },
    judgeValidity(validity, nowMs),
  );
}

/** What stands before the key's type. The key is looked for, as a command in the options may hold the type's name too. */
function findOptions({ text, blob, keyType }: AuthorizedKeysEntry): string | undefined {
  const keyAt = text.indexOf(blob.toString('base64').replace(/=+$/, ''));
  const options = keyAt < 0 ? '' : text.slice(0, keyAt).trimEnd().slice(0, -keyType.length).trim();
  return options === '' ? undefined : decodeText(options);
}

export const readAllowedSignersFile: Reader = (file, { nowMs }) => {
  const { entries, problems } = parseAllowedSigners(file.text, { name: file.path });
  return [
    ...entries.map(({ line, key, principals, comment, certAuthority, validAfter, validBefore }) => {
      const validity = { validFromMs: secondsToMs(validAfter), expiresMs: secondsToMs(validBefore) };
      return startLine(
        'allowed-signer',
        file,
        line,
        key.plain.blob,
        {
          ...validity,
          names: decodeText(principals),
          comment: decodeText(comment),
          marker: certAuthority ? 'cert-authority' : undefined,
        },
        judgeValidity(validity, nowMs),
      );
    }),
    ...badLines('allowed-signer', file, problems),
  ];
};

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

function startLine(
  kind: LineKind,
  file: FoundFile,
  line: number,
  blob: Buffer,
  facts: Partial<Draft>,
  problems: readonly Problem[] = [],
): Draft {
  const { type, bits, fingerprint, problems: flaws } = readKeyFacts(blob);
  return startDraft(kind, file, {
    ...facts,
    line,
    type,
    bits,
    fingerprint,
    plainBlob: blob.toString('latin1'),
    problems: [...flaws, ...problems],
  });
}

/** Lines that are skipped by whoever reads the file: they trust nobody, whatever their author thought. */
function badLines(kind: LineKind, file: FoundFile, problems: readonly LineProblem[]): Draft[] {
  return problems.map(({ line, reason }) =>
    startDraft(kind, file, {
      line,
      problems: [{ level: 'warning', code: 'damaged', message: `the line is skipped: ${reason}` }],
    }),
  );
}
