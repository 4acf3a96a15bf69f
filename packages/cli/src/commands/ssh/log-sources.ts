/** LogVerbose: which of OpenSSH's source files and functions print a message, for the patterns that name them. */
import { matchPatternList } from '@nacre/ssh/trust';

/** A message that a pattern asks for, with where it comes from in front; undefined where none does. */
export type VerboseFormat = (text: string) => string | undefined;

/**
 * Patterns are matched with `file:function():line (pid=N)`, as OpenSSH makes it up. Lines of its source have no counterpart here:
 * they are 0. A message that OpenSSH does not have is found only by a pattern for everything.
 */
export function verboseFormat(patterns: readonly string[], pid: number): VerboseFormat {
  return (text) => {
    const { file, name, rest } = findSource(text);
    const isAsked = (tag: string) => patterns.some((pattern) => matchPatternList(tag, pattern) === 'match');
    if (!isAsked(`${file}:${name}():0 (pid=${pid})`)) return undefined;
    return file === '' ? text : `${file}:${name}() (pid=${pid}): ${rest}`;
  };
}

/** Many messages begin with the name of their function, which is not repeated behind it. */
function findSource(text: string): { file: string; name: string; rest: string } {
  const plain = text.replace(/^channel \d+/, 'channel #');
  for (const [file, functions] of Object.entries(sources)) {
    for (const [name, beginnings] of Object.entries(functions)) {
      if (beginnings.some((beginning) => plain.startsWith(beginning))) return { file, name, rest: text };
      if (text.startsWith(`${name}: `)) return { file, name, rest: text.slice(name.length + 2) };
    }
  }
  return { file: '', name: '', rest: text };
}

/** By file and function: how the messages begin. `channel #` stands for a channel's number. */
const sources: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'ssh.c': {
    main: ['nacre_', 'Setting implicit'],
    load_public_identity_files: ['identity file '],
    ssh_init_forwarding: ['Local connections to ', 'Remote connections from '],
    ssh_confirm_remote_forward: ['remote forward ', 'Allocated port ', 'Warning: remote port forwarding failed '],
    ssh_session2: ['Requesting no-more-sessions'],
    ssh_session2_setup: ['Requesting X11 forwarding', 'Requesting authentication agent forwarding'],
  },
  'sshconnect.c': {
    ssh_connect_direct: ['Connecting to ', 'Connection established.', 'connect to address ', 'ssh: connect to host '],
    ssh_proxy_connect: ['Executing proxy command: '],
    ssh_login: ['Authenticating to '],
    ssh_local_cmd: ['Executing '],
    get_hostfile_hostname_ipaddr: ['using hostkeyalias: '],
    verify_host_key: ['Server host key: ', 'matching host key fingerprint', 'mismatching host key fingerprint'],
    check_host_key: [
      ...["Host '", 'Found key in ', 'Found CA key in ', 'Warning: Permanently added ', 'No matching CA found'],
      ...['Forcing accepting of host key', 'checking without port identifier', 'found matching key w/out port'],
    ],
  },
  'dns.c': { verify_host_key_dns: ['skipped DNS lookup for ', 'found '] },
  'sshconnect2.c': {
    input_userauth_service_accept: ['service_accept: ', 'SSH2_MSG_SERVICE_ACCEPT received'],
    input_userauth_failure: ['Authentications that can continue: ', 'Authenticated using "'],
    authmethod_get: ['Next authentication method: ', 'No more authentication methods'],
    pubkey_prepare: ['Will attempt key: '],
    userauth_pubkey: ['Offering public key: ', 'Trying private key: '],
    input_userauth_pk_ok: ['Server accepts key: '],
    load_identity_file: ['no such identity: ', 'no passphrase given'],
    sign_and_send_pubkey: [],
    ssh_keysign: [],
    userauth_hostbased: ['HostbasedAuthentication enabled but '],
    ssh_userauth2: ['Authenticated to '],
  },
  'hostfile.c': { hostkeys_find: [] },
  'compat.c': { compat_banner: [] },
  'kex.c': {
    kex_exchange_identification: ['Local version string ', 'Remote protocol version '],
    kex_send_kexinit: ['SSH2_MSG_KEXINIT sent'],
    kex_input_kexinit: ['SSH2_MSG_KEXINIT received'],
    choose_kex: ['kex: algorithm: '],
    choose_hostkeyalg: ['kex: host key algorithm: '],
    kex_choose_conf: ['kex: server->client ', 'kex: client->server ', 'local client KEXINIT', 'peer server KEXINIT'],
    kex_buf2prop: [
      ...['KEX algorithms: ', 'host key algorithms: ', 'ciphers ', 'MACs ', 'compression ', 'languages '],
      ...['first_kex_follows ', 'reserved '],
    ],
    kex_send_newkeys: ['SSH2_MSG_NEWKEYS sent', 'expecting SSH2_MSG_NEWKEYS'],
    kex_input_newkeys: ['SSH2_MSG_NEWKEYS received'],
    kex_input_ext_info: ['SSH2_MSG_EXT_INFO received'],
    kex_ext_info_client_parse: [],
    kex_ext_info_check_ver: [],
  },
  'kexgen.c': {
    kex_gen_client: ['expecting SSH2_MSG_KEX'],
    input_kex_gen_reply: ['SSH2_MSG_KEX_ECDH_REPLY received', 'SSH2_MSG_KEXDH_REPLY received'],
  },
  'kexgexc.c': {
    kexgex_client: ['SSH2_MSG_KEX_DH_GEX_REQUEST'],
    input_kex_dh_gex_group: ['SSH2_MSG_KEX_DH_GEX_GROUP received', 'SSH2_MSG_KEX_DH_GEX_INIT sent'],
    input_kex_dh_gex_reply: ['SSH2_MSG_KEX_DH_GEX_REPLY received'],
  },
  'packet.c': {
    ssh_packet_send2_wrapped: ['send packet: '],
    ssh_packet_read_poll2: ['receive packet: '],
    ssh_packet_read_poll_seqnr: ['Remote: ', 'Received disconnect from '],
    ssh_set_newkeys: ['rekey out after ', 'rekey in after '],
    sshpkt_vfatal: ['Connection closed by ', 'Connection reset by ', 'Unable to negotiate with ', 'Disconnected from '],
    ssh_dispatch_run_fatal: [],
  },
  'clientloop.c': {
    client_loop: [
      ...['Entering interactive session', 'Transferred: ', 'Bytes per second: ', 'Exit status '],
      ...['ControlPersist timeout expired', 'Killed by signal '],
    ],
    client_session2_setup: ['Sending environment.', 'Sending command: ', 'Sending subsystem: '],
    client_send_env: ['channel #: setting env '],
    client_input_channel_req: ['client_input_channel_req: '],
    client_input_global_request: ['client_input_global_request: '],
    client_x11_get_proto: ['X11 forwarding requested but '],
    client_request_x11: ['Rejected X11 connection'],
    client_request_forwarded_tcpip: [],
    client_request_agent: [],
    client_input_hostkeys: [],
    update_known_hosts: [],
    client_process_net_input: ['Read from remote host ', 'Connection to '],
  },
  'channels.c': {
    channel_new: ['channel #: new '],
    channel_free: ['channel #: free: '],
    channel_input_open_failure: ['channel #: open failed: '],
    channel_setup_fwd_listener_tcpip: ['Local forwarding listening on '],
    channel_post_port_listener: ['Connection to port ', 'Connection to path '],
    channel_post_connecting: ['connect_to '],
    x11_open_helper: ['X11 connection rejected '],
  },
  'mux.c': {
    muxclient: ['auto-mux: ', 'Control socket ', 'Stale control socket '],
    muxserver_listen: ['setting up multiplex master socket', 'ControlSocket '],
    mux_client_hello_exchange: [],
    mux_client_request_alive: [],
    mux_client_request_session: [],
    mux_client_request_stdio_fwd: [],
  },
};
