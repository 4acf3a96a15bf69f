/** Chooses the platform's implementation and loads koffi for it, when first asked and not before. */
import { createRequire } from 'node:module';
import { SshError } from '@nacre/ssh/errors';
import { createDarwin } from './darwin.ts';
import { createLinux } from './linux.ts';
import type { Koffi, Platform } from './platform.ts';

let loaded: Platform | undefined;

/**
 * The platform of this process. koffi is loaded at the first call (10 to 30 ms), so only ask where it is needed.
 *
 * @throws SshError `unsupported` where there is no implementation or koffi has no binary.
 */
export function platform(): Platform {
  loaded ??= loadPlatform();
  return loaded;
}

/** The platform, or undefined where there is none: for callers with a fallback in plain Node. */
export function tryPlatform(): Platform | undefined {
  try {
    return platform();
  } catch {
    return undefined;
  }
}

/** For what is no part of a platform. Throws Node's error where koffi has no binary. */
export function loadKoffi(): Koffi {
  return createRequire(import.meta.url)('koffi') as Koffi;
}

function loadPlatform(): Platform {
  const create = { linux: createLinux, darwin: createDarwin }[process.platform as string];
  if (create === undefined) {
    throw new SshError(`accounts and terminals of ${process.platform} are not known here`, {
      code: 'unsupported',
      stage: 'usage',
      remedy: 'use Linux or macOS for this',
    });
  }
  try {
    return create(loadKoffi());
  } catch (cause) {
    throw new SshError(`the native helper koffi could not be loaded for ${process.platform}-${process.arch}`, {
      code: 'unsupported',
      stage: 'usage',
      remedy: 'install the dependencies anew with npm install, optional ones included',
      cause,
    });
  }
}
