/** SSH_MSG_EXT_INFO (RFC 8308): what each side tells the other after the first key exchange. */
import { protocolError } from '../errors.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import type { Role } from './phase.ts';

/** Extensions of one message; more than this is no list anybody sends. */
const maxExtensions = 64;

/** What we announce. @param signatureAlgorithms - a server's list of login signatures it takes. */
export function encodeExtInfo(role: Role, signatureAlgorithms: readonly string[]): Buffer {
  const extensions: [string, string][] =
    role === 'server'
      ? [
          ['server-sig-algs', signatureAlgorithms.join(',')],
          ['publickey-hostbound@openssh.com', '0'],
          ['ping@openssh.com', '0'],
        ]
      : [['ping@openssh.com', '0']];
  const writer = new WireWriter().uint8(7).uint32(extensions.length);
  for (const [name, value] of extensions) writer.string(name).string(value);
  return writer.finish();
}

/** What the peer has announced, and whether it may announce more. */
export class PeerExtensions {
  all: ReadonlyMap<string, Buffer> = new Map();
  /** From a server, before login ended: the second message that RFC 8308 allows it. */
  #hasLate = false;

  /**
   * Takes an EXT_INFO. RFC 8308 §2.4, against rogue extension lists (asyncssh CVE-2023-46445): once right after the first
   * NEWKEYS, and from a server once more before login ends.
   *
   * @param isLate - it came during login.
   * @param isFirstPacket - nothing else came since NEWKEYS.
   * @returns what it announced.
   */
  accept(payload: Buffer, isLate: boolean, isFirstPacket: boolean): ReadonlyMap<string, Buffer> {
    if (isLate ? this.#hasLate : !isFirstPacket) {
      throw protocolError(
        'transport',
        'EXT_INFO may come right after the first NEWKEYS, or from a server once before login ends',
      );
    }
    if (isLate) this.#hasLate = true;
    const extensions = decodeExtensions(payload);
    this.all = new Map([...this.all, ...extensions]);
    return extensions;
  }
}

/** What the peer announces; a name that comes twice is an error (RFC 8308 §2.3). */
function decodeExtensions(payload: Buffer): Map<string, Buffer> {
  const reader = new WireReader(payload, 'EXT_INFO', 1);
  const count = reader.uint32('extension count');
  if (count > maxExtensions) throw reader.error(`${count} extensions, at most ${maxExtensions} are taken`);
  const extensions = new Map<string, Buffer>();
  for (let index = 0; index < count; index++) {
    const name = reader.ascii('extension name');
    if (extensions.has(name)) throw reader.error(`extension ${name} stands there twice`);
    // A copy: the payload's memory is large and this is kept.
    extensions.set(name, Buffer.from(reader.string(`value of ${name}`)));
  }
  reader.finish();
  return extensions;
}
