/** @nacre/ssh/x11: displays, their cookies, and the first message of an X11 connection. */

export { type Display, parseDisplay } from './display.ts';
export type { X11Options } from './forwarding.ts';
export { SetupGate } from './setup-gate.ts';
export { type Cookie, obtainCookie, parseXauthList, type XauthRequest } from './xauth.ts';
