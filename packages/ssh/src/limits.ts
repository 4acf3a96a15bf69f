/** Every limit of the protocol core, each with the harm it prevents. Sizes are in bytes, times in milliseconds. */

/** A peer could stream text before its identification line for ever (RFC 4253 §4.2 sets no bound). */
export const maxLinesBeforeIdentification = 1024;
/** RFC 4253 §4.2: 255 characters with CR LF; OpenSSH reads lines up to 8 KiB before it. */
export const maxIdentificationBytes = 255;
export const maxPreIdentificationLineBytes = 8192;

/** A forged packet_length would otherwise reserve gigabytes (OpenSSH's own cap is 256 KiB). */
export const maxPacketBytes = 256 * 1024;
/** Before login: unauthenticated peers may make us hold or hash no more than this in all (OpenSSH CVE-2016-8858). */
export const maxBytesBeforeAuth = 1024 * 1024;
export const maxPacketsBeforeAuth = 4096;

/** Outgoing bytes held back while a rekey runs; a writer is told to wait beyond it (Go CVE-2025-22869). */
export const maxBytesHeldInRekey = 2 * 1024 * 1024;
/** Peer's data packets still in flight after we asked for a rekey; a peer that never answers would otherwise go on for ever. */
export const maxBytesAwaitingRekeyReply = 64 * 1024 * 1024;
/** Outgoing replies queued for a peer that asks and never reads (ping, global requests, channel requests). */
export const maxQueuedReplyBytes = 1024 * 1024;

/** Rekey thresholds: RFC 4344 §3.2 and RFC 4253 §9 ("each gigabyte or hour"), GCM's invocation counter, 32-bit sequence numbers. */
export const rekeyAfterBytes = 1024 * 1024 * 1024;
export const rekeyAfterPackets = 2 ** 31;
/** AES ciphers with 16-byte blocks may go further than a gigabyte (RFC 4344 §3.2: 2^(L/4) blocks); OpenSSH uses 64 GiB for them. */
export const rekeyAfterBytesLargeBlock = 64 * 1024 * 1024 * 1024;
export const rekeyAfterMs = 60 * 60 * 1000;

/** Algorithms in one name-list, and bytes in one list: keeps negotiation linear and small. */
export const maxNameListBytes = 16 * 1024;
export const maxNameListEntries = 512;
/** RFC 4251 §6: algorithm names are at most 64 characters. */
export const maxAlgorithmNameBytes = 64;
/** Any one string inside a message; a message itself is bounded by maxPacketBytes. */
export const maxStringBytes = maxPacketBytes;
/** Multiple-precision integers: 16384-bit numbers plus a sign byte (huge numbers burn CPU, Go CVE-2026-39829). */
export const maxMpintBytes = 2049;

/** RSA moduli: below is forgeable, above burns CPU in every verification. */
export const minRsaBits = 2048;
export const minRsaBitsOnRequest = 1024;
export const maxRsaBits = 16384;
/** Diffie-Hellman groups: Logjam below, CPU above (RFC 8270). */
export const minDhGroupBits = 2048;
export const maxDhGroupBits = 8192;

/** Key files: a larger file is no key. */
export const maxKeyFileBytes = 1024 * 1024;
/** bcrypt rounds in a key file; a giant count hangs the reader (Go b315afd). 24 is OpenSSH's default. */
export const maxKdfRounds = 10_000;
/** Rounds of PBKDF2 (or 8·N·r·p of scrypt) in an encrypted PKCS#8 file; OpenSSL would run any number in the calling thread. */
export const maxContainerKdfCost = 10_000_000;
/** Argon2 parameters of a PPK v3 file: memory in KiB, passes, lanes. */
export const maxArgon2MemoryKib = 1024 * 1024;
export const maxArgon2Passes = 1000;
export const maxArgon2Lanes = 64;
/** Names a certificate may list, and options; each is compared at every login (OpenSSH caps principals at 256). */
export const maxCertificatePrincipals = 256;
export const maxCertificateOptions = 256;
/** A host pattern or list of them longer than this is no name (patterns are matched in linear time besides). */
export const maxPatternBytes = 8192;
/** Lines of known_hosts, authorized_keys and the like. */
export const maxTrustLineBytes = 64 * 1024;
export const maxTrustFileBytes = 64 * 1024 * 1024;
/** A configuration file: a device without an end would fill the memory. */
export const maxConfigFileBytes = 16 * 1024 * 1024;
/** A revocation list is held in memory and walked once at every reading (OpenSSH reads no more either). */
export const maxRevocationListBytes = 128 * 1024 * 1024;
/** One bitmap of serials, with its sign byte: 2^24 certificates. A giant number would be unfolded bit by bit. */
export const maxRevocationBitmapBytes = 2 * 1024 * 1024 + 1;
/** What we write: beyond 2^14 bits OpenSSH refuses to read a bitmap (though its own ssh-keygen may write one). */
export const maxWrittenBitmapBits = 16_384;
/** Ranges of serials that are sorted in memory, 16 bytes each: a bitmap of every second bit holds four of them in a byte. */
export const maxRevokedSerialRanges = 4 * 1024 * 1024;
/** Authorities that a revocation list names: each is decoded as a key. */
export const maxRevocationAuthorities = 4096;
/** A signature file (SSHSIG): a certificate and an RSA signature of the largest size take 30 KiB. */
export const maxMessageSignatureBytes = 256 * 1024;
/** The namespace of such a signature, which every verifier compares and reports. */
export const maxSignatureNamespaceBytes = 1024;
/** An agent's message in either direction (RUSTSEC-2026-0154: no limit at all). */
export const maxAgentMessageBytes = 256 * 1024;
export const maxAgentKeys = 2048;
/** Hops in one key's destination constraints, host keys of one hop, certificates for one token: all are compared at each use. */
export const maxAgentDestinations = 1024;
export const maxAgentDestinationKeys = 1024;
export const maxAgentCertificates = 1024;
/** Hops of a forwarded agent, and bytes of a session id: kept for as long as the connection lives (OpenSSH's own limits). */
export const maxAgentSessions = 16;
export const maxSessionIdBytes = 128;
/** Wrong guesses at an agent's lock that may wait their turn, over all connections. */
export const maxWaitingUnlocks = 16;

/** Login: attempts of every kind count (Go 5adb68b), and a connection that does not log in is closed. */
export const maxAuthAttempts = 6;
/** Requests that prove nothing ("none", key queries) are cheap for the peer, so they are capped as well. */
export const maxAuthRequests = 128;
export const loginGraceMs = 120_000;
/** A header of the PROXY protocol: some hundred bytes with all that balancers add. */
export const maxProxyHeaderBytes = 4096;
/** How long a balancer may take for it: it is to come with the connection. */
export const proxyHeaderMs = 5000;
/** Connections of balancers whose header is not there yet. */
export const maxAwaitedProxyHeaders = 256;
/** Failures are answered no sooner than this after the request, whatever the cause (user enumeration by timing). */
export const authFailureDelayMs = 5;
export const maxUserNameBytes = 1024;
export const maxPasswordBytes = 4096;
export const maxKeyboardInteractivePrompts = 64;
export const maxBannerBytes = 64 * 1024;

/** Host keys that a server may announce: each is asked for and may be written to known_hosts. */
export const maxAnnouncedHostKeys = 64;
/** What a KnownHostsCommand may print: a program that prints for ever would fill the memory. */
export const maxHostCommandBytes = 16 * 1024 * 1024;

/** What ssh-keysign may answer: a signature. A helper gone wrong could fill our memory otherwise. */
export const maxKeysignReplyBytes = 16 * 1024;
/** Records in an answer of DNS: an SSHFP record is needed for each host key and hash. */
export const maxDnsRecords = 256;
/** Answers to other questions before a name server is given up: forged ones would keep us reading until the time is over. */
export const maxForgedDnsAnswers = 32;

/** Channels one connection may hold open; each costs memory before any policy is asked. */
export const maxChannels = 1024;
/** Our receive window: where it starts, and how far it may grow with the path's bandwidth-delay product. */
export const initialWindowBytes = 2 * 1024 * 1024;
/** On a long path it starts larger, up to this: nobody knows yet whether what comes is read. */
export const mostFirstWindowBytes = 16 * 1024 * 1024;
/**
 * What a long path is taken to hold for each millisecond of its round trip before it was measured: 1 Gbit/s through three quarters
 * of a window, since up to one waits to be given back (connection/window.ts).
 */
export const firstWindowBytesPerMs = 167_000;
export const maxWindowBytes = 64 * 1024 * 1024;
/** Receive windows of all channels together: what a silent consumer can make us hold. */
export const maxConnectionWindowBytes = 256 * 1024 * 1024;
/** Largest data message we take; OpenSSH's own is 32 KiB, larger ones pay only between two nacre ends. */
export const maxChannelPacketBytes = 64 * 1024;
/** A peer whose maximum packet is smaller than this would have us send a packet a byte (russh CVE-2025-54804). */
export const minPeerPacketBytes = 256;
/** Packets of a tunnel that wait to be sent: more of them would only arrive later, and a peer that reads nothing would have us keep them. */
export const maxTunnelQueueBytes = 128 * 1024;
/** Channel requests and global requests waiting for the application to answer. */
export const maxPendingRequests = 128;
export const maxEnvironmentVariables = 128;
export const maxEnvironmentBytes = 128 * 1024;
export const maxCommandBytes = 128 * 1024;
export const maxTerminalModesBytes = 4096;

/** An sftp message in either direction; OpenSSH's servers and clients have the same bound. */
export const maxSftpMessageBytes = 256 * 1024;
/** File handles are opaque strings of the server's that we keep and send back (draft-ietf-secsh-filexfer-02 §6.2). */
export const maxSftpHandleBytes = 256;
/** sftp requests under way at once; a further one waits. Each may have a reply of a whole message on its way to us. */
export const maxSftpPendingRequests = 512;
/** What a client of our sftp server may hold open; each handle is a file descriptor and some memory. */
export const maxSftpOpenHandles = 1024;
/** Requests of one sftp client at work at once; the next ones wait, and nothing more is read meanwhile. */
export const maxSftpServedRequests = 128;
/** Bytes of reads and writes of one sftp client at work at once: 128 requests of 256 KiB each would be 32 MiB. */
export const maxSftpServedBytes = 4 * 1024 * 1024;
/** What one READ gives and one WRITE may hold: a message without its head. OpenSSH's server has the same number. */
export const maxSftpDataBytes = maxSftpMessageBytes - 1024;
/** Paths that a client of our sftp server may name; Linux takes no longer ones. */
export const maxSftpPathBytes = 4096;
/** Users and groups that one request may ask the names of: each is a look-up in the system's databases. */
export const maxSftpIdLookups = 4096;
/** Symbolic links followed in one path (Linux's own number), and steps in all: links and ".." can make a short path a long way. */
export const maxSymbolicLinks = 40;
export const maxPathSteps = 10_000;
/** Extensions that a version message or a set of file attributes may list; each is kept. */
export const maxSftpExtensions = 128;
/** What a file is read whole into memory up to, where the caller names no bound. */
export const maxSftpWholeFileBytes = 64 * 1024 * 1024;

/** A line of the scp protocol: a record with its name, or an error's text (OpenSSH's own buffers hold 2 KiB). */
export const maxScpLineBytes = 8 * 1024;
/** Folders within folders that an scp peer may have us make: no path of any system holds more. */
export const maxScpDepth = 2048;
/** Names that the braces of one pattern may stand for: `{a,b}` twenty times over would be a million. */
export const maxBraceExpansions = 1024;
/** Folders inside folders, in a tree that is copied or removed: a server may list one that never ends. */
export const maxSftpTreeDepth = 512;

/** Names of one folder that are kept in memory at the same time: a server may list without an end. */
export const maxSftpFolderEntries = 4_000_000;

/** Plain bytes we let the socket hold before channels must wait: bulk must not stand in front of a keystroke. */
export const socketHighWaterBytes = 256 * 1024;
/** The same while somebody types over the connection: at 100 Mbit/s a key waits 5 ms behind it. */
export const bulkQueueBytesBesideKeys = 64 * 1024;
/** Receive window of a bulk channel beside keys, on a path so short that less would do. */
export const leastWindowBesideKeysBytes = 256 * 1024;

/** A peer's texts for people (refusals, reasons) in an error or a log: longer ones would flood it. */
export const maxShownBytes = 1024;
