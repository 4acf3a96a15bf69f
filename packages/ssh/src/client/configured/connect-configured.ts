/** connect() by the files that ssh reads: aliases, keys, known hosts, jump hosts, proxies, as the command line has them. */
import { clientTokens, tokenFacts } from '../../config/index.ts';
import { SshError } from '../../errors.ts';
import type { ClientConnection } from '../client-connection.ts';
import type { ConnectOptions } from '../options.ts';
import { parseTarget, type Target } from '../target.ts';
import type { ConfiguredCallbacks } from './callbacks.ts';
import { type ConfigSource, type SettledHost, settleHost, withPlace } from './config-source.ts';
import { configuredOptions } from './index.ts';
import { openWay, type Station } from './way.ts';

/** What a program gives besides the files; whatever is given here outweighs them. */
export interface ConfiguredConnectOptions extends Partial<ConnectOptions> {
  /** `true` for the files that ssh reads, or other files and lines that outweigh them. */
  readonly config: true | ConfigSource;
  /**
   * Who is asked and told. Nobody is asked without: unknown hosts are then refused, unless the files say otherwise. Questions
   * for passwords are asked for the host at the end of the way only; for jump hosts give a function.
   */
  readonly callbacks?: ConfiguredCallbacks | ((host: AskingHost) => ConfiguredCallbacks);
}

/** Who wants to know. */
export interface AskingHost {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly isJumpHost: boolean;
}

export type Connect = (target: Target, options: ConnectOptions) => Promise<ClientConnection>;

/**
 * Connects as the files say, over jump hosts or a proxy where they say so.
 *
 * @param connect - connects to one host, over a stream where there is one.
 */
export async function connectConfigured(
  target: string | Target,
  options: ConfiguredConnectOptions,
  connect: Connect,
): Promise<ClientConnection> {
  const source = options.config === true ? {} : options.config;
  const typed = parseTarget(target);
  const named = { ...typed, ...(options.user !== undefined && { user: options.user }) };
  const settled = await settleHost(named, source);
  const { config } = settled;
  const { host, settings } = config;
  // Names of files go into commands and logs as those of programs do.
  const place = parseTarget({ host, port: settings.port, ...(settings.user !== undefined && { user: settings.user }) });
  refuseIfTold(settled);
  const own = optionsFor(settled, options, false);
  if (options.stream !== undefined) return await connect(place, own);
  const { signal } = options;
  const way = await openWay(stationOf(settled, source, options, connect), signal === undefined ? {} : { signal });
  try {
    const connection = await connect(place, { ...own, ...(way.stream !== undefined && { stream: way.stream }) });
    void connection.closed.then(() => way.close());
    return connection;
  } catch (error) {
    await way.close();
    throw error;
  }
}

function stationOf(
  settled: SettledHost,
  source: ConfigSource,
  options: ConfiguredConnectOptions,
  connect: Connect,
): Station {
  const { config } = settled;
  return {
    config,
    readStation: async (jump, over) => stationOf(await settleHost(jump, source, { over }), source, options, connect),
    connect: async (stream) => {
      refuseIfTold(settled);
      const { host, settings } = config;
      const user = settings.user === undefined ? {} : { user: settings.user };
      const own = optionsFor(settled, options, true);
      return await connect({ host, port: settings.port, ...user }, { ...own, ...(stream !== undefined && { stream }) });
    },
    log: (level, text) => options.log?.(level, text),
  };
}

function refuseIfTold({ config }: SettledHost): void {
  const { refuseConnection } = config.settings;
  if (refuseConnection === undefined || refuseConnection.text.toLowerCase() === 'none') return;
  const { file, line } = refuseConnection.place;
  throw new SshError(`RefuseConnection: ${refuseConnection.text}`, {
    code: 'misuse',
    stage: 'config',
    remedy: `${file} line ${line} forbids it.`,
  });
}

/** The files' options, and over them the caller's; to a jump host go only those that are meant for every host. */
function optionsFor(settled: SettledHost, given: ConfiguredConnectOptions, isJumpHost: boolean): ConnectOptions {
  const { config, system } = settled;
  const { host, settings, user } = config;
  const asking: AskingHost = { host, port: settings.port, user, isJumpHost };
  const callbacks = callbacksFor(asking, given);
  let isMismatch = false;
  const watched: ConfiguredCallbacks = {
    ...callbacks,
    onMismatchAccepted: (...facts) => {
      isMismatch = true;
      callbacks.onMismatchAccepted?.(...facts);
    },
  };
  const tokens = clientTokens(tokenFacts(config), system);
  let fromFiles: ConnectOptions;
  try {
    fromFiles = configuredOptions(config, { tokens, home: system.home, environment: system.environment }, watched);
  } catch (error) {
    throw withPlace(error, config);
  }
  // The system's own limit may be minutes; that of connect() is the better default.
  const { timeoutMs, ...rest } = fromFiles;
  const { channelTimeout } = settings;
  const configured: ConnectOptions = {
    ...rest,
    ...(settings.connectTimeoutSeconds !== undefined && timeoutMs !== undefined && { timeoutMs }),
    ...(channelTimeout.length > 0 && { channelTimeouts: channelTimeout }),
  };
  const { signal, log } = given;
  const everywhere = { ...(signal && { signal }), ...(log && { log }) };
  if (isJumpHost) return { ...configured, ...everywhere };
  return overlay(configured, given, () => isMismatch);
}

/** Whoever logs wants our words too; secrets are asked for only where they go to the host that the caller named. */
function callbacksFor(host: AskingHost, { callbacks = {}, log, onNotice, passphrase }: ConfiguredConnectOptions) {
  const common: ConfiguredCallbacks = {
    ...(log && {
      log: (level: string, text: string) => log(level === 'debug3' ? 3 : level === 'debug2' ? 2 : 1, text),
    }),
    ...(onNotice && { onNotice, onWarning: onNotice }),
    ...(passphrase && { passphrase }),
  };
  if (typeof callbacks === 'function') return { ...common, ...callbacks(host) };
  if (!host.isJumpHost) return { ...common, ...callbacks };
  const { password: _password, changePassword: _change, keyboardInteractive: _answers, ...open } = callbacks;
  return { ...common, ...open };
}

/** What the caller gives takes the place of what the files say; nothing secret goes to a server with the wrong key. */
function overlay(
  configured: ConnectOptions,
  given: ConfiguredConnectOptions,
  isMismatch: () => boolean,
): ConnectOptions {
  const { config: _config, callbacks: _callbacks, user: _user, password, auth = {}, algorithms, ...plain } = given;
  const said = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined));
  const { keyboardInteractive } = auth;
  const methods = configured.auth?.preferredMethods ?? [];
  const wanted = [
    ...methods,
    ...(keyboardInteractive && !methods.includes('keyboard-interactive') ? ['keyboard-interactive'] : []),
    ...(password !== undefined && !methods.includes('password') ? ['password'] : []),
  ];
  // Keys that are named here are meant to be there, and to be those that are tried.
  const named = given.identities !== undefined && {
    skipUnusableKeys: false,
    ...(given.agent === undefined && { agent: false as const }),
  };
  return {
    ...configured,
    ...named,
    ...said,
    ...(algorithms && { algorithms: { ...configured.algorithms, ...algorithms } }),
    ...(password !== undefined && {
      password: async (request) => {
        if (isMismatch()) return undefined;
        if (typeof password === 'function') return await password(request);
        return request.attempt === 1 ? password : undefined;
      },
    }),
    auth: {
      ...configured.auth,
      ...(wanted.length > 0 && { preferredMethods: wanted }),
      // In batch mode nobody is asked; a password that is given needs nobody.
      ...(password !== undefined && { numberOfPasswordPrompts: configured.auth?.numberOfPasswordPrompts || 3 }),
      ...auth,
      ...(keyboardInteractive && {
        keyboardInteractive: async (request) => (isMismatch() ? undefined : await keyboardInteractive(request)),
      }),
    },
  };
}
