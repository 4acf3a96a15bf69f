/** What is given up with a server whose key is not the one on file, where StrictHostKeyChecking=no goes on all the same. */
import { FatalError } from './end.ts';
import type { Request } from './request.ts';

/**
 * Tells what is off from here on, and switches it off: whoever is on the way could use our agent, display and networks.
 *
 * @throws FatalError where forwards are a condition (ExitOnForwardFailure).
 */
export function giveUpForwarding({ settings, log }: Request): void {
  const { localForward, remoteForward, dynamicForward } = settings;
  const forwards = localForward.length + remoteForward.length + dynamicForward.length;
  const rows: readonly (readonly [string, boolean, Partial<Request['settings']>])[] = [
    ['Password authentication', settings.passwordAuthentication, { passwordAuthentication: false }],
    [
      'Keyboard-interactive authentication',
      settings.kbdInteractiveAuthentication,
      { kbdInteractiveAuthentication: false },
    ],
    ['Agent forwarding', settings.forwardAgent !== false, { forwardAgent: false }],
    ['X11 forwarding', settings.forwardX11, { forwardX11: false }],
    ['Port forwarding', forwards > 0, { localForward: [], remoteForward: [], dynamicForward: [] }],
    ['Tunnel forwarding', settings.tunnel !== 'no', { tunnel: 'no' }],
  ];
  for (const [name, isOn, off] of rows) {
    if (!isOn) continue;
    log.error(`${name} is disabled to avoid man-in-the-middle attacks.`);
    // In the settings themselves: everything that follows login reads them there.
    Object.assign(settings, off);
  }
  const isLessThanAsked = rows.some(([, isOn]) => isOn);
  if (settings.exitOnForwardFailure && isLessThanAsked) {
    throw new FatalError('Error: forwarding disabled due to host key check failure');
  }
}
