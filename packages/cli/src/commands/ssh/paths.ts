/** Paths and texts of the configuration, expanded for one connection. */
export { expandPath, orUndefined } from '@nacre/ssh/client';
