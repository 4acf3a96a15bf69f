/** Names that a server gave, as names of files here. */
import { SshError } from '../../errors.ts';
import { printable } from '../../wire/index.ts';

const slash = 0x2f;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Requires a name that stays in its folder. What a server lists is looked at when it is read already; this is the last door before
 * the disk (CVE-2018-20685, CVE-2019-6111 and their kin).
 */
export function requireLocalName(name: Buffer, platform: NodeJS.Platform = process.platform): void {
  const isDots = (name.length === 1 || name.length === 2) && name.every((byte) => byte === 0x2e);
  if (name.length === 0 || isDots || name.includes(slash) || name.includes(0)) {
    throw refused(name, 'it would lead out of its folder');
  }
  if (platform === 'win32') requireWindowsName(name);
}

/** A backslash is a slash there, a colon opens a stream of another file, and some names are devices, whatever folder they are in. */
function requireWindowsName(name: Buffer): void {
  let text: string;
  try {
    text = utf8.decode(name);
  } catch {
    throw refused(name, 'it is no UTF-8, and Windows has no other names');
  }
  if (/[\\:*?"<>|\u0000-\u001f]/.test(text)) throw refused(name, 'it holds a character that Windows does not allow');
  if (/[. ]$/.test(text)) throw refused(name, 'Windows drops dots and blanks at the end of a name');
  if (/^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\.|$)/i.test(text)) {
    throw refused(name, 'it is a device of Windows');
  }
}

/** What names have in common that are one file on this system: two of them in a folder would overwrite each other. */
export function foldLocalName(name: Buffer, platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32' && platform !== 'darwin') return name.toString('latin1');
  return name.toString('utf8').normalize('NFC').toLowerCase();
}

function refused(name: Buffer, reason: string): SshError {
  return new SshError(`the name "${printable(name, 'one')}" is refused: ${reason}`, {
    code: 'bad-message',
    stage: 'sftp',
    side: 'peer',
  });
}
