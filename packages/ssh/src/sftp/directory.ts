/** Listing a folder: names come in batches, and each is looked at before anybody uses it. */
import type { FileAttributes } from './attributes.ts';
import * as messages from './messages.ts';
import { type SftpName, toName } from './name.ts';
import type { CallOptions } from './requests.ts';
import type { SftpSession } from './session.ts';
import { badSftp } from './sftp-error.ts';
import { describeSubject } from './status.ts';

/** What a folder lists. */
export interface SftpEntry extends SftpName {
  /** Of the entry itself, not of what a link leads to. */
  readonly attributes: FileAttributes;
  /** The server's line for people, as `ls -l` prints it: free text, and not safe to print as it is. */
  readonly longName: Buffer;
}

type Batch = { readonly names: readonly messages.NameEntry[] } | undefined;

/** Batches that are asked for at the same time in a large folder: each would cost a round trip of its own. */
const mostBatches = 8;

/** The entries of a folder but `.` and `..`; the handle is closed when the loop ends, however it does. */
export async function* listFolder(
  session: SftpSession,
  path: Buffer,
  options: CallOptions = {},
): AsyncGenerator<SftpEntry, void, undefined> {
  const subject = { operation: 'readdir', path };
  const handle = await session.openHandle({ operation: 'opendir', path }, messages.opendir, { path }, options);
  const batches: Promise<Batch>[] = [];
  try {
    for (let atOnce = 1; ; atOnce = Math.min(atOnce * 2, mostBatches)) {
      while (batches.length < atOnce) {
        const batch = session.askUntilEnd(subject, messages.readdir, { handle }, messages.names, options);
        // Behind the end, or behind a loop that was left, nobody looks at it any more.
        batch.catch(() => {});
        batches.push(batch);
      }
      const reply = await batches.shift();
      // An empty batch is no progress: taken for the end, as OpenSSH does.
      if (reply === undefined || reply.names.length === 0) return;
      for (const { name, longName, attributes } of reply.names) {
        if (isOwnOrParent(name)) continue;
        if (!isPlainName(name)) {
          const error = badSftp(`${describeSubject(subject)}: the server lists a name that is none inside a folder`);
          session.requests.fail(error);
          throw error;
        }
        yield { ...toName(name), longName, attributes };
      }
    }
  } finally {
    // What the listing failed with matters, and not that its handle could not be closed.
    await session.confirm({ operation: 'close', path }, messages.close, { handle }).catch(() => {});
  }
}

function isOwnOrParent(name: Buffer): boolean {
  const { length } = name;
  return name[0] === dot && (length === 1 || (length === 2 && name[1] === dot));
}

/** A name with a slash in it would lead whoever joins paths out of the folder (CVE-2019-6111 and its kin). */
function isPlainName(name: Buffer): boolean {
  // Names are short: a loop costs less than two calls out of the language.
  for (let at = 0; at < name.length; at++) if (name[at] === slash || name[at] === 0) return false;
  return name.length > 0;
}

const dot = 0x2e;
const slash = 0x2f;
