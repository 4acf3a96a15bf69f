/** What the log says of a peer, in the words that readers of OpenSSH's know. */
import { maxShownBytes } from '../limits.ts';
import { printable } from '../wire/index.ts';
import { debug } from './messages.ts';

/** Its identification, and what OpenSSH's table of peers says: of its own kind there is one fact, that the version is a recent one. */
export function identificationLines(identification: string): string[] {
  const software = printable(identification.replace(/^SSH-[^-]*-/, ''));
  const match = software.startsWith('OpenSSH')
    ? `compat_banner: match: ${software} pat OpenSSH* compat 0x04000000`
    : `compat_banner: no match: ${software}`;
  return [`Remote protocol version 2.0, remote software version ${software}`, match];
}

/** The extensions of an EXT_INFO. */
export function extensionLines(extensions: Iterable<readonly [string, Buffer]>): string[] {
  const lines = Array.from(extensions, ([name, value]) => {
    const reader = name === 'server-sig-algs' ? 'kex_ext_info_client_parse' : 'kex_ext_info_check_ver';
    return `${reader}: ${name}=<${printable(value)}>`;
  });
  return ['SSH2_MSG_EXT_INFO received', ...lines];
}

/** The text of a DEBUG, safe to show, and whether the peer wants it shown. */
export function readDebug(payload: Buffer): { text: string; alwaysDisplay: boolean } {
  const { text, alwaysDisplay } = debug.decode(payload);
  return { text: printable(text.subarray(0, maxShownBytes), 'many'), alwaysDisplay };
}
