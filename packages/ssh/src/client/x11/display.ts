/** DISPLAY: where an X server listens, taken apart and checked. */
import { SshError } from '../../errors.ts';

/** An X server's address. */
export interface Display {
  /** As it was given. */
  readonly name: string;
  readonly address: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly screen: number;
  /** What xauth knows it by. */
  readonly xauthName: string;
}

const firstPort = 6000;
const maxDisplayNumber = 65535 - firstPort;
const maxScreen = 400;
const maxLength = 1024;

/**
 * Reads a display: `:0`, `unix:0.1`, `host:0`, `localhost:10.0`, or the path of a socket as macOS has it.
 *
 * The text becomes an argument of xauth and part of its files, so that only harmless characters are taken (CVE-2016-3115: line
 * feeds that became commands of xauth's).
 *
 * @throws SshError `misuse` where it is no display.
 */
export function parseDisplay(text: string): Display {
  if (text.length > maxLength || !/^[A-Za-z0-9:/._-]+$/.test(text) || text.startsWith('-')) {
    throw notDisplay(text, 'letters, digits and ":/._-" are expected');
  }
  const found = /^(.*):([0-9]{1,5})(?:\.([0-9]{1,3}))?$/.exec(text);
  if (found === null) throw notDisplay(text, '":", a number and perhaps "." and a screen are missing at its end');
  const [, host = '', numberText = '', screenText = '0'] = found;
  const number = Number(numberText);
  const screen = Number(screenText);
  if (number > maxDisplayNumber) throw notDisplay(text, `displays go up to ${maxDisplayNumber}`);
  if (screen > maxScreen) throw notDisplay(text, `screens go up to ${maxScreen}`);
  // macOS: the socket's file has the number in its name.
  if (text.startsWith('/')) return { name: text, address: { path: `${host}:${numberText}` }, screen, xauthName: text };
  // "::0" is an old way to write ":0".
  if (host === '' || host === 'unix' || host === ':') {
    const path = `/tmp/.X11-unix/X${number}`;
    return { name: text, address: { path }, screen, xauthName: text };
  }
  // xauth files a display of this machine's under "unix", whatever carries its connections.
  const xauthName = host === 'localhost' ? `unix:${text.slice('localhost:'.length)}` : text;
  return { name: text, address: { host, port: firstPort + number }, screen, xauthName };
}

function notDisplay(text: string, reason: string): SshError {
  return new SshError(`DISPLAY "${JSON.stringify(text.slice(0, 100)).slice(1, -1)}" is invalid: ${reason}`, {
    code: 'misuse',
    stage: 'usage',
    remedy: 'Set DISPLAY to something like ":0" or "host:0".',
  });
}
