/** What ssh-add can do: a row each, the first one that is asked for is done. */
import type { Request } from '../request.ts';

/** Gives the exit status. */
export interface Action {
  run(request: Request): Promise<number>;
}

export interface ActionRow {
  isAsked(request: Request): boolean;
  load(): Promise<Action>;
}

const actions: readonly ActionRow[] = [
  { isAsked: ({ flags }) => flags.lock + flags.unlock > 0, load: () => import('./lock.ts') },
  { isAsked: ({ flags }) => flags.listFingerprints + flags.listKeys > 0, load: () => import('./list.ts') },
  { isAsked: ({ flags }) => flags.removeAll, load: () => import('./remove-all.ts') },
  { isAsked: ({ flags }) => flags.extensions, load: () => import('./extensions.ts') },
  { isAsked: ({ flags }) => flags.test, load: () => import('./test-keys.ts') },
  { isAsked: ({ tokenProvider }) => tokenProvider !== undefined, load: () => import('./tokens.ts') },
  { isAsked: ({ flags }) => flags.residentKeys, load: () => import('./resident-keys.ts') },
  { isAsked: ({ removes }) => removes, load: () => import('./remove-keys.ts') },
  { isAsked: () => true, load: () => import('./add-keys.ts') },
];

export function chooseAction(request: Request): ActionRow {
  return actions.find(({ isAsked }) => isAsked(request)) as ActionRow;
}
