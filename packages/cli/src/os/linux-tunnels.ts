/** Tunnel devices of Linux: /dev/net/tun and the call that makes a device of it. */
import { closeSync, constants, openSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import type { Libc } from './libc.ts';
import type { Platform } from './platform.ts';

const controlPath = '/dev/net/tun';

/** linux/if_tun.h: no four bytes of flags and protocol before each packet. */
const TUNSETIFF = 0x400454ca;
const IFF_TUN = 0x0001;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;

/** linux/if.h: struct ifreq is a name, and a union of 24 bytes that begins with the flags. */
const ifreqBytes = 40;
const nameBytes = 16;

const O_CLOEXEC = 0o2000000;

export function bindTunnels({ lib, control, systemError }: Libc): Platform['openTunnel'] {
  return (mode, name, at) => {
    const dup3 = lib.func('int dup3(int from, int to, int flags)');
    const fd = openControl();
    try {
      const request = Buffer.alloc(ifreqBytes);
      request.write(name, 0, nameBytes - 1, 'latin1');
      request.writeUInt16LE((mode === 'ethernet' ? IFF_TAP : IFF_TUN) | IFF_NO_PI, nameBytes);
      try {
        control(fd, TUNSETIFF, 'TUNSETIFF', request);
      } catch (cause) {
        const { message } = cause as Error;
        throw failure(`${name || 'a new device'}: ${message}`, message.split(' ').at(-1), cause);
      }
      if (dup3(fd, at, O_CLOEXEC) === -1) throw systemError('dup3');
      return request.toString('latin1', 0, request.indexOf(0));
    } finally {
      closeSync(fd);
    }
  };
}

function openControl(): number {
  try {
    return openSync(controlPath, constants.O_RDWR | constants.O_NONBLOCK | O_CLOEXEC);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw failure(`${controlPath} could not be opened: ${code}`, code, cause);
  }
}

const noModule = 'load the kernel module: modprobe tun';

const remedies: Readonly<Record<string, string>> = {
  ENOENT: noModule,
  ENODEV: noModule,
  EPERM: 'only root makes such devices; root can make one for you: ip tuntap add dev NAME mode tun user YOU',
  EACCES: `only root may; root can give you ${controlPath}`,
  EBUSY: 'another program uses it: take another number, or any',
  EINVAL: 'there is a device of this name and another kind: take another number, or any',
};

function failure(message: string, errorName: string | undefined, cause: unknown): SshError {
  const remedy = remedies[errorName ?? ''];
  return new SshError(message, {
    code: 'unsupported',
    stage: 'usage',
    cause,
    ...(remedy !== undefined && { remedy }),
  });
}
