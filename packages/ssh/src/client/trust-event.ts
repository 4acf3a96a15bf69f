/** What happens while a host is judged, in OpenSSH's words, for a log or for the person. */

export type TrustEventLevel = 'error' | 'info' | 'verbose' | 'debug1' | 'debug2' | 'debug3';

export interface TrustEvent {
  /** At which log level OpenSSH says it. */
  readonly level: TrustEventLevel;
  readonly text: string;
}

export type OnTrustEvent = (event: TrustEvent) => void;
