/** macOS: constants and structures behind the platform interface. */
import { bindLibc } from './libc.ts';
import type { Koffi, Platform } from './platform.ts';
import { darwinLayout } from './terminal-modes.ts';

/** sys/ttycom.h, with the size of struct termios (72) in the middle bits. */
const TIOCGETA = 0x40487413;
const TIOCSETA = 0x80487414;
const TIOCSETAW = 0x80487415;

export function createDarwin(koffi: Koffi): Platform {
  const libc = bindLibc(koffi, {
    passwd: {
      name: 'const char *',
      password: 'const char *',
      uid: 'uint32_t',
      gid: 'uint32_t',
      change: 'long',
      class: 'const char *',
      gecos: 'const char *',
      home: 'const char *',
      shell: 'const char *',
      expire: 'long',
    },
    fdCloexec: 1,
    getFlags: 3,
    setFlags: 4,
    setFdFlags: 2,
    nonBlocking: 0x4,
    getWindowSize: 0x40087468,
    setWindowSize: 0x80087467,
  });
  return {
    ...libc,
    layout: darwinLayout,
    // macOS keeps no shadow file: its directory service judges passwords and accounts itself.
    getShadow: () => undefined,
    getTermios(fd) {
      const termios = Buffer.alloc(darwinLayout.byteLength);
      libc.control(fd, TIOCGETA, 'TIOCGETA', termios);
      return termios;
    },
    setTermios(fd, termios, when) {
      libc.control(fd, when === 'now' ? TIOCSETA : TIOCSETAW, 'TIOCSETA', termios);
    },
  };
}
