/** Linux (x64 and arm64, glibc and musl): constants and structures behind the platform interface. */
import { bindLibc } from './libc.ts';
import type { Koffi, Platform, ShadowEntry } from './platform.ts';
import { linuxLayout } from './terminal-modes.ts';

/** asm-generic/ioctls.h: the kernel's own termios calls, which no version of the C library reshapes. */
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TCSETSW = 0x5403;

/** Days as spwd holds them: -1 is "not set". */
const unset = -1;

export function createLinux(koffi: Koffi): Platform {
  const libc = bindLibc(koffi, {
    passwd: {
      name: 'const char *',
      password: 'const char *',
      uid: 'uint32_t',
      gid: 'uint32_t',
      gecos: 'const char *',
      home: 'const char *',
      shell: 'const char *',
    },
    fdCloexec: 1,
    getFlags: 3,
    setFlags: 4,
    setFdFlags: 2,
    nonBlocking: 0o4000,
    setPipeSize: 1031,
    getWindowSize: 0x5413,
    setWindowSize: 0x5414,
  });
  const spwd = koffi.struct('nacre_spwd', {
    name: 'const char *',
    password: 'const char *',
    lastChange: 'long',
    min: 'long',
    max: 'long',
    warn: 'long',
    inactive: 'long',
    expire: 'long',
    flag: 'unsigned long',
  });
  const getspnam = libc.lib.func('getspnam_r', 'int', [
    'str',
    koffi.out(koffi.pointer(spwd)),
    'void *',
    'size_t',
    koffi.out(koffi.pointer('void *')),
  ]);

  return {
    ...libc,
    layout: linuxLayout,
    getShadow(name): ShadowEntry | undefined {
      if (name === '' || name.includes('\0')) return undefined;
      const entry: Record<string, string | number | null> = {};
      const found: [unknown] = [null];
      const buffer = Buffer.alloc(64 * 1024);
      if (getspnam(name, entry, buffer, buffer.length, found) !== 0 || found[0] === null) return undefined;
      const day = (value: unknown): number | undefined => (Number(value) === unset ? undefined : Number(value));
      const shadow = {
        passwordField: String(entry.password ?? ''),
        lastChangeDay: day(entry.lastChange),
        maxDays: day(entry.max),
        inactiveDays: day(entry.inactive),
        expireDay: day(entry.expire),
      };
      buffer.fill(0);
      return shadow;
    },
    getTermios(fd) {
      const termios = Buffer.alloc(linuxLayout.byteLength);
      libc.control(fd, TCGETS, 'TCGETS', termios);
      return termios;
    },
    setTermios(fd, termios, when) {
      libc.control(fd, when === 'now' ? TCSETS : TCSETSW, 'TCSETS', termios);
    },
  };
}
